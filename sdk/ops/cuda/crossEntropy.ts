/** Cross-entropy on the GPU: logits and gradients by matrix products, a chunk of rows at a time. */
import { bytesOf } from "../../backend/cuda/cuda.ts";
import { cudaKernel, cudaKernels } from "../../backend/cuda/kernel.ts";
import { denseWeight, deviceWeight } from "../../weights/deviceWeight.ts";
import type { CrossEntropyAttrs } from "../crossEntropy.ts";
import { gatherRows } from "../embedding.ts";
import type { Cuda, Cudas, CudaTensor } from "../op.ts";

const CROSS_ENTROPY = cudaKernels("crossEntropy", "crossEntropy", "pppipp");
const SPREAD_ROWS = cudaKernels("crossEntropy", "spreadRows", "pppip");
const SUM = cudaKernel("elementwise", "sumValues", "pip");
const SCALE_BY = cudaKernel("elementwise", "scaleBy", "pppi");

/** Logits of one chunk: 64 MiB, about what stays in the cache of a large GPU until its gradient is taken. */
const CHUNK_VALUES = 2 ** 24;
/** Rows that a tile of a matrix product has. */
const TILE_ROWS = 128;

/** Which rows have a label; rows without one take no part in any product. */
interface TrainedRows {
  /** Their indices. */
  rows: Int32Array;
  /** For each row its place among them, or -1. */
  places: Int32Array;
}
/** Kept as long as the labels, so that the device copies are too. */
const known = new WeakMap<Int32Array, TrainedRows>();

function trainedRows(labels: Int32Array): TrainedRows {
  let found = known.get(labels);
  if (!found) {
    const rows = new Int32Array(labels.length);
    const places = new Int32Array(labels.length);
    let count = 0;
    for (let row = 0; row < labels.length; row++) {
      places[row] = labels[row] >= 0 ? count : -1;
      if (labels[row] >= 0) rows[count++] = row;
    }
    found = { rows: rows.slice(0, count), places };
    known.set(labels, found);
  }
  return found;
}

/** Equal chunks of whole tiles. */
export function rowsOfChunk(rows: number, vocab: number): number {
  const most = Math.max(1, Math.floor(CHUNK_VALUES / vocab / TILE_ROWS)) * TILE_ROWS;
  return Math.ceil(rows / Math.max(1, Math.ceil(rows / most)) / TILE_ROWS) * TILE_ROWS;
}

/** The third output, the gradient of the trained rows of hidden, has no other rows: `backward` puts them in. */
export function crossEntropyForward(
  cuda: Cuda,
  { hidden, weight }: Cudas<string>,
  { vocab, labels, frozen, wantGradients }: CrossEntropyAttrs,
): CudaTensor[] {
  const storage = cuda.activation;
  const [rows, dim] = hidden.shape;
  const trained = trainedRows(labels).rows;
  const all = cuda.as(hidden, storage);
  const x = trained.length === rows ? all : gatherRows(cuda, all, trained);
  const head = frozen ? denseWeight(cuda, deviceWeight(cuda, frozen)) : cuda.as(weight, storage);
  const losses = cuda.allocate([rows], "float32");
  if (trained.length < rows) cuda.driver.fill(losses.address, 0, rows);
  const dHidden = wantGradients ? cuda.allocate([trained.length, dim]) : undefined;
  const dWeight = wantGradients && weight ? cuda.allocate([vocab, dim], "float32") : undefined;
  if (dWeight && trained.length === 0) cuda.driver.fill(dWeight.address, 0, vocab * dim);

  const chunk = rowsOfChunk(trained.length, vocab);
  const chunkValues = Math.min(chunk, trained.length) * vocab;
  const logits = { storage: "float32" as const, address: cuda.scratch(chunkValues * 4) };
  const bytes = bytesOf(storage);
  // In float32 the gradient takes the place of the logits.
  const ofLogits =
    storage === "float32" || !wantGradients ? logits.address : cuda.scratch(chunkValues * bytes);
  const gradient = { storage, address: ofLogits };
  const [ofRows, ofLabels] = [cuda.constant(trained), cuda.constant(labels)];
  for (let begin = 0; begin < trained.length; begin += chunk) {
    const size = Math.min(chunk, trained.length - begin);
    const part = { storage, address: x.address + begin * dim * bytes };
    cuda.gemm(size, vocab, dim, part, { ...head, transposed: true }, logits);
    const target = wantGradients ? gradient.address : 0;
    const args = [logits.address, ofRows + begin * 4, ofLabels, vocab, losses.address, target];
    cuda.launch(CROSS_ENTROPY[storage], size, 512, args);
    if (dHidden) {
      cuda.gemm(size, dim, vocab, gradient, head, {
        storage,
        address: dHidden.address + begin * dim * bytes,
      });
    }
    if (dWeight) {
      const beta = begin > 0 ? 1 : 0;
      cuda.gemm(vocab, dim, size, { ...gradient, transposed: true }, part, dWeight, { beta });
    }
  }
  const lossSum = cuda.allocate([], "float32");
  cuda.launch(SUM, 1, 1024, [losses.address, rows, lossSum.address]);
  return [lossSum, losses, dHidden, dWeight].filter((tensor) => tensor !== undefined);
}

export function crossEntropyBackward(
  cuda: Cuda,
  [dy]: CudaTensor[],
  { hidden, weight }: Cudas<string>,
  [, , dTrained, dWeight]: CudaTensor[],
  { labels }: CrossEntropyAttrs,
): Record<string, CudaTensor> {
  const [rows, dim] = hidden.shape;
  const factor = cuda.as(dy, "float32").address;
  const dHidden = cuda.allocate([rows, dim]);
  const args = [dTrained.address, cuda.constant(trainedRows(labels).places), factor, dim, dHidden.address];
  if (rows > 0) cuda.launch(SPREAD_ROWS[cuda.activation], rows, 256, args);
  if (!weight) return { hidden: dHidden };
  const scaled = cuda.allocate(dWeight.shape, "float32");
  const count = weight.shape[0] * dim;
  cuda.launch(SCALE_BY, Math.ceil(count / 2048), 256, [dWeight.address, factor, scaled.address, count]);
  return { hidden: dHidden, weight: scaled };
}
