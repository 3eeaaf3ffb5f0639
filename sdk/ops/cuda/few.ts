/** Linear layers for up to 8 rows (native/cuda/few.cu): W is read as it is stored; layers of one x are one launch. */
import type { Cuda, CudaTensor } from "../../backend/cuda/cuda.ts";
import { type CudaKernel, cudaKernel, cudaKernels } from "../../backend/cuda/kernel.ts";
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

/** The greatest rank that a launch on the matrix units takes with it. */
const SMALL_RANK = 16;

// x, rows, in, outputsOfBlock, counters, then of each layer:
// w, its scales, a, b, out, r, scale, dropout, seed, xa, residual, y
const SIGNATURE = `piiip${`p${SCALE_SIGNATURE}ppiiffuppp`.repeat(MOST_LAYERS)}`;
const NO_LAYER = new Array<number>(16).fill(0);
const DOWN = cudaKernels("few", "fewDown", SIGNATURE);
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

/** Three counters of blocks, which launches in turn share: zero between them. */
const counters = new WeakMap<Cuda, number>();

function countersOf(cuda: Cuda): number {
  let address = counters.get(cuda);
  if (address === undefined) {
    address = cuda.memory.take(12);
    cuda.driver.fill(address, 0, 3);
    counters.set(cuda, address);
  }
  return address;
}

/**
 * Runs layers that read the same x [rows, in]: in one launch where up to 3 weights have one form, adapters included where
 * the matrix units do the work.
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
  const outs = layers.map(({ y }) => y.shape[1]);
  const layerArgs: number[] = [];
  for (let i = 0; i < MOST_LAYERS; i++) {
    layerArgs.push(...(i < layers.length ? layerArguments(layers[i]) : NO_LAYER));
  }
  const launch = (kernel: CudaKernel, blocks: number, outputsOfBlock: number, sharedBytes = 0) => {
    const args = [x.address, rows, inn, outputsOfBlock, countersOf(cuda), ...layerArgs];
    if (blocks > 0) cuda.launch(kernel, blocks, 256, args, sharedBytes);
  };
  const ranks = layers.reduce((sum, { lora }) => sum + (lora?.r ?? 0), 0);
  const tiles = form === "float32" || x.storage === "float32" ? undefined : TILES[form];
  const isSmall = layers.every(({ lora }) => !lora || lora.r <= SMALL_RANK);
  const blocks = blocksFor(outs, 8);
  if (tiles && isSmall && blocks > 0 && inn > 0 && inn % tiles.values === 0) {
    const atOnce = tiles.blocks * cuda.device.multiprocessors;
    const outputs = 16 * tilesOfBlock(outs, Math.max(1, atOnce - ranks));
    launch(tiles.kernel, ranks + blocksFor(outs, outputs), outputs, tiles.shared);
    return;
  }
  launch(DOWN[x.storage], ranks, 1);
  launch(WARPS[form][x.storage], blocks, 8);
}

function formOf(weight: FewLayer["weight"]): "float32" | "bfloat16" | "nf4" {
  return "kind" in weight && weight.kind === "nf4" ? "nf4" : weight.storage;
}

function layerArguments({ weight, lora, residual, y }: FewLayer): number[] {
  const [w, scales] =
    "kind" in weight ? [weight.data, scaleArguments(weight)] : [weight.address, [0, 0, 0, 0, 0]];
  const out = y.shape[1];
  const update = lora
    ? [lora.a.address, lora.b.address, out, lora.r, lora.scale, lora.dropout, lora.seed, lora.xa.address]
    : [0, 0, out, 0, 0, 0, 0, 0];
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
