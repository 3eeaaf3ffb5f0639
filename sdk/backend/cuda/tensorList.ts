/** Lists of tensors in GPU memory, cut into parts of equal size: one launch serves hundreds of tensors. */
import type { Cuda } from "./cuda.ts";

/** Values of one part; `kPartValues` of the kernels that read lists. */
const PART_VALUES = 4096;

/** Of the last list: a training step asks twice, and every step asks for the same. */
let last: { counts: readonly number[]; parts: Int32Array } | undefined;

/** For each part its tensor and its number in that tensor, [2 * parts]. */
function partsOf(counts: readonly number[]): Int32Array {
  if (last && last.counts.length === counts.length && counts.every((count, i) => count === last!.counts[i])) {
    return last.parts;
  }
  const perTensor = counts.map((count) => Math.ceil(count / PART_VALUES));
  const parts = new Int32Array(2 * perTensor.reduce((a, b) => a + b, 0));
  let at = 0;
  for (const [tensor, count] of perTensor.entries()) {
    for (let part = 0; part < count; part++) {
      parts[at++] = tensor;
      parts[at++] = part;
    }
  }
  last = { counts: [...counts], parts };
  return parts;
}

/** One tensor of a list: addresses, then two words; 8 bytes an address and 4 a word. */
export interface ListedTensor {
  addresses: readonly number[];
  /** Values. */
  count: number;
  /** Float32; default 0. */
  extra?: number;
}

/**
 * Uploads the list for one op.
 *
 * @returns device addresses of the list and of its parts, and the number of parts: the blocks of a launch
 */
export function uploadList(
  cuda: Cuda,
  tensors: readonly ListedTensor[],
): { list: number; parts: number; blocks: number } {
  const parts = partsOf(tensors.map(({ count }) => count));
  const words = tensors.flatMap(({ addresses, count, extra = 0 }) => [
    ...addresses.flatMap((address) => [address % 2 ** 32, Math.floor(address / 2 ** 32)]),
    ...[count, new Uint32Array(Float32Array.of(extra).buffer)[0]],
  ]);
  const list = cuda.scratch(words.length * 4);
  if (words.length > 0) cuda.driver.upload(list, Uint32Array.from(words));
  return { list, parts: cuda.constant(parts), blocks: parts.length / 2 };
}
