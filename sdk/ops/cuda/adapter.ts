/** How native/cuda/adapter*.cu are launched: the LoRA adapters of layers that read the same x. */
import type { Cuda, CudaTensor } from "../../backend/cuda/cuda.ts";
import { cudaKernel, type Storage } from "../../backend/cuda/kernel.ts";
import { arrivalsFor } from "./arrivals.ts";

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

/** What backward needs of an adapter, and where its gradients go. */
export interface CudaLoraGradients {
  lora: CudaLora;
  /** [rows, out] */
  dy: CudaTensor;
  /** float32 [rows, r] */
  xa: CudaTensor;
  /** float32 [r, in] */
  dA: CudaTensor;
  /** float32 [out, r] */
  dB: CudaTensor;
}

interface Shaped {
  shape: number[];
}

/** The most adapters of a launch, and the greatest rank of one where there are several; alone it may be twice that. */
const MOST_LAYERS = 3;
const TILE_RANK = 8;
/** Of a block of threads: rows and values of a row in `adapterDown`, columns in the other kernels. */
const DOWN_ROWS = 32;
const DOWN_COLUMNS = 256;
const BLOCK_COLUMNS = 512;
/** Dynamic shared memory: of tiles under way, of sums that wait, and of each tile of A. */
const STAGE_BYTES = 49152;
const WAITING_BYTES = 16384;
const A_BYTES = 8192;

const repeated = (signature: string) => signature.repeat(MOST_LAYERS);
const DOWN_SIGNATURE = `pii${repeated("pifup")}pp`;
const UP_SIGNATURE = `pii${repeated("ppiifp")}`;
const DY_SIGNATURE = `ii${repeated("pppiiffp")}pppp`;
const X_SIGNATURE = `ppiiip${repeated("pifup")}pp`;
const SHAPES = ["1x8", "2x8", "3x8", "1x16"] as const;
const byShape = (file: string, name: string, signature: string) =>
  Object.fromEntries(SHAPES.map((shape) => [shape, cudaKernel(file, `${name}${shape}`, signature)]));
const byRank = (file: string, name: string, signature: string) => ({
  8: cudaKernel(file, `${name}8`, signature),
  16: cudaKernel(file, `${name}16`, signature),
});
const DOWN = byShape("adapterForward", "adapterDown", DOWN_SIGNATURE);
const UP = byRank("adapterForward", "adapterUp", UP_SIGNATURE);
const BACKWARD_DY = byRank("adapterBackwardDy", "adapterBackwardDy", DY_SIGNATURE);
const BACKWARD_X = byShape("adapterBackwardX", "adapterBackwardX", X_SIGNATURE);

/** True where the kernels can take the adapter: their accesses are pieces of 8 values. */
export function hasAdapterKernels(activation: Storage, { a, b }: { a: Shaped; b: Shaped }): boolean {
  const [[r, inn], [out]] = [a.shape, b.shape];
  return activation === "bfloat16" && r <= 2 * TILE_RANK && inn % 8 === 0 && out % 8 === 0;
}

/** Splits adapters that have kernels into those of one launch each, in their order. */
export function adapterGroups<T>(layers: T[], rank: (layer: T) => number): T[][] {
  const groups: T[][] = [];
  for (const layer of layers) {
    const last = groups.at(-1);
    const joins = last && last.length < MOST_LAYERS && [layer, last[0]].every((l) => rank(l) <= TILE_RANK);
    if (joins) last.push(layer);
    else groups.push([layer]);
  }
  return groups;
}

/** xa [rows, r] = drop(x) A^T of a group. */
export function adapterDown(cuda: Cuda, x: CudaTensor, loras: CudaLora[], xas: CudaTensor[]): void {
  const [rows, inn] = x.shape;
  const rowBlocks = Math.ceil(rows / DOWN_ROWS);
  const most = Math.floor((2 * cuda.device.multiprocessors) / rowBlocks);
  const parts = Math.max(1, Math.min(most, Math.ceil(inn / DOWN_COLUMNS)));
  const partial =
    parts > 1 ? cuda.scratch(4 * rowBlocks * parts * DOWN_ROWS * loras.length * rankOf(loras)) : 0;
  const layers = loras.map(({ a, r, dropout, seed }, i) => [a.address, r, dropout, seed, xas[i].address]);
  cuda.launch(DOWN[shapeOf(loras)], [rowBlocks, parts, 1], 256, [
    ...[x.address, rows, inn, ...descriptors(layers, 5)],
    ...[partial, parts > 1 ? arrivalsFor(cuda, rowBlocks) : 0],
  ]);
}

/** y [rows, out] = scale xa B^T of a group; the first y with `residual` added. */
export function adapterUp(
  cuda: Cuda,
  loras: CudaLora[],
  xas: CudaTensor[],
  ys: CudaTensor[],
  residual?: CudaTensor,
): void {
  const rows = ys[0].shape[0];
  const across = acrossOf(loras);
  const [rowBlocks, blockRows] = gridOverRows(cuda, rows, sum(across), UP_COST);
  const layers = loras.map(({ b, r, scale }, i) => {
    return [xas[i].address, b.address, b.shape[0], r, scale, ys[i].address];
  });
  cuda.launch(UP[rankOf(loras)], [rowBlocks, sum(across), 1], 256, [
    ...[residual?.address ?? 0, rows, blockRows, ...descriptors(layers, 6)],
  ]);
}

