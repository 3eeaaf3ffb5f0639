import type * as tf from "@tensorflow/tfjs";
import { tensor2d } from "@tensorflow/tfjs";
import { type AttentionShape, attendReference, attentionArguments, checkAttention } from "./attention.ts";
import { allocate, type Op, runOp } from "./op.ts";

/** Keys and values of one layer, [capacity, kvHeads * headDim] each; the op writes into them. */
export interface AttentionCache {
  keys: Float32Array;
  values: Float32Array;
  /** Rows. */
  capacity: number;
}

export interface CachedAttentionOptions extends AttentionShape {
  cache: AttentionCache;
  /** Rows of the cache that are in use. */
  past: number;
}

type Attrs = Required<CachedAttentionOptions>;

const op: Op<"q" | "k" | "v", Attrs> = {
  name: "AttentionCached",
  reference({ q, k, v }, attrs) {
    const { cache, past } = attrs;
    const [tokens, columns] = k.shape;
    cache.keys.set(k.dataSync<"float32">(), past * columns);
    cache.values.set(v.dataSync<"float32">(), past * columns);
    const rows = past + tokens;
    // Copies: a tensor keeps the array that it is made from, and the cache changes with the next token.
    const seen = (x: Float32Array) => tensor2d(x.slice(0, rows * columns), [rows, columns]);
    return [attendReference(q as tf.Tensor2D, seen(cache.keys), seen(cache.values), attrs)];
  },
  native: {
    forward(addon, { q, k, v }, attrs) {
      const { cache, past } = attrs;
      const o = allocate(q.shape);
      const args = attentionArguments(q.shape[0], attrs);
      const arrays = [q.data, k.data, v.data, cache.keys, cache.values, o.data] as const;
      addon.attentionCached(...args, past, cache.capacity, ...arrays);
      return [o];
    },
    backward() {
      throw new Error("attentionCached has no gradient; train with attention");
    },
  },
};

/**
 * Attention of new tokens over a key-value cache: k and v are written into the cache at row `past`, then query i
 * sees the rows 0 to past + i, the last `window` of them. Formula and sources: `attention`. No gradient.
 *
 * @param q [T, heads * headDim], already rotated (`rope`) for the positions past .. past + T - 1
 * @param k [T, kvHeads * headDim], already rotated
 * @param v [T, kvHeads * headDim]
 * @returns [T, heads * headDim]
 * @throws when shapes do not fit, or the cache has no room for T more rows
 */
export function attentionCached(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  options: CachedAttentionOptions,
): tf.Tensor2D {
  const shape = checkAttention("attentionCached", q, k, v, options);
  const { cache, past } = options;
  const size = cache.capacity * shape.kvHeads * shape.headDim;
  if (cache.keys.length !== size || cache.values.length !== size) {
    throw new Error(
      `attentionCached: expected a cache of ${size} keys and values (capacity ${cache.capacity}), ` +
        `got ${cache.keys.length} and ${cache.values.length}`,
    );
  }
  if (!Number.isInteger(past) || past < 0 || past + q.shape[0] > cache.capacity) {
    throw new RangeError(
      `attentionCached: ${q.shape[0]} rows after ${past} do not fit a cache of ${cache.capacity} rows`,
    );
  }
  return runOp(op, { q, k, v }, { ...shape, cache, past })[0] as tf.Tensor2D;
}
