/** Linear layers for up to 8 rows: W is read as it is stored; layers of one x are one launch. */
import type { Cuda, CudaTensor } from "../../backend/cuda/cuda.ts";
import { type CudaKernel, cudaKernel, cudaKernels } from "../../backend/cuda/kernel.ts";
import {
  FEW_ROWS,
  type FewLayer,
  handoffOf,
  LAYERS_SIGNATURE,
  layersArguments,
  MOST_LAYERS,
  ranksOf,
  SMALL_RANK,
} from "./fewLayer.ts";
import { fewNf4, fitsFewNf4 } from "./fewNf4.ts";

export { FEW_ROWS, type FewLayer };

// x, rows, in, layers
const SIGNATURE = `pii${LAYERS_SIGNATURE}`;
const DOWN = cudaKernels("few", "fewDown", SIGNATURE);
/** By the form of W, then by the storage of x. */
const WARPS = {
  float32: cudaKernels("few", "fewFloat32", SIGNATURE),
  bfloat16: cudaKernels("few", "fewBfloat16", SIGNATURE),
  nf4: cudaKernels("few", "fewNf4", SIGNATURE),
};
// x, rows, in, outputsOfBlock, handoff, layers
const DENSE = cudaKernel("fewDense", "fewDense", `piiip${LAYERS_SIGNATURE}`, true);
/** Of fewDense: values of a row of W that it reads at once, and blocks that run on a multiprocessor. */
const DENSE_VALUES = 64;
const DENSE_BLOCKS = 3;

/**
 * Runs layers that read the same x [rows, in]: in one launch where up to 3 weights have one form, adapters included where
 * the matrix units do the work.
 *
 * @param x of 1 to 8 rows; it, residuals and ys are stored as activations are
 */
export function fewRows(cuda: Cuda, x: CudaTensor, layers: readonly FewLayer[]): void {
  const form = formOf(layers[0].weight);
  const group = groupOf(layers[0].weight);
  if (layers.length > MOST_LAYERS || layers.some(({ weight }) => groupOf(weight) !== group)) {
    for (const layer of layers) fewRows(cuda, x, [layer]);
    return;
  }
  const [rows, inn] = x.shape;
  const outs = layers.map(({ y }) => y.shape[1]);
  if (blocksFor(outs, 8) === 0) return;
  const isBfloat16 = x.storage === "bfloat16";
  const ranks = ranksOf(layers);
  if (
    form === "nf4" &&
    isBfloat16 &&
    fitsFewNf4(
      inn,
      layers.map(({ lora }) => lora?.r ?? 0),
    )
  ) {
    fewNf4(cuda, x, layers);
    return;
  }
  const isSmall = layers.every(({ lora }) => !lora || lora.r <= SMALL_RANK);
  if (form === "bfloat16" && isBfloat16 && isSmall && inn > 0 && inn % DENSE_VALUES === 0) {
    const atOnce = DENSE_BLOCKS * cuda.device.multiprocessors;
    const outputs = 16 * tilesOfBlock(outs, Math.max(1, atOnce - ranks));
    const args = [x.address, rows, inn, outputs, handoffOf(cuda), ...layersArguments(layers)];
    cuda.launch(DENSE, ranks + blocksFor(outs, outputs), 256, args);
    return;
  }
  const launch = (kernel: CudaKernel, blocks: number) => {
    if (blocks > 0) cuda.launch(kernel, blocks, 256, [x.address, rows, inn, ...layersArguments(layers)]);
  };
  launch(DOWN[x.storage], ranks);
  launch(WARPS[form][x.storage], blocksFor(outs, 8));
}

function formOf(weight: FewLayer["weight"]): "float32" | "bfloat16" | "nf4" {
  return "kind" in weight && weight.kind === "nf4" ? "nf4" : weight.storage;
}
/** Layers of one form and one kind of scales share a launch. */
function groupOf(weight: FewLayer["weight"]): string {
  return "kind" in weight && weight.absmax ? "absmax" : formOf(weight);
}

/** As few as let all blocks run at once; a block belongs to one layer. */
function tilesOfBlock(outs: readonly number[], atOnce: number): number {
  const tiles = outs.reduce((sum, out) => sum + Math.ceil(out / 16), 0);
  let count = Math.max(1, Math.ceil(tiles / atOnce));
  while (count < tiles && blocksFor(outs, 16 * count) > atOnce) count++;
  return count;
}

function blocksFor(outs: readonly number[], outputsOfBlock: number): number {
  return outs.reduce((sum, out) => sum + Math.ceil(out / outputsOfBlock), 0);
}
