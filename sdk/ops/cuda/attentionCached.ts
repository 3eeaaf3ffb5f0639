/** How native/cuda/attentionCached.cu is launched. */
import { bytesOf, type Cuda, type CudaTensor } from "../../backend/cuda/cuda.ts";
import { cudaKernels, type Storage } from "../../backend/cuda/kernel.ts";
import type { CachedAttentionAttrs } from "../attentionCached.ts";
import { arrivalsFor } from "./arrivals.ts";
import { forwardCached, MOST_HEAD_DIM } from "./attention.ts";

// q, k, v, keys, values, past, partial, arrivals, o; tokens, heads, kvHeads, headDim, lanes, parts, scale, window
const SIGNATURE = "pppppppppiiiiiifi";
const DECODE = {
  1: cudaKernels("attentionCached", "attentionCached1", SIGNATURE, true),
  2: cudaKernels("attentionCached", "attentionCached2", SIGNATURE, true),
  4: cudaKernels("attentionCached", "attentionCached4", SIGNATURE, true),
};
const DECODE_ANY = cudaKernels("attentionCached", "attentionCachedAny", SIGNATURE, true);

/** With more rows than this the tiles of the forward kernel pay. */
const MOST_DECODED = 8;
/** As in the kernel. */
const LEAST_KEYS = 64;
const MOST_PARTS = 128;
const WARPS = 8;

/** o; k and v go into the cache. */
export function attendCached(cuda: Cuda, [q, k, v]: CudaTensor[], attrs: CachedAttentionAttrs): CudaTensor {
  const { cache, past, pastRows, heads, kvHeads, headDim, scale, window } = attrs;
  const tokens = q.shape[0];
  const o = cuda.allocate(q.shape);
  if (tokens === 0) return o;
  const { keys, values } = cache.onDevice(cuda);
  if (tokens > MOST_DECODED) {
    const rowBytes = cache.columns * bytesOf(cuda.activation);
    cuda.driver.copy(keys + pastRows * rowBytes, k.address, tokens * rowBytes);
    cuda.driver.copy(values + pastRows * rowBytes, v.address, tokens * rowBytes);
    forwardCached(cuda, q, keys, values, o, pastRows, attrs);
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
  const partial = cuda.scratch(4 * jobs * parts * rowsOfBlock * (headDim + 2));
  const args = [
    ...[q.address, k.address, v.address, keys, values, cuda.constant(past), partial],
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
