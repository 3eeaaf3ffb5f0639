/**
 * The linear layer on the GPU. Large products are cuBLASLt's. The adapter's update is written first, and the product
 * with W adds to it. The adapter's own kernels (native/cuda/linear.cu) serve bfloat16 activations and small ranks; other
 * cases take the general road, where each of its steps is a product of cuBLASLt.
 */
import type { Cuda, CudaTensor } from "../../backend/cuda/cuda.ts";
import { type CudaKernel, cudaKernel, cudaKernels } from "../../backend/cuda/kernel.ts";
import { denseWeight, deviceWeight, SCALE_SIGNATURE, scaleArguments } from "../../weights/deviceWeight.ts";
import type { FrozenWeight } from "../../weights/weight.ts";

export interface CudaLora {
  /** float32 [r, in] */
  a: CudaTensor;
  /** float32 [out, r] */
  b: CudaTensor;
  r: number;
  scale: number;
  dropout: number;
  seed: number;
}

/** Up to so many rows, W is read as it is stored, by kernels of its own. */
const FEW_ROWS = 8;
/** The greatest rank of the adapter's kernels. */
const SMALL_RANK = 16;
/** Columns of a block of threads in the kernels that go through rows. */
const BLOCK_COLUMNS = 512;

/** The kernels for the rank: each works on r rounded up to 8 or 16. */
const ranked = (name: string, signature: string) => ({
  8: cudaKernel("linear", `${name}8`, signature),
  16: cudaKernel("linear", `${name}16`, signature),
});
const DOWN = ranked("linearDown", "ppiiifup");
const DOWN_TALL = ranked("linearDownTall", "ppiiifup");
const UP = ranked("linearUp", "ppiiifip");
const BACKWARD_DY = ranked("linearBackwardDy", "pppiiiipp");
const BACKWARD_X = ranked("linearBackwardX", "pppiiifuipp");
const SUM = cudaKernel("linear", "linearSum", "piiffp");
const DROPOUT = cudaKernels("linear", "linearDropout", "piifup");
const DOWN_FEW = cudaKernels("linear", "linearDownFew", "ppiiifup");
const FEW = {
  float32: cudaKernels("linear", "linearFewFloat32", "ppiiippifp"),
  bfloat16: cudaKernels("linear", "linearFewBfloat16", "ppiiippifp"),
  nf4: cudaKernels("linear", "linearFewNf4", `pp${SCALE_SIGNATURE}iiippifp`),
};
const TILES = {
  bfloat16: cudaKernel("linear", "linearTilesBfloat16", "ppiiippifp"),
  nf4: cudaKernel("linear", "linearTilesNf4", `pp${SCALE_SIGNATURE}iiippifp`),
};
/** Dynamic shared memory of `linearTilesNf4`: its tables. */
const NF4_TABLE_BYTES = 32768;

/** Where W is: frozen in its packed form, or float32 in a trainable tensor. */
export type CudaMatrix = FrozenWeight | CudaTensor;

/** y [rows, out] and, with an adapter, xa [rows, r] in float32 for backward. */
export function linearForward(
  cuda: Cuda,
  given: CudaTensor,
  matrix: CudaMatrix,
  out: number,
  lora?: CudaLora,
) {
  const x = cuda.as(given, cuda.activation);
  const [rows, inn] = x.shape;
  const y = cuda.allocate([rows, out]);
  const xa = lora && cuda.allocate([rows, lora.r], "float32");
  const outputs = xa ? [y, xa] : [y];
  if (rows === 0) return outputs;
  const dropped = lora && xa ? down(cuda, x, lora, xa) : undefined;
  if (rows <= FEW_ROWS) {
    few(cuda, x, matrix, y, lora, xa);
    return outputs;
  }
  if (lora && xa) {
    if (dropped === undefined) {
      const [grid, blockRows] = gridOverRows(cuda, rows, out);
      cuda.launch(UP[rankOf(lora)], grid, 256, [
        ...[xa.address, lora.b.address, rows, out, lora.r, lora.scale],
        ...[blockRows, y.address],
      ]);
    } else {
      const b = { ...cuda.as(lora.b, x.storage), transposed: true };
      cuda.gemm(rows, out, lora.r, cuda.as(xa, x.storage), b, y, { alpha: lora.scale });
    }
  }
  const w = { ...activationWeight(cuda, matrix), transposed: true };
  cuda.gemm(rows, out, inn, x, w, y, { beta: lora ? 1 : 0 });
  return outputs;
}

