/** Linear layers for up to 8 rows (native/cuda/few.cu): W is read as it is stored, and layers of one x are one launch. */
import type { Cuda, CudaTensor } from "../../backend/cuda/cuda.ts";
import { cudaKernel, cudaKernels } from "../../backend/cuda/kernel.ts";
import { type DeviceWeight, SCALE_SIGNATURE, scaleArguments } from "../../weights/deviceWeight.ts";

/** The most rows. */
export const FEW_ROWS = 8;
/** The most layers of a launch. */
const MOST_LAYERS = 3;

export interface FewLayer {
  /** [out, in], a tensor in float32 or bfloat16. */
  weight: DeviceWeight | CudaTensor;
  lora?: {
    /** float32 [r, in] */
    a: CudaTensor;
    /** float32 [out, r] */
    b: CudaTensor;
    r: number;
    scale: number;
    dropout: number;
    seed: number;
    /** float32 [rows, r]: becomes drop(x) A^T. */
    xa: CudaTensor;
  };
  /** [rows, out]: what is added. Default: nothing. */
  residual?: CudaTensor;
  /** [rows, out]: becomes [residual +] x W^T + scale xa B^T. It may be the residual. */
  y: CudaTensor;
}

// x, rows, in, then of each layer: a, r, p, seed, xa
const DOWN = cudaKernels("few", "fewDown", `pii${"pifup".repeat(MOST_LAYERS)}`);
const NO_ADAPTER = [0, 0, 0, 0, 0];
// x, rows, in, outputsOfBlock, then of each layer: w, its scales, xa, b, out, r, scale, residual, y
const SIGNATURE = `piii${`p${SCALE_SIGNATURE}ppiifpp`.repeat(MOST_LAYERS)}`;
const NO_LAYER = new Array<number>(13).fill(0);
/** By the form of W, then by the storage of x. */
const WARPS = {
  float32: cudaKernels("few", "fewFloat32", SIGNATURE),
  bfloat16: cudaKernels("few", "fewBfloat16", SIGNATURE),
  nf4: cudaKernels("few", "fewNf4", SIGNATURE),
};
/** On the matrix units. `in` is a multiple of `values`; `blocks` run on a multiprocessor at once. */
const TILES = {
  bfloat16: { kernel: cudaKernel("few", "fewTilesBfloat16", SIGNATURE), values: 64, blocks: 3, shared: 0 },
  nf4: { kernel: cudaKernel("few", "fewTilesNf4", SIGNATURE), values: 256, blocks: 3, shared: 32768 },
};

/**
 * Runs layers that read the same x [rows, in]: in two launches where up to 3 weights have one form.
 *
 * @param x of 1 to 8 rows; it, residuals and ys are stored as activations are
 */
export function fewRows(cuda: Cuda, x: CudaTensor, layers: readonly FewLayer[]): void {
  const form = formOf(layers[0].weight);
  if (layers.length > MOST_LAYERS || layers.some(({ weight }) => formOf(weight) !== form)) {
    for (const layer of layers) fewRows(cuda, x, [layer]);
    return;
  }
  const [rows, inn] = x.shape;
  const adapters = layers.flatMap(({ lora }) => lora ?? []);
  const ranks = adapters.reduce((sum, { r }) => sum + r, 0);
  if (ranks > 0) {
    const args = adapters.flatMap(({ a, r, dropout, seed, xa }) => [a.address, r, dropout, seed, xa.address]);
    for (let i = adapters.length; i < MOST_LAYERS; i++) args.push(...NO_ADAPTER);
    cuda.launch(DOWN[x.storage], ranks, 256, [x.address, rows, inn, ...args]);
  }

  const outs = layers.map(({ y }) => y.shape[1]);
  const tiles = form === "float32" || x.storage === "float32" ? undefined : TILES[form];
  const useTiles = tiles !== undefined && inn > 0 && inn % tiles.values === 0;
  const outputsOfBlock = useTiles ? 16 * tilesOfBlock(outs, tiles.blocks * cuda.device.multiprocessors) : 8;
  const blocks = blocksFor(outs, outputsOfBlock);
  if (blocks === 0) return;
  const args = [x.address, rows, inn, outputsOfBlock];
  for (let i = 0; i < MOST_LAYERS; i++)
    args.push(...(i < layers.length ? layerArguments(layers[i]) : NO_LAYER));
  if (useTiles) cuda.launch(tiles.kernel, blocks, 256, args, tiles.shared);
  else cuda.launch(WARPS[form][x.storage], blocks, 256, args);
}

function formOf(weight: FewLayer["weight"]): "float32" | "bfloat16" | "nf4" {
  return "kind" in weight && weight.kind === "nf4" ? "nf4" : weight.storage;
}

function layerArguments({ weight, lora, residual, y }: FewLayer): number[] {
  const [w, scales] =
    "kind" in weight ? [weight.data, scaleArguments(weight)] : [weight.address, [0, 0, 0, 0, 0]];
  const update = [lora?.xa.address ?? 0, lora?.b.address ?? 0, y.shape[1], lora?.r ?? 0, lora?.scale ?? 0];
  return [w, ...scales, ...update, residual?.address ?? 0, y.address];
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
