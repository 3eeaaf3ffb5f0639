/**
 * How native/cuda/attention*.cu are launched. Blocks read what they do from a list of tiles that is made here, the
 * heaviest first, so that the small ones fill the gaps at the end.
 */
import type { Cuda, CudaTensor } from "../../backend/cuda/cuda.ts";
import { type CudaKernel, cudaKernel, type Storage } from "../../backend/cuda/kernel.ts";
import type { AttentionOptions, AttentionShape } from "../attention.ts";

type Shape = Required<AttentionShape>;

/** Rows of q and k that belong together: position p is row p + queryShift of q, key j is row keyBegin + j of k, v. */
export interface Span {
  keyBegin: number;
  keyCount: number;
  queryShift: number;
  /** Position of the first query; those before it are not computed. */
  firstPosition: number;
}

/** Most values of a head that the kernels take. */
export const MOST_HEAD_DIM = 256;

/** A kernel's tile: rows of the result, threads of a block, and its dynamic shared memory. */
interface Tiling {
  rows: number;
  threads: number;
  shared: number;
}

/** The kernels for one shape. */
interface Plan {
  /** native/cuda/attention<road><step>.cu, of the steps Forward, BackwardKeys and BackwardQueries */
  road: "Hopper" | "Tiled" | "Exact";
  /** What kernel names have between the step and the storage, e.g. "128" or "Exact8". */
  variant: string;
  /** On matrix units: headDim is part of the name, and blocks may share the query heads of a group. */
  tiled: boolean;
  forward: Tiling;
  /** `resident`: blocks that a multiprocessor holds. */
  backwardKeys: Tiling & { resident: number };
  backwardQueries: Tiling;
}

function planOf(cuda: Cuda, { headDim, scale }: Shape): Plan {
  if (headDim > MOST_HEAD_DIM) {
    throw new RangeError(
      `attention: on a GPU headDim is at most ${MOST_HEAD_DIM}, got ${headDim}; use the device "native"`,
    );
  }
  const { device } = cuda;
  // The tiled kernels scale after they have looked for the largest score.
  if (cuda.activation === "bfloat16" && [32, 64, 128].includes(headDim) && scale > 0) {
    const hopper = kernelName("Forward", `Hopper${headDim}`, "bfloat16");
    if (headDim >= 64 && cuda.has("attentionHopperForward", hopper)) {
      const row = 2 * headDim;
      return {
        road: "Hopper",
        variant: `Hopper${headDim}`,
        tiled: true,
        forward: { rows: 128, threads: 256, shared: (128 + 4 * 128) * row },
        backwardKeys: {
          ...{ rows: 128, threads: 256, shared: (2 * 128 + 6 * 64) * row + 3 * 4 * 2 * 64 },
          resident: 1,
        },
        backwardQueries: { rows: 128, threads: 256, shared: (2 * 128 + 6 * 64) * row },
      };
    }
    const row = 2 * (headDim + 8);
    const tiled: Plan = {
      road: "Tiled",
      variant: `${headDim}`,
      tiled: true,
      forward: { rows: 128, threads: 128, shared: (128 + 4 * 64) * row },
      backwardKeys: { rows: 64, threads: 128, shared: 6 * 64 * row + 4 * 4 * 64, resident: 2 },
      backwardQueries: { rows: 128, threads: 128, shared: (2 * 128 + 4 * 32) * row + 4 * 2 * 128 },
    };
    // GPUs for desktops have less shared memory than a headDim of 128 asks for.
    if (tiled.backwardKeys.shared <= device.sharedBytes) return tiled;
  }
  const columns = headDim <= 64 ? 4 : headDim <= 128 ? 8 : 16;
  const row = 4 * (16 * columns + 4);
  // Turing's 64 KB hold smaller tiles only.
  const isSmall = columns === 8 && device.sharedBytes < 96 * 1024;
  const [rows, backwardRows] = columns < 16 && !isSmall ? [64, 32] : [32, 16];
  const scores = (n: number) => 4 * n * (n + 4);
  if (columns === 16 && 4 * backwardRows * row > device.sharedBytes) {
    throw new RangeError(
      `attention: headDim ${headDim} needs more shared memory than the ${device.sharedBytes} bytes of a block on ` +
        `${device.name}; it takes headDim up to 128, or use the device "native"`,
    );
  }
  const plan = (n: number, tiles: number, scoreTiles: number) => ({
    rows: n,
    threads: 256,
    shared: tiles * n * row + scoreTiles * scores(n),
  });
  return {
    road: "Exact",
    variant: `Exact${columns}${isSmall ? "Small" : ""}`,
    tiled: false,
    forward: plan(rows, 2, 1),
    backwardKeys: { ...plan(backwardRows, 4, 2), resident: 2 },
    backwardQueries: plan(backwardRows, 4, 1),
  };
}

