/**
 * Memory of native tensors is used again: fresh arrays cost a page fault for every 4 KiB, which for activations is
 * as long as the work on them. An array goes back to the pool when its tensor is disposed, unless anything outside
 * the native kernels has seen it: a plain tfjs kernel may keep a view of it, a caller may keep what `data()` gave.
 */

/** Free memory is kept up to the largest amount that was in use at once, and never beyond this. */
const MAX_FREE_BYTES = 2 ** 30;
/** Below this, a plain allocation is as fast. */
const MIN_POOLED = 1024;

/** Free buffers by size; the sizes that were taken longest ago come first. */
const free = new Map<number, ArrayBuffer[]>();
const pooled = new WeakSet<Float32Array>();
let freeBytes = 0;
let usedBytes = 0;
let peakBytes = 0;

/** A Float32Array of n elements with any content. */
export function takeFloats(n: number): Float32Array {
  if (n < MIN_POOLED) return new Float32Array(n);
  const buffer = takeFree(n * 4) ?? new ArrayBuffer(sizeClass(n * 4));
  usedBytes += buffer.byteLength;
  peakBytes = Math.max(peakBytes, usedBytes);
  const array = new Float32Array(buffer, 0, n);
  pooled.add(array);
  return array;
}

/** A free buffer of at least so many bytes, and at most half as many again: what a longer batch left serves a shorter one. */
function takeFree(bytes: number): ArrayBuffer | undefined {
  for (let size = sizeClass(bytes); size <= bytes * 1.5; size = sizeClass(size + 1)) {
    const list = free.get(size);
    const buffer = list?.pop();
    if (!list || !buffer) continue;
    freeBytes -= size;
    free.delete(size);
    free.set(size, list);
    return buffer;
  }
  return undefined;
}

/** The array is in foreign hands: it will never be used again by the pool. */
export function escaped(array: unknown): void {
  if (array instanceof Float32Array && pooled.delete(array)) usedBytes -= array.buffer.byteLength;
}

/** The array's tensor is gone. */
export function giveBack(array: unknown): void {
  if (!(array instanceof Float32Array) || !pooled.delete(array)) return;
  const buffer = array.buffer as ArrayBuffer;
  usedBytes -= buffer.byteLength;
  freeBytes += buffer.byteLength;
  const list = free.get(buffer.byteLength);
  if (list) list.push(buffer);
  else free.set(buffer.byteLength, [buffer]);
  // Batches of another length leave sizes behind that nobody asks for again.
  for (const [bytes, buffers] of free) {
    while (freeBytes > Math.min(MAX_FREE_BYTES, peakBytes) && buffers.length > 0) {
      buffers.pop();
      freeBytes -= bytes;
    }
    if (freeBytes <= Math.min(MAX_FREE_BYTES, peakBytes)) break;
    free.delete(bytes);
  }
}

/** Sizes are rounded up by at most an eighth, so that batches of slightly different length share memory. */
function sizeClass(bytes: number): number {
  const step = 2 ** Math.max(12, Math.ceil(Math.log2(bytes)) - 3);
  return Math.ceil(bytes / step) * step;
}
