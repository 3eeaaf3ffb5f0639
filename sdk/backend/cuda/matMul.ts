/** Matrix products by this package's own kernels, where cuBLASLt is not there. */
import type { Cuda, GemmOperand, GemmOptions } from "./cuda.ts";
import { cudaKernel } from "./kernel.ts";

const SIGNATURE = "iiipiipiipiiffuuu";
const MAT_MUL = {
  float32: cudaKernel("matMulFloat32", "matMul_float32", SIGNATURE),
  bfloat16: cudaKernel("matMulBfloat16", "matMul_bfloat16", SIGNATURE),
};
/** Rows and columns of c that one block makes. */
const TILE = 128;
/** `kSharedBytes` of native/cuda/matMulBfloat16.cu; the float32 kernel needs none. */
const SHARED_BYTES = { float32: 0, bfloat16: 61_440 };

/**
 * The arguments of a product with their defaults, in the order of `CudaDriver.gemm` up to the strides. One by one into
 * an array that is there: a step of a 7B model has a thousand products, and lists would be its largest garbage.
 */
export function gemmArguments(
  target: Float64Array,
  m: number,
  n: number,
  k: number,
  a: GemmOperand,
  b: GemmOperand,
  c: GemmOperand,
  { alpha = 1, beta = 0, batch = 1 }: GemmOptions,
): void {
  target[0] = m;
  target[1] = n;
  target[2] = k;
  target[3] = a.address;
  target[4] = a.ld ?? (a.transposed ? m : k);
  target[5] = a.transposed ? 1 : 0;
  target[6] = a.storage === "float32" ? 0 : 1;
  target[7] = b.address;
  target[8] = b.ld ?? (b.transposed ? k : n);
  target[9] = b.transposed ? 1 : 0;
  target[10] = b.storage === "float32" ? 0 : 1;
  target[11] = c.address;
  target[12] = c.ld ?? n;
  target[13] = c.storage === "float32" ? 0 : 1;
  target[14] = alpha;
  target[15] = beta;
  target[16] = batch;
  target[17] = a.stride ?? 0;
  target[18] = b.stride ?? 0;
  target[19] = c.stride ?? 0;
}

const resolved = new Float64Array(20);

/** As `Cuda.gemm`. */
export function gemmKernels(
  cuda: Cuda,
  m: number,
  n: number,
  k: number,
  a: GemmOperand,
  b: GemmOperand,
  c: GemmOperand,
  options: GemmOptions = {},
): void {
  gemmArguments(resolved, m, n, k, a, b, c, options);
  const batch = resolved[16];
  if (m * n * batch === 0) return;
  if (a.storage !== b.storage) throw new Error(`matMul: a is ${a.storage} and b is ${b.storage}`);
  // The kernel is made for one storage of a and b, and the grid has the batch.
  const args = [...resolved].filter((_, i) => i !== 6 && i !== 10 && i !== 16);
  const grid = [Math.ceil(m / TILE) * Math.ceil(n / TILE), batch, 1] as const;
  cuda.launch(MAT_MUL[a.storage], grid, 256, args, SHARED_BYTES[a.storage]);
}
