import type { TokenBatch } from "../../sdk/data/batches.ts";
import { Random } from "../../sdk/data/random.ts";

/** `count` sequences of `length` random tokens, all trained. */
export function batchOf(vocabSize: number, count: number, length: number, seed = 7): TokenBatch {
  const random = new Random(seed);
  const total = count * length;
  const ids = Int32Array.from({ length: total }, () => 3 + random.int(vocabSize - 4));
  const labels = Int32Array.from(ids, (_, i) => (i % length === length - 1 ? -100 : ids[i + 1]));
  const positions = Int32Array.from(ids, (_, i) => i % length);
  const cuSeqlens = Int32Array.from({ length: count + 1 }, (_, i) => i * length);
  return { ids, labels, positions, cuSeqlens, trainedTokens: total - count };
}
