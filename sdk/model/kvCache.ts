import type { MistralConfig } from "./config.ts";

/** Keys and values of one layer, [capacity, kvHeads * headDim] each. */
export interface LayerCache {
  keys: Float32Array;
  values: Float32Array;
  capacity: number;
}

/** What attention remembers of one sequence, so that each new token costs one row. */
export class KVCache {
  readonly layers: LayerCache[];
  readonly capacity: number;
  private used = 0;

  /** @param capacity most tokens that the sequence may have */
  constructor(config: MistralConfig, capacity: number) {
    const size = capacity * config.kvHeads * config.headDim;
    this.capacity = capacity;
    this.layers = Array.from({ length: config.layers }, () => ({
      keys: new Float32Array(size),
      values: new Float32Array(size),
      capacity,
    }));
  }

  /** Tokens remembered. */
  get length(): number {
    return this.used;
  }

  /** Checks that `count` more tokens fit and returns where they go. */
  reserve(count: number): number {
    if (this.used + count > this.capacity) {
      throw new RangeError(
        `KV cache: ${this.used} tokens are held and ${count} more do not fit its capacity of ${this.capacity}`,
      );
    }
    return this.used;
  }

  commit(count: number): void {
    this.used += count;
  }

  /** Forgets everything after the first `length` tokens. */
  truncate(length: number): void {
    this.used = Math.min(this.used, length);
  }
}
