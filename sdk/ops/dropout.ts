/**
 * The dropout mask of LoRA, a pure function of seed and element: backward rebuilds it instead of storing it, and
 * every backend drops the same elements. The native kernels hold the same function (native/cpu/dropout.h).
 */

/** A well-mixed unsigned 32-bit number from a seed and a flat index. */
function hash(seed: number, index: number): number {
  let h = seedFrom(seed, index);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The seed whose mask begins where `seed`'s mask has its element `first`. */
export function seedFrom(seed: number, first: number): number {
  return (seed + Math.imul(first, 0x9e3779b1)) >>> 0;
}

/**
 * Factors for `length` elements: 0 with probability p, otherwise 1 / (1 - p), so that the mean stays.
 * Element i is kept iff hash(seed, i) >= floor(p * 2^32).
 * Source: Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting".
 *
 * @param p in [0, 1); taken as a float32, as the native kernels do
 * @param seed unsigned 32-bit
 */
export function dropoutMask(length: number, p: number, seed: number): Float32Array {
  const probability = Math.fround(p);
  const threshold = Math.floor(probability * 2 ** 32);
  const kept = Math.fround(1 / Math.fround(1 - probability));
  return Float32Array.from({ length }, (_, i) => (hash(seed, i) >= threshold ? kept : 0));
}
