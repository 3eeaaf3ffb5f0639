import type * as tf from "@tensorflow/tfjs";
import { tensor2d } from "@tensorflow/tfjs";
import { bytesOf, type Cuda } from "../backend/cuda/cuda.ts";
import type { Storage } from "../backend/cuda/kernel.ts";
import { type AttentionShape, attendReference, attentionArguments, checkAttention } from "./attention.ts";
import { attendCached } from "./cuda/attentionCached.ts";
import { allocate, type Op, runOp } from "./op.ts";

/**
 * Keys and values of one layer, [capacity, columns] each, with columns = kvHeads * headDim. They lie where the backend
 * that uses the cache first computes: in arrays, or in GPU memory, which `dispose` gives back.
 */
export class AttentionCache {
  private arrays?: CachedRows<Float32Array>;
  private device?: CacheOnDevice;

  constructor(
    /** Rows. */
    readonly capacity: number,
    readonly columns: number,
  ) {}

  /** For kernels of the CPU. */
  onHost(): CachedRows<Float32Array> {
    const size = this.capacity * this.columns;
    this.arrays ??= { keys: new Float32Array(size), values: new Float32Array(size) };
    return this.arrays;
  }

  /** For kernels of the GPU: addresses. */
  onDevice(cuda: Cuda): CachedRows<number> {
    if (this.device && this.device.storage !== cuda.activation) {
      throw new Error(
        `attentionCached: the cache holds ${this.device.storage}, activations are ${cuda.activation} now; dispose it`,
      );
    }
    if (!this.device) {
      this.device = new CacheOnDevice(cuda, this.capacity * this.columns);
      // A cache that nobody disposes gives its memory back when it is collected.
      collected.register(this, this.device, this);
    }
    return this.device;
  }

  /** Forgets everything; the cache may be used anew. */
  dispose(): void {
    collected.unregister(this);
    this.device?.free();
    this.device = undefined;
    this.arrays = undefined;
  }
}

interface CachedRows<Rows> {
  readonly keys: Rows;
  readonly values: Rows;
}

class CacheOnDevice implements CachedRows<number> {
  readonly storage: Storage;
  readonly keys: number;
  readonly values: number;

  constructor(
    private readonly cuda: Cuda,
    size: number,
  ) {
    this.storage = cuda.activation;
    this.keys = cuda.memory.take(size * bytesOf(this.storage));
    this.values = cuda.memory.take(size * bytesOf(this.storage));
  }

  free(): void {
    this.cuda.memory.give(this.keys);
    this.cuda.memory.give(this.values);
  }
}

const collected = new FinalizationRegistry<CacheOnDevice>((device) => device.free());

export interface CachedAttentionOptions extends AttentionShape {
  cache: AttentionCache;
  /** Rows of the cache that are in use; or an array whose first value that is, as the positions of the new rows are. */
  past: number | Int32Array;
}

/** Checked: `past` as an array, and its value. */
export type CachedAttentionAttrs = Required<CachedAttentionOptions> & { past: Int32Array; pastRows: number };

const op: Op<"q" | "k" | "v", CachedAttentionAttrs> = {
  name: "AttentionCached",
  reference({ q, k, v }, attrs) {
    const { cache, pastRows: past } = attrs;
    const [tokens, columns] = k.shape;
    const { keys, values } = cache.onHost();
    keys.set(k.dataSync<"float32">(), past * columns);
    values.set(v.dataSync<"float32">(), past * columns);
    const rows = past + tokens;
    // Copies: a tensor keeps the array that it is made from, and the cache changes with the next token.
    const seen = (x: Float32Array) => tensor2d(x.slice(0, rows * columns), [rows, columns]);
    return [attendReference(q as tf.Tensor2D, seen(keys), seen(values), attrs)];
  },
  native: {
    forward(addon, { q, k, v }, attrs) {
      const { cache, pastRows } = attrs;
      const o = allocate(q.shape);
      const args = attentionArguments(q.shape[0], attrs);
      const { keys, values } = cache.onHost();
      const arrays = [q.data, k.data, v.data, keys, values, o.data] as const;
      addon.attentionCached(...args, pastRows, cache.capacity, ...arrays);
      return [o];
    },
    backward: noGradient,
  },
  cuda: {
    forward(cuda, { q, k, v }, attrs) {
      const inputs = [q, k, v].map((x) => cuda.as(x, cuda.activation));
      return [attendCached(cuda, inputs, attrs)];
    },
    backward: noGradient,
  },
};

function noGradient(): never {
  throw new Error("attentionCached has no gradient; train with attention");
}

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
  const { cache } = options;
  const past = typeof options.past === "number" ? Int32Array.of(options.past) : options.past;
  const pastRows = typeof options.past === "number" ? options.past : options.past[0];
  const columns = shape.kvHeads * shape.headDim;
  if (cache.columns !== columns) {
    throw new Error(`attentionCached: expected a cache of ${columns} columns, got ${cache.columns}`);
  }
  if (!Number.isInteger(pastRows) || pastRows < 0 || pastRows + q.shape[0] > cache.capacity) {
    throw new RangeError(
      `attentionCached: ${q.shape[0]} rows after ${pastRows} do not fit a cache of ${cache.capacity} rows`,
    );
  }
  return runOp(op, { q, k, v }, { ...shape, cache, past, pastRows })[0] as tf.Tensor2D;
}
