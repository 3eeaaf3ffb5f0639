/** How native/cuda/attentionCached.cu is launched. */
import { bytesOf, type Cuda, type CudaTensor } from "../../backend/cuda/cuda.ts";
import { cudaKernels, type Storage } from "../../backend/cuda/kernel.ts";
import type { CachedAttentionOptions } from "../attentionCached.ts";
import { forwardCached, MOST_HEAD_DIM } from "./attention.ts";

// q, k, v, keys, values, past, partial, arrivals, o; tokens, heads, kvHeads, headDim, lanes, parts, scale, window
const SIGNATURE = "pppppppppiiiiiifi";
const DECODE = {
  1: cudaKernels("attentionCached", "attentionCached1", SIGNATURE),
  2: cudaKernels("attentionCached", "attentionCached2", SIGNATURE),
  4: cudaKernels("attentionCached", "attentionCached4", SIGNATURE),
};
const DECODE_ANY = cudaKernels("attentionCached", "attentionCachedAny", SIGNATURE);

/** With more rows than this the tiles of the forward kernel pay. */
const MOST_DECODED = 8;
/** As in the kernel. */
const LEAST_KEYS = 64;
const MOST_PARTS = 128;
const WARPS = 8;

/** What launches over caches share, in GPU memory: work runs in the order of the calls, so one serves all. */
interface Shared {
  /** An int32: rows of the cache in use. Launches read it there, so that a recorded one serves every token. */
  past: number;
  /** What it is after the work that is queued. */
  pastValue: number;
  /** `count` counters of finished blocks; zero between launches. */
  arrivals: number;
  count: number;
}

const shared = new WeakMap<Cuda, Shared>();

function sharedOf(cuda: Cuda): Shared {
  let state = shared.get(cuda);
  if (!state) {
    state = { past: cuda.memory.take(4), pastValue: -1, arrivals: 0, count: 0 };
    shared.set(cuda, state);
  }
  return state;
}

/**
 * Writes where the next token goes; a launch of one to eight tokens reads it when it runs. The op does this itself:
 * only who replays recorded launches must.
 */
export function setPast(cuda: Cuda, past: number): void {
  const state = sharedOf(cuda);
  if (state.pastValue === past) return;
  cuda.driver.fill(state.past, past, 1);
  state.pastValue = past;
}

function arrivalsFor(cuda: Cuda, count: number): number {
  const state = sharedOf(cuda);
  if (state.count < count) {
    if (state.count > 0) cuda.memory.give(state.arrivals);
    state.count = Math.max(count, 1024);
    state.arrivals = cuda.memory.take(4 * state.count);
    cuda.driver.fill(state.arrivals, 0, state.count);
  }
  return state.arrivals;
}

/** o; k and v go into the cache. */
export function attendCached(
  cuda: Cuda,
  [q, k, v]: CudaTensor[],
  attrs: Required<CachedAttentionOptions>,
): CudaTensor {
  const { cache, past, heads, kvHeads, headDim, scale, window } = attrs;
  const tokens = q.shape[0];
  const o = cuda.allocate(q.shape);
  if (tokens === 0) return o;
  const { keys, values } = cache.onDevice(cuda);
  if (tokens > MOST_DECODED) {
    const rowBytes = cache.columns * bytesOf(cuda.activation);
    cuda.driver.copy(keys + past * rowBytes, k.address, tokens * rowBytes);
    cuda.driver.copy(values + past * rowBytes, v.address, tokens * rowBytes);
    forwardCached(cuda, q, keys, values, o, past, attrs);
    return o;
  }
  if (headDim > MOST_HEAD_DIM) {
    throw new RangeError(`attentionCached: on a GPU headDim is at most ${MOST_HEAD_DIM}, got ${headDim}`);
  }
  const rows = tokens * (heads / kvHeads);
  const { kernel, rowsOfBlock, lanes } = decodeKernel(cuda.activation, headDim, rows);
  const jobs = kvHeads * Math.ceil(rows / rowsOfBlock);
  // Two blocks a multiprocessor, whatever part of the cache is in use: the grid is the same for every token.
  const wanted = Math.ceil((2 * cuda.device.multiprocessors) / jobs);
  const parts = Math.max(1, Math.min(wanted, Math.ceil(cache.capacity / LEAST_KEYS), MOST_PARTS));
  setPast(cuda, past);
  const partial = cuda.scratch(4 * jobs * parts * rowsOfBlock * (headDim + 2));
  const args = [
    ...[q.address, k.address, v.address, keys, values, sharedOf(cuda).past, partial],
    ...[arrivalsFor(cuda, jobs), o.address],
    ...[tokens, heads, kvHeads, headDim, lanes, parts, scale, window],
  ];
  cuda.launch(kernel, jobs * parts, 256, args, 4 * (WARPS + 1) * rowsOfBlock * headDim);
  return o;
}

function decodeKernel(storage: Storage, headDim: number, rows: number) {
  const pack = storage === "bfloat16" ? 8 : 4;
  if (headDim % pack !== 0) return { kernel: DECODE_ANY[storage], rowsOfBlock: 2, lanes: 32 };
  const rowsOfBlock = rows <= 2 ? (rows as 1 | 2) : 4;
  const lanes = Math.min(32, 2 ** Math.ceil(Math.log2(headDim / pack)));
  return { kernel: DECODE[rowsOfBlock][storage], rowsOfBlock, lanes };
}
