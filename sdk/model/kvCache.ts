import { AttentionCache } from "../ops/attentionCached.ts";
import type { MistralConfig } from "./config.ts";

/** What attention remembers of one sequence, so that each new token costs one row. `dispose` it after use. */
export class KVCache {
  readonly layers: AttentionCache[];
  readonly capacity: number;
  private used = 0;

  /** @param capacity most tokens that the sequence may have */
  constructor(config: MistralConfig, capacity: number) {
    this.capacity = capacity;
    const columns = config.kvHeads * config.headDim;
    this.layers = Array.from({ length: config.layers }, () => new AttentionCache(capacity, columns));
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

  /** Gives the memory back; nothing is remembered any more. */
  dispose(): void {
    for (const layer of this.layers) layer.dispose();
    this.used = 0;
  }
}
