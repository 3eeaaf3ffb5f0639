/**
 * How native/cuda/attention*.cu are launched. Blocks read what they do from a list of tiles that is made here, the
 * heaviest first, so that the small ones fill the gaps at the end.
 */
import type { Cuda, CudaTensor } from "../../backend/cuda/cuda.ts";
import { cudaKernel, type Storage } from "../../backend/cuda/kernel.ts";
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

/** The kernels for one shape: their tiles' rows and the dynamic shared memory of a block. */
interface Plan {
  /** What kernel names have between the step and the storage, e.g. "128" or "Exact8". */
  variant: string;
  tiled: boolean;
  threads: number;
  forward: { rows: number; shared: number };
  backwardKeys: { rows: number; shared: number };
  backwardQueries: { rows: number; shared: number };
}

function planOf({ activation, device }: Cuda, { headDim, scale }: Shape): Plan {
  if (headDim > MOST_HEAD_DIM) {
    throw new RangeError(
      `attention: on a GPU headDim is at most ${MOST_HEAD_DIM}, got ${headDim}; use the device "native"`,
    );
  }
  // The tiled kernels scale after they have looked for the largest score.
  if (activation === "bfloat16" && [32, 64, 128].includes(headDim) && scale > 0) {
    const row = 2 * (headDim + 8);
    const tiled: Plan = {
      variant: `${headDim}`,
      tiled: true,
      threads: 128,
      forward: { rows: 128, shared: (128 + 4 * 64) * row },
      backwardKeys: { rows: 64, shared: 6 * 64 * row + 4 * 4 * 64 },
      backwardQueries: { rows: 128, shared: (2 * 128 + 4 * 32) * row + 4 * 2 * 128 },
    };
    // GPUs for desktops have less shared memory than a headDim of 128 asks for.
    if (tiled.backwardKeys.shared <= device.sharedBytes) return tiled;
  }
  const columns = headDim <= 64 ? 4 : headDim <= 128 ? 8 : 16;
  const row = 4 * (16 * columns + 4);
  const [rows, backwardRows] = columns < 16 ? [64, 32] : [32, 16];
  const scores = (n: number) => 4 * n * (n + 4);
  const plan = (n: number, tiles: number, scoreTiles: number) => ({
    rows: n,
    shared: tiles * n * row + scoreTiles * scores(n),
  });
  return {
    variant: `Exact${columns}`,
    tiled: false,
    threads: 256,
    forward: plan(rows, 2, 1),
    backwardKeys: plan(backwardRows, 4, 2),
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
  const { variant, tiled, threads, forward } = planOf(cuda, shape);
  const sizes = [q.shape[0], heads, kvHeads, ...(tiled ? [] : [headDim])];
  const args = [q.address, k, v, cuda.constant(tiles.list), o.address, logSumExp, ...sizes, scale, window];
  const kernel = kernelOf("Forward", variant, cuda.activation, `pppppp${"i".repeat(sizes.length)}fi`);
  cuda.launch(kernel, tiles.count * heads, threads, args, forward.shared);
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
  const { variant, tiled, threads, backwardKeys, backwardQueries } = planOf(cuda, attrs);
  const delta = cuda.scratch(4 * heads * tokens);
  const deltaArgs = [dO.address, o.address, delta, tokens, heads, headDim];
  cuda.launch(kernelOf("Delta", "", activation, "pppiii"), Math.ceil((tokens * heads) / 8), 256, deltaArgs);

  const inputs = [dO.address, q.address, k.address, v.address, logSumExp.address, delta];
  const sizes = [tokens, heads, kvHeads, ...(tiled ? [] : [headDim]), scale, window];
  const sizeLetters = `${"i".repeat(sizes.length - 2)}fi`;
  const queryTiles = packedTiles(cuSeqlens, backwardQueries.rows, "queries", window);
  const queryArgs = [...inputs, cuda.constant(queryTiles.list), dq.address, ...sizes];
  const queryKernel = kernelOf("BackwardQueries", variant, activation, `pppppppp${sizeLetters}`);
  cuda.launch(queryKernel, queryTiles.count * heads, threads, queryArgs, backwardQueries.shared);

  const keyTiles = packedTiles(cuSeqlens, backwardKeys.rows, "keys", window);
  const parts = tiled ? partsOf(keyTiles, heads, kvHeads, cuda.device.multiprocessors) : 1;
  const count = tokens * kvHeads * headDim;
  const partial = parts > 1 ? cuda.scratch(2 * parts * count * 4) : 0;
  const keyArgs = [
    ...[...inputs, cuda.constant(keyTiles.list), dk.address, dv.address],
    ...[...(tiled ? [partial, parts] : []), ...sizes],
  ];
  const keyLetters = `ppppppppp${tiled ? "pi" : ""}${sizeLetters}`;
  const keyKernel = kernelOf("BackwardKeys", variant, activation, keyLetters);
  cuda.launch(keyKernel, keyTiles.count * kvHeads * parts, threads, keyArgs, backwardKeys.shared);
  if (parts > 1) {
    const kernel = kernelOf("SumParts", "", activation, "pppii");
    cuda.launch(kernel, Math.ceil((2 * count) / 2048), 256, [partial, dk.address, dv.address, parts, count]);
  }
  return { q: dq, k: dk, v: dv };
}

/**
 * How many blocks share the query heads of a group. One is enough unless the heaviest block takes longer than all
 * blocks take on average; a multiprocessor holds two.
 */
function partsOf(tiles: Tiles, heads: number, kvHeads: number, multiprocessors: number): number {
  const group = heads / kvHeads;
  const average = (tiles.total * heads) / (2 * multiprocessors);
  for (let parts = 1; parts < group; parts++) {
    if (group % parts === 0 && (tiles.heaviest * group) / parts <= 1.1 * average) return parts;
  }
  return group;
}

const kernels = new Map<string, ReturnType<typeof cudaKernel>>();

function kernelOf(step: string, variant: string, storage: Storage, signature: string) {
  const name = `attention${step}${variant}_${storage}`;
  let kernel = kernels.get(name);
  if (!kernel) {
    // Of tiles: by tensor cores, whose variants are head sizes, or exact; the others serve both.
    const file = variant === "" ? "attention" : /^\d+$/.test(variant) ? "attentionTiled" : "attentionExact";
    kernel = cudaKernel(file, name, signature);
    kernels.set(name, kernel);
  }
  return kernel;
}