/** A list of tiles as the kernels read it: [count, 4] of keyBegin, keyCount, queryShift, start. */
interface Tiles {
  list: Int32Array;
  count: number;
  /** Pairs of a key and a query: of the first tile, and of all. */
  heaviest: number;
  total: number;
}

/** Tiles of `rows` queries, or of `rows` keys. */
function tilesOf(spans: readonly Span[], rows: number, of: "queries" | "keys", window: number): Tiles {
  const tiles: { values: number[]; weight: number }[] = [];
  for (const { keyBegin, keyCount, queryShift, firstPosition } of spans) {
    for (let start = firstPosition; start < keyCount; start += rows) {
      const end = Math.min(start + rows, keyCount);
      const first = window > 0 ? Math.max(0, start - window + 1) : 0;
      const last = window > 0 ? Math.min(keyCount, end - 1 + window) : keyCount;
      const weight = of === "queries" ? end - first : last - start;
      tiles.push({ values: [keyBegin, keyCount, queryShift, start], weight });
    }
  }
  tiles.sort((a, b) => b.weight - a.weight);
  return {
    list: Int32Array.from(tiles.flatMap((tile) => tile.values)),
    count: tiles.length,
    heaviest: tiles.length > 0 ? tiles[0].weight : 0,
    total: tiles.reduce((sum, tile) => sum + tile.weight, 0),
  };
}

const packed = new WeakMap<Int32Array, Map<string, Tiles>>();

/** The tiles of packed sequences, kept as long as cuSeqlens: every layer and the backward use them. */
function packedTiles(cuSeqlens: Int32Array, rows: number, of: "queries" | "keys", window: number): Tiles {
  let lists = packed.get(cuSeqlens);
  if (!lists) {
    lists = new Map();
    packed.set(cuSeqlens, lists);
  }
  const key = `${of} ${rows} ${window}`;
  let tiles = lists.get(key);
  if (!tiles) {
    const spans = Array.from(cuSeqlens.subarray(1), (end, s) => {
      const begin = cuSeqlens[s];
      return { keyBegin: begin, keyCount: end - begin, queryShift: begin, firstPosition: 0 };
    });
    tiles = tilesOf(spans, rows, of, window);
    lists.set(key, tiles);
  }
  return tiles;
}

/** o and log sum exp [heads, T] of packed sequences. */
export function forwardPacked(
  cuda: Cuda,
  [q, k, v]: CudaTensor[],
  attrs: Required<AttentionOptions>,
): [o: CudaTensor, logSumExp: CudaTensor] {
  const o = cuda.allocate(q.shape);
  const logSumExp = cuda.allocate([attrs.heads, q.shape[0]], "float32");
  const { rows } = planOf(cuda, attrs).forward;
  const tiles = packedTiles(attrs.cuSeqlens, rows, "queries", attrs.window);
  launchForward(cuda, tiles, q, k.address, v.address, o, logSumExp.address, attrs);
  return [o, logSumExp];
}

let lastSpan: { key: string; tiles: Tiles } | undefined;

/** o of queries after `past` rows of a cache, whose rows past .. past + tokens - 1 are already theirs. */
export function forwardCached(
  cuda: Cuda,
  q: CudaTensor,
  keys: number,
  values: number,
  o: CudaTensor,
  past: number,
  shape: Shape,
): void {
  const keyCount = past + q.shape[0];
  const { rows } = planOf(cuda, shape).forward;
  // All layers of a model ask for the same.
  const key = `${past} ${keyCount} ${rows} ${shape.window}`;
  if (lastSpan?.key !== key) {
    const span = { keyBegin: 0, keyCount, queryShift: -past, firstPosition: past };
    lastSpan = { key, tiles: tilesOf([span], rows, "queries", shape.window) };
  }
  launchForward(cuda, lastSpan.tiles, q, keys, values, o, 0, shape);
}

function launchForward(
  cuda: Cuda,
  tiles: Tiles,
  q: CudaTensor,
  k: number,
  v: number,
  o: CudaTensor,
  logSumExp: number,
  shape: Shape,
): void {
  const { heads, kvHeads, headDim, scale, window } = shape;
  if (tiles.count === 0) return;
  const { road, variant, tiled, forward } = planOf(cuda, shape);
  const sizes = [q.shape[0], heads, kvHeads, ...(tiled ? [] : [headDim])];
  const args = [q.address, k, v, cuda.constant(tiles.list), o.address, logSumExp, ...sizes, scale, window];
  const name = kernelName("Forward", variant, cuda.activation);
  const kernel = kernelOf(`${road}Forward`, name, `pppppp${"i".repeat(sizes.length)}fi`);
  cuda.launch(kernel, tiles.count * heads, forward.threads, args, forward.shared);
}

