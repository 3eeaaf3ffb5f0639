/**
 * Double quantisation: the scales of NF4, one float32 for 64 values, kept as 8 bits each plus one float32 for 256
 * scales. Their mean is taken off first, so that the signed 8-bit map is used on both sides. Same rules as
 * bitsandbytes' CUDA kernels. Its CPU kernel differs: it rounds the scaled value to 16 bits before it looks for the
 * nearest code, which near zero is coarser than the map.
 */
import { loadAddon } from "../backend/loadAddon.ts";
import { largestMagnitude } from "./nf4Codec.ts";

/** Scales that share one float32. */
export const SCALE_BLOCK = 256;

/** absmax[i] = map[codes[i]] * nestedAbsmax[i / 256] + offset, in float32 with both roundings. */
export interface DoubleQuantized {
  /** [blocks] */
  codes: Uint8Array;
  /** [ceil(blocks / 256)] */
  nestedAbsmax: Float32Array;
  /** A float32: the mean of the scales. */
  offset: number;
  /** [256], ascending. */
  map: Float32Array;
}

/**
 * The signed 8-bit dynamic map (Dettmers 2015, "8-Bit Approximations for Parallelism in Deep Learning"), ascending:
 * decade e = -6..0 holds 2^(e+6) evenly spaced values and their negatives; then 0 and 1.
 *
 * The last bits are those of torch on x86: `linspace(0.1, 1, n)` counts from both ends, and its multiply-add is fused
 * (one rounding). The products below are exact in float64, so one `fround` is that rounding.
 */
export const DYNAMIC_MAP: Float32Array = dynamicMap();

function dynamicMap(): Float32Array {
  const values = [0, 1];
  const first = Math.fround(0.1);
  for (let decade = 0; decade < 7; decade++) {
    const count = 2 ** decade;
    const step = Math.fround(Math.fround(1 - first) / count);
    const boundary = (i: number) =>
      i < Math.floor((count + 1) / 2) ? Math.fround(first + step * i) : Math.fround(1 - step * (count - i));
    const scale = Math.fround(10 ** (decade - 6));
    for (let i = 0; i < count; i++) {
      const middle = Math.fround(Math.fround(boundary(i) + boundary(i + 1)) / 2);
      values.push(Math.fround(scale * middle), -Math.fround(scale * middle));
    }
  }
  return Float32Array.from(values).sort();
}

/**
 * The offset: the mean of the scales, summed in float64 and rounded once. torch sums in float32 in an order that
 * depends on the device, so its last bit may differ; a loaded weight keeps the offset that it came with.
 */
export function scaleOffset(absmax: Float32Array): number {
  let sum = 0;
  for (const scale of absmax) sum += scale;
  return absmax.length === 0 ? 0 : Math.fround(sum / absmax.length);
}

/**
 * Scales [blocks] to 8 bits each, by the addon where there is one. `offset` is taken off first; by default their mean.
 */
export function quantizeScales(absmax: Float32Array, offset = scaleOffset(absmax)): DoubleQuantized {
  const codes = new Uint8Array(absmax.length);
  const nestedAbsmax = new Float32Array(Math.ceil(absmax.length / SCALE_BLOCK));
  const quantize = loadAddon()?.quantizeNf4Scales ?? quantizeScaleCodes;
  quantize(absmax, offset, DYNAMIC_MAP, codes, nestedAbsmax);
  return { codes, nestedAbsmax, offset, map: DYNAMIC_MAP };
}

/** The same without the addon. Overwrites `codes` and `nestedAbsmax`. */
export function quantizeScaleCodes(
  absmax: Float32Array,
  offset: number,
  map: Float32Array,
  codes: Uint8Array,
  nestedAbsmax: Float32Array,
): void {
  const centred = absmax.map((scale) => scale - offset);
  for (let block = 0; block < nestedAbsmax.length; block++) {
    const start = block * SCALE_BLOCK;
    const stop = Math.min(start + SCALE_BLOCK, absmax.length);
    nestedAbsmax[block] = largestMagnitude(centred, start, stop);
    const reciprocal = Math.fround(1 / nestedAbsmax[block]);
    for (let i = start; i < stop; i++) codes[i] = nearest(map, Math.fround(centred[i] * reciprocal));
  }
}

/** The scales in float32. */
export function dequantizeScales({ codes, nestedAbsmax, offset, map }: DoubleQuantized): Float32Array {
  const absmax = new Float32Array(codes.length);
  for (let i = 0; i < absmax.length; i++) {
    absmax[i] = Math.fround(map[codes[i]] * nestedAbsmax[Math.floor(i / SCALE_BLOCK)]) + offset;
  }
  return absmax;
}

/**
 * Index of the map's value nearest to x. Halfway between two it is the even index: bitsandbytes' search ends on even
 * indices and leaves them only for a strictly nearer neighbour. NaN (a block of equal scales) gets 0.
 */
function nearest(map: Float32Array, x: number): number {
  let low = 0; // number of values known to be below x
  let high = map.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (map[middle] < x) low = middle + 1;
    else high = middle;
  }
  if (low === 0 || low === map.length) return Math.min(low, map.length - 1);
  const between = Math.fround(map[low - 1] + map[low]) / 2;
  if (x === between) return low % 2 === 0 ? low : low - 1;
  return x > between ? low : low - 1;
}
