/**
 * NF4 (Dettmers et al. 2023, "QLoRA"): sixteen levels at the quantiles of a normal distribution, 4 bits a value, one
 * scale (absmax) for 64 values of the flattened matrix. Bit-exact with bitsandbytes' CUDA kernel in IEEE rounding,
 * and with `native/cpu/nf4.cpp`.
 *
 * What bitsandbytes does with odd input is kept: a denormal counts as 0, as the kernel is built with --use_fast_math;
 * in a block of zeros 0 * (1/0) is NaN and gets code 0, which decodes to -0; the missing partner of an odd last value
 * is a 0. (With fast math the reciprocal may be off by one float32 step, too, and is 0 for an absmax above 2^126.
 * bitsandbytes' CPU path has other rules: it gives a block of zeros code 7, which decodes to +0, divides denormals by
 * 1e-38, and divides instead of multiplying by the reciprocal in a last, shorter block.)
 */

/** Values that share one absmax. */
export const NF4_BLOCK = 64;

/** The sixteen levels, ascending; a value is level[code] * absmax. Kept on the native side in native/cpu/nf4.h. */
export const NF4_LEVELS = Float32Array.of(
  -1,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1,
);

/**
 * A value above threshold k has a code above k. These are the float32 values of the literals in bitsandbytes' CUDA
 * decision tree, not computed midpoints of the levels: four of them (0, 8, 12, 14) lie one float32 step from what
 * `(a + b) / 2` rounds to, which is what bitsandbytes' CPU path compares with.
 */
export const NF4_THRESHOLDS = Float32Array.of(
  -0.8480964303016663,
  -0.6106328964233398,
  -0.4599952697753906,
  -0.33967941999435425,
  -0.23460739850997925,
  -0.13791173696517944,
  -0.045525018125772476,
  0.03979014977812767,
  0.1202552542090416,
  0.2035212516784668,
  0.2920137643814087,
  0.3893125355243683,
  0.5016633868217468,
  0.6427869200706482,
  0.8614783883094788,
);

/** Magnitudes below it are denormal in float32. */
const SMALLEST_NORMAL = 2 ** -126;

/** Bytes that n values take, and scales. */
export function nf4Sizes(n: number): { packedBytes: number; blocks: number } {
  return { packedBytes: Math.ceil(n / 2), blocks: Math.ceil(n / NF4_BLOCK) };
}

/**
 * values [n] to packed [ceil(n / 2)], the first value of a pair in the high nibble, and absmax [ceil(n / 64)].
 * Overwrites both.
 */
export function quantizeNf4(values: Float32Array, packed: Uint8Array, absmax: Float32Array): void {
  for (let block = 0; block < absmax.length; block++) {
    const start = block * NF4_BLOCK;
    const stop = Math.min(start + NF4_BLOCK, values.length);
    absmax[block] = normalOr0(largestMagnitude(values, start, stop));
    const reciprocal = Math.fround(1 / absmax[block]);
    for (let i = start; i < stop; i += 2) {
      const first = normalOr0(values[i]);
      const second = i + 1 < stop ? normalOr0(values[i + 1]) : 0;
      packed[i >> 1] =
        (codeOf(Math.fround(first * reciprocal)) << 4) | codeOf(Math.fround(second * reciprocal));
    }
  }
}

/** The values [n] of packed and absmax, in float32. */
export function dequantizeNf4(packed: Uint8Array, absmax: Float32Array, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    const code = i % 2 === 0 ? packed[i >> 1] >> 4 : packed[i >> 1] & 15;
    values[i] = NF4_LEVELS[code] * absmax[Math.floor(i / NF4_BLOCK)];
  }
}

/** max |values[start..stop)|; NaN takes no part, as in CUDA's fmaxf. */
export function largestMagnitude(values: Float32Array, start: number, stop: number): number {
  let most = 0;
  for (let i = start; i < stop; i++) {
    const magnitude = Math.abs(values[i]);
    if (magnitude > most) most = magnitude;
  }
  return most;
}

function normalOr0(x: number): number {
  return Math.abs(x) < SMALLEST_NORMAL ? 0 : x;
}

/** Number of thresholds below x, by bisection; 0 for NaN, which is above none. */
function codeOf(x: number): number {
  let code = x > NF4_THRESHOLDS[7] ? 8 : 0;
  if (x > NF4_THRESHOLDS[code + 3]) code += 4;
  if (x > NF4_THRESHOLDS[code + 1]) code += 2;
  if (x > NF4_THRESHOLDS[code]) code += 1;
  return code;
}