/** dq, dk and dv of packed sequences. */
export function backwardPacked(
  cuda: Cuda,
  [dO, q, k, v, o]: CudaTensor[],
  logSumExp: CudaTensor,
  attrs: Required<AttentionOptions>,
): { q: CudaTensor; k: CudaTensor; v: CudaTensor } {
  const { heads, kvHeads, headDim, scale, window, cuSeqlens } = attrs;
  const tokens = q.shape[0];
  const [dq, dk, dv] = [q, k, v].map((x) => cuda.allocate(x.shape));
  if (tokens === 0) return { q: dq, k: dk, v: dv };
  const { activation } = cuda;
  const { road, variant, tiled, backwardKeys, backwardQueries } = planOf(cuda, attrs);
  const own = (step: string) => kernelName(step, variant, activation);
  const delta = cuda.scratch(4 * heads * tokens);
  const deltaArgs = [dO.address, o.address, delta, tokens, heads, headDim];
  const deltaKernel = kernelOf("", kernelName("Delta", "", activation), "pppiii");
  cuda.launch(deltaKernel, Math.ceil((tokens * heads) / 8), 256, deltaArgs);

  const inputs = [dO.address, q.address, k.address, v.address, logSumExp.address, delta];
  const sizes = [tokens, heads, kvHeads, ...(tiled ? [] : [headDim]), scale, window];
  const sizeLetters = `${"i".repeat(sizes.length - 2)}fi`;
  const queryTiles = packedTiles(cuSeqlens, backwardQueries.rows, "queries", window);
  const queryArgs = [...inputs, cuda.constant(queryTiles.list), dq.address, ...sizes];
  const queryKernel = kernelOf(`${road}BackwardQueries`, own("BackwardQueries"), `pppppppp${sizeLetters}`);
  const queryBlocks = queryTiles.count * heads;
  cuda.launch(queryKernel, queryBlocks, backwardQueries.threads, queryArgs, backwardQueries.shared);

  const keyTiles = packedTiles(cuSeqlens, backwardKeys.rows, "keys", window);
  const slots = backwardKeys.resident * cuda.device.multiprocessors;
  const parts = tiled ? partsOf(keyTiles, heads, kvHeads, slots) : 1;
  const count = tokens * kvHeads * headDim;
  const partial = parts > 1 ? cuda.scratch(2 * parts * count * 4) : 0;
  const keyArgs = [
    ...[...inputs, cuda.constant(keyTiles.list), dk.address, dv.address],
    ...[...(tiled ? [partial, parts] : []), ...sizes],
  ];
  const keyLetters = `ppppppppp${tiled ? "pi" : ""}${sizeLetters}`;
  const keyKernel = kernelOf(`${road}BackwardKeys`, own("BackwardKeys"), keyLetters);
  const keyBlocks = keyTiles.count * kvHeads * parts;
  cuda.launch(keyKernel, keyBlocks, backwardKeys.threads, keyArgs, backwardKeys.shared);
  if (parts > 1) {
    const kernel = kernelOf("", kernelName("SumParts", "", activation), "pppii");
    cuda.launch(kernel, Math.ceil((2 * count) / 2048), 256, [partial, dk.address, dv.address, parts, count]);
  }
  return { q: dq, k: dk, v: dv };
}

/**
 * How many blocks share the query heads of a group. One is enough unless the heaviest block takes longer than all
 * blocks take on average, with `slots` blocks at a time.
 */
function partsOf(tiles: Tiles, heads: number, kvHeads: number, slots: number): number {
  const group = heads / kvHeads;
  const average = (tiles.total * heads) / slots;
  for (let parts = 1; parts < group; parts++) {
    if (group % parts === 0 && (tiles.heaviest * group) / parts <= 1.1 * average) return parts;
  }
  return group;
}

const kernels = new Map<string, CudaKernel>();

function kernelName(step: string, variant: string, storage: Storage): string {
  return `attention${step}${variant}_${storage}`;
}

/** @param file of native/cuda, without "attention" and ".cu" */
function kernelOf(file: string, name: string, signature: string): CudaKernel {
  let kernel = kernels.get(name);
  if (!kernel) {
    kernel = cudaKernel(`attention${file}`, name, signature);
    kernels.set(name, kernel);
  }
  return kernel;
}
