/**
 * Memory of native tensors is used again: fresh arrays cost a page fault for every 4 KiB, which for activations is
 * as long as the work on them. An array goes back to the pool when its tensor is disposed, unless anything outside
 * the native kernels has seen it: a plain tfjs kernel may keep a view of it, a caller may keep what `data()` gave.
 */

/** Free memory beyond this is left to the garbage collector. */
const MAX_FREE_BYTES = 2 ** 30;
/** Below this, a plain allocation is as fast. */
const MIN_POOLED = 1024;

const free = new Map<number, ArrayBuffer[]>();
const pooled = new WeakSet<Float32Array>();
let freeBytes = 0;

/** A Float32Array of n elements with any content. */
export function takeFloats(n: number): Float32Array {
  if (n < MIN_POOLED) return new Float32Array(n);
  const bytes = sizeClass(n * 4);
  let buffer = free.get(bytes)?.pop();
  if (buffer) freeBytes -= bytes;
  else buffer = new ArrayBuffer(bytes);
  const array = new Float32Array(buffer, 0, n);
  pooled.add(array);
  return array;
}

/** The array is in foreign hands: it will never be used again by the pool. */
export function escaped(array: unknown): void {
  if (array instanceof Float32Array) pooled.delete(array);
}

/** The array's tensor is gone. */
export function giveBack(array: unknown): void {
  if (!(array instanceof Float32Array) || !pooled.delete(array)) return;
  const buffer = array.buffer as ArrayBuffer;
  const bytes = buffer.byteLength;
  if (freeBytes + bytes > MAX_FREE_BYTES) return;
  freeBytes += bytes;
  const list = free.get(bytes);
  if (list) list.push(buffer);
  else free.set(bytes, [buffer]);
}

/** Sizes are rounded up by at most an eighth, so that batches of slightly different length share memory. */
function sizeClass(bytes: number): number {
  const step = 2 ** Math.max(12, Math.ceil(Math.log2(bytes)) - 3);
  return Math.ceil(bytes / step) * step;
}
