/** Matrix products by this package's own kernels, where cuBLASLt is not there. */
import type { Cuda, GemmOperand, GemmOptions } from "./cuda.ts";
import { cudaKernels } from "./kernel.ts";

const MAT_MUL = cudaKernels("matMul", "matMul", "iiipiipiipiiffuuu");
/** Rows and columns of c that one block makes. */
const TILE = 128;
/** `kSharedBytes` of native/cuda/matMul.cu; the float32 kernel needs none. */
const SHARED_BYTES = { float32: 0, bfloat16: 61_440 };

/** As `Cuda.gemm`. */
export function gemmKernels(
  cuda: Cuda,
  m: number,
  n: number,
  k: number,
  a: GemmOperand,
  b: GemmOperand,
  c: GemmOperand,
  { alpha = 1, beta = 0, batch = 1 }: GemmOptions = {},
): void {
  if (m * n * batch === 0) return;
  if (a.storage !== b.storage) throw new Error(`matMul: a is ${a.storage} and b is ${b.storage}`);
  const args = [
    ...[m, n, k],
    ...[a.address, a.ld ?? (a.transposed ? m : k), Number(a.transposed ?? false)],
    ...[b.address, b.ld ?? (b.transposed ? k : n), Number(b.transposed ?? false)],
    ...[c.address, c.ld ?? n, Number(c.storage === "bfloat16")],
    ...[alpha, beta, a.stride ?? 0, b.stride ?? 0, c.stride ?? 0],
  ];
  const grid = [Math.ceil(m / TILE) * Math.ceil(n / TILE), batch, 1] as const;
  cuda.launch(MAT_MUL[a.storage], grid, 256, args, SHARED_BYTES[a.storage]);
}