/** dx, and gradients of a trainable W and of the adapter, in float32. */
export function linearBackward(
  cuda: Cuda,
  given: { dy: CudaTensor; x: CudaTensor },
  matrix: CudaMatrix,
  lora?: CudaLora & { xa: CudaTensor },
): { x: CudaTensor; weight?: CudaTensor; a?: CudaTensor; b?: CudaTensor } {
  const [dy, x] = [cuda.as(given.dy, cuda.activation), cuda.as(given.x, cuda.activation)];
  const [rows, inn] = x.shape;
  const out = dy.shape[1];
  const gradients: ReturnType<typeof linearBackward> = { x: cuda.allocate([rows, inn]) };
  if (lora) {
    gradients.a = cuda.allocate([lora.r, inn], "float32");
    gradients.b = cuda.allocate([out, lora.r], "float32");
  }
  if ("address" in matrix) gradients.weight = cuda.allocate([out, inn], "float32");
  const { x: dx, a: dA, b: dB, weight: dW } = gradients;
  if (rows === 0) {
    for (const { address, shape } of [dA, dB, dW].filter((tensor) => tensor !== undefined)) {
      cuda.driver.fill(address, 0, shape[0] * shape[1]);
    }
    return gradients;
  }
  if (lora && dA && dB) {
    const backward = hasKernels(x, out, lora.r) ? adapterBackward : adapterBackwardByProducts;
    backward(cuda, dy, x, lora, { dx, dA, dB });
  }
  cuda.gemm(rows, inn, out, dy, activationWeight(cuda, matrix), dx, { beta: lora ? 1 : 0 });
  if (dW) cuda.gemm(out, inn, rows, { ...dy, transposed: true }, x, dW);
  return gradients;
}

function activationWeight(cuda: Cuda, matrix: CudaMatrix): CudaTensor {
  return "address" in matrix
    ? cuda.as(matrix, cuda.activation)
    : denseWeight(cuda, deviceWeight(cuda, matrix));
}

function rankOf({ r }: { r: number }): 8 | 16 {
  return r <= 8 ? 8 : 16;
}

/** True where the adapter's kernels may run: their accesses are pieces of 8 values. */
function hasKernels(x: CudaTensor, out: number, r: number): boolean {
  return x.storage === "bfloat16" && r <= SMALL_RANK && x.shape[1] % 8 === 0 && out % 8 === 0;
}

/** Blocks of some rows and 512 columns: enough of them to fill the GPU, and few enough that their sums are small. */
export function gridOverRows(cuda: Cuda, rows: number, columns: number): [[number, number, number], number] {
  const across = Math.ceil(columns / BLOCK_COLUMNS);
  const wanted = Math.ceil((6 * cuda.device.multiprocessors) / across);
  const blockRows = Math.max(64, Math.ceil(rows / wanted / 16) * 16);
  return [[Math.ceil(rows / blockRows), across, 1], blockRows];
}

/**
 * xa = drop(x) A^T. Returns drop(x) where it had to be made, undefined where the adapter's kernels can take x as it is.
 */
function down(cuda: Cuda, x: CudaTensor, lora: CudaLora, xa: CudaTensor): CudaTensor | undefined {
  const [rows, inn] = x.shape;
  const { a, r, dropout, seed } = lora;
  const args = [x.address, a.address, rows, inn, r, dropout, seed, xa.address];
  if (rows <= FEW_ROWS) {
    cuda.launch(DOWN_FEW[x.storage], r, 256, args);
    return undefined;
  }
  if (hasKernels(x, lora.b.shape[0], r)) {
    const rank = rankOf(lora);
    // 64 rows a block read A less often, but must be enough for the whole GPU.
    const tall = rows >= 48 * cuda.device.multiprocessors;
    if (tall) cuda.launch(DOWN_TALL[rank], Math.ceil(rows / 64), 512, args, 16 * 64 * rank * 4);
    else cuda.launch(DOWN[rank], Math.ceil(rows / 16), 256, args, 8 * 16 * rank * 4);
    return undefined;
  }
  const dropped = dropout > 0 ? cuda.allocate(x.shape) : x;
  if (dropout > 0) drop(cuda, x, lora, dropped);
  cuda.gemm(rows, r, inn, dropped, { ...cuda.as(a, x.storage), transposed: true }, xa);
  return dropped;
}

function drop(cuda: Cuda, x: CudaTensor, { dropout, seed }: CudaLora, y: CudaTensor): void {
  const [rows, inn] = x.shape;
  const args = [x.address, rows, inn, dropout, seed, y.address];
  cuda.launch(DROPOUT[x.storage], Math.ceil((rows * inn) / 2048), 256, args);
}