/** dA and dB of a group, and in dx [rows, in] the sum of its adapters' parts. */
export function adapterBackward(
  cuda: Cuda,
  x: CudaTensor,
  layers: CudaLoraGradients[],
  dx: CudaTensor,
): void {
  const [rows, inn] = x.shape;
  const loras = layers.map(({ lora }) => lora);
  const rank = rankOf(loras);
  const across = sum(acrossOf(loras));
  const [dyBlocks, dyRows] = gridOverRows(cuda, rows, across, DY_COST);
  const acrossX = Math.ceil(inn / BLOCK_COLUMNS);
  const [xBlocks, xRows] = gridOverRows(cuda, rows, acrossX, xCost(layers.length));
  const [partialDyB, partialDB, dxa, partialDA] = backwardScratch(cuda, rows, inn, loras).map((bytes) =>
    cuda.scratch(bytes),
  );
  const arrivals = arrivalsFor(cuda, Math.max(MOST_LAYERS * dyBlocks + across, acrossX));
  const dyLayers = layers.map(({ lora: { b, r, scale, dropout }, dy, xa, dB }) => [
    ...[dy.address, b.address, xa.address, b.shape[0], r, scale, scale / (1 - dropout), dB.address],
  ]);
  cuda.launch(
    BACKWARD_DY[rank],
    [dyBlocks, across, 1],
    256,
    [rows, dyRows, ...descriptors(dyLayers, 8), partialDyB, partialDB, dxa, arrivals],
    STAGE_BYTES + (WAITING_BYTES * rank) / TILE_RANK,
  );
  const xLayers = layers.map(({ lora: { a, r, dropout, seed }, dA }) => {
    return [a.address, r, dropout, seed, dA.address];
  });
  cuda.launch(
    BACKWARD_X[shapeOf(loras)],
    [xBlocks, acrossX, 1],
    256,
    [x.address, dxa, rows, inn, xRows, dx.address, ...descriptors(xLayers, 5), partialDA, arrivals],
    STAGE_BYTES + (A_BYTES * loras.length * rank) / TILE_RANK,
  );
}

/** Bytes of each temporary that `adapterBackward` takes for one group. */
export function backwardScratch(
  cuda: Cuda,
  rows: number,
  inn: number,
  loras: { r: number; b: Shaped }[],
): number[] {
  const rank = rankOf(loras);
  const across = sum(acrossOf(loras));
  const acrossX = Math.ceil(inn / BLOCK_COLUMNS);
  const [dyBlocks] = gridOverRows(cuda, rows, across, DY_COST);
  const [xBlocks] = gridOverRows(cuda, rows, acrossX, xCost(loras.length));
  return [
    across * rows,
    across * dyBlocks * BLOCK_COLUMNS,
    loras.length * rows,
    acrossX * xBlocks * loras.length * BLOCK_COLUMNS,
  ].map((values) => 4 * rank * values);
}

/** Estimated microseconds on an H200, of blocks of 512 columns. */
interface Cost {
  /** Blocks that a multiprocessor runs at once. */
  resident: number;
  /** For 16 rows of a block: with all blocks that fit, and with a few. */
  full: number;
  alone: number;
  /** For one more block on the same columns: their sums are added by one block. */
  perBlock: number;
  /** What `gridOverRows` found before. */
  known: Map<string, [number, number]>;
}

const costOf = (resident: number, full: number, alone: number, perBlock: number): Cost => {
  return { resident, full, alone, perBlock, known: new Map() };
};
const UP_COST = costOf(4, 1.5, 0.6, 0);
const DY_COST = costOf(2, 1, 0.6, 0.15);
const X_COSTS = [1, 2, 3].map((n) => costOf(2, Math.max(2.2, 1.4 * n), 0.5 + 0.7 * n, 0.15 * n));

function xCost(layers: number): Cost {
  return X_COSTS[layers - 1];
}

/**
 * Into how many blocks, and of how many rows (a multiple of 16), to split the rows where `across` blocks share the
 * columns: enough to fill the GPU, without a last wave that leaves it nearly empty, and few enough that their sums are
 * small.
 */
function gridOverRows(cuda: Cuda, rows: number, across: number, cost: Cost): [number, number] {
  const slots = cost.resident * cuda.device.multiprocessors;
  const key = `${rows} ${across} ${slots}`;
  let best = cost.known.get(key);
  if (best) return best;
  let least = Infinity;
  const most = Math.min(Math.ceil(rows / 16), Math.ceil((8 * slots) / across));
  for (let wanted = 1; wanted <= most; wanted++) {
    const blockRows = Math.ceil(rows / wanted / 16) * 16;
    const blocks = Math.ceil(rows / blockRows);
    const load = (blocks * across) / slots;
    const tile = Math.ceil(load) * Math.max(cost.alone, Math.min(1, load) * cost.full);
    const time = (blockRows / 16) * tile + blocks * cost.perBlock;
    if (time < least) [least, best] = [time, [blocks, blockRows]];
  }
  cost.known.set(key, best!);
  return best!;
}

function acrossOf(loras: { b: Shaped }[]): number[] {
  return loras.map(({ b }) => Math.ceil(b.shape[0] / BLOCK_COLUMNS));
}

function rankOf(loras: { r: number }[]): 8 | 16 {
  return loras.every(({ r }) => r <= TILE_RANK) ? 8 : 16;
}

function shapeOf(loras: CudaLora[]): (typeof SHAPES)[number] {
  return rankOf(loras) === 16 ? "1x16" : (`${loras.length}x8` as "1x8");
}

/** Arguments of MOST_LAYERS layers; zeros for those that are not there. */
function descriptors(layers: number[][], size: number): number[] {
  const all = layers.flat();
  while (all.length < MOST_LAYERS * size) all.push(0);
  return all;
}

function sum(values: number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