/** y = x W^T + scale xa B^T for up to 8 rows, in one launch. */
function few(
  cuda: Cuda,
  x: CudaTensor,
  matrix: CudaMatrix,
  y: CudaTensor,
  lora?: CudaLora,
  xa?: CudaTensor,
): void {
  const [rows, inn] = x.shape;
  const out = y.shape[1];
  const weight = "address" in matrix ? undefined : deviceWeight(cuda, matrix);
  const nf4 = weight?.kind === "nf4";
  const w = weight ? weight.data : (matrix as CudaTensor).address;
  const storage = (weight ?? (matrix as CudaTensor)).storage;
  const update = [xa?.address ?? 0, lora?.b.address ?? 0, lora?.r ?? 0, lora?.scale ?? 0];
  const args = [
    ...[x.address, w, ...(nf4 && weight ? scaleArguments(weight) : [])],
    ...[rows, out, inn, ...update, y.address],
  ];
  const { multiprocessors } = cuda.device;
  const launchTiles = (kernel: CudaKernel, blocks: number, shared: number) =>
    cuda.launch(kernel, Math.min(Math.ceil(out / 16), blocks * multiprocessors), 256, args, shared);
  if (nf4 && x.storage === "bfloat16" && inn % 256 === 0) {
    launchTiles(TILES.nf4, 3, NF4_TABLE_BYTES);
  } else if (!nf4 && storage === "bfloat16" && x.storage === "bfloat16" && inn % 64 === 0) {
    launchTiles(TILES.bfloat16, 4, 0);
  } else {
    cuda.launch(FEW[nf4 ? "nf4" : storage][x.storage], Math.ceil(out / 8), 256, args);
  }
}

interface AdapterGradients {
  dx: CudaTensor;
  dA: CudaTensor;
  dB: CudaTensor;
}

/** dA, dB, and the adapter's part of dx, reading dy and x once each. */
function adapterBackward(
  cuda: Cuda,
  dy: CudaTensor,
  x: CudaTensor,
  lora: CudaLora & { xa: CudaTensor },
  { dx, dA, dB }: AdapterGradients,
): void {
  const { a, b, xa, r, scale, dropout, seed } = lora;
  const [rows, inn] = x.shape;
  const out = dy.shape[1];
  const rank = rankOf(lora);
  const sum = (partials: number, count: number, n: number, p: number, factor: number, y: number) =>
    cuda.launch(SUM, Math.ceil(n / 256), 256, [partials, count, n, factor, p, y]);

  const [overOut, outRows] = gridOverRows(cuda, rows, out);
  const partialDyB = cuda.scratch(4 * overOut[1] * rows * r);
  const partialDB = cuda.scratch(4 * overOut[0] * out * r);
  const addresses = [dy.address, b.address, xa.address];
  cuda.launch(BACKWARD_DY[rank], overOut, 256, [...addresses, rows, out, r, outRows, partialDyB, partialDB]);
  sum(partialDB, overOut[0], out * r, 0, scale, dB.address);
  const dxa = cuda.scratch(4 * rows * r);
  sum(partialDyB, overOut[1], rows * r, dropout, scale, dxa);

  const [overIn, inRows] = gridOverRows(cuda, rows, inn);
  const partialDA = cuda.scratch(4 * overIn[0] * inn * r);
  cuda.launch(BACKWARD_X[rank], overIn, 256, [
    ...[x.address, a.address, dxa, rows, inn, r, dropout, seed],
    ...[inRows, dx.address, partialDA],
  ]);
  sum(partialDA, overIn[0], r * inn, 0, 1, dA.address);
}

/** As adapterBackward for any storage and rank. */
function adapterBackwardByProducts(
  cuda: Cuda,
  dy: CudaTensor,
  x: CudaTensor,
  lora: CudaLora & { xa: CudaTensor },
  { dx, dA, dB }: AdapterGradients,
): void {
  const { a, b, xa, r, scale, dropout } = lora;
  const [rows, inn] = x.shape;
  const out = dy.shape[1];
  const dropped = dropout > 0 ? cuda.allocate(x.shape) : x;
  if (dropout > 0) drop(cuda, x, lora, dropped);
  const exact = cuda.allocate([rows, r], "float32");
  cuda.gemm(rows, r, out, dy, cuda.as(b, dy.storage), exact, { alpha: scale });
  const dxa = cuda.as(exact, dy.storage);
  cuda.gemm(out, r, rows, { ...dy, transposed: true }, cuda.as(xa, dy.storage), dB, { alpha: scale });
  cuda.gemm(r, inn, rows, { ...dxa, transposed: true }, dropped, dA);
  cuda.gemm(rows, inn, r, dxa, cuda.as(a, dy.storage), dx);
  if (dropout > 0) drop(cuda, dx, lora, dx);
}
