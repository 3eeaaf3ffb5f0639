// NF4 as bitsandbytes defines it, written plainly and apart from the kernels: a search tree over midpoints, float32
// arithmetic through Math.fround, denormals flushed to 0. The codebook stands here a second time on purpose: a test must not take its
// expectation from the code under test.

export const codebook = Float32Array.of(
  -1.0,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0.0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1.0,
);

// The midpoints as the float32 values that a C compiler makes of the decimals in bitsandbytes. Those decimals stand
// so close to ties between two floats that going through a double, as Float32Array.of would, rounds four of them
// the other way; these nine digits name each float without doubt.
const thresholds = Float32Array.of(
  -0.84809643,
  -0.610632896,
  -0.45999527,
  -0.33967942,
  -0.234607399,
  -0.137911737,
  -0.0455250181,
  0.0397901498,
  0.120255254,
  0.203521252,
  0.292013764,
  0.389312536,
  0.501663387,
  0.64278692,
  0.861478388,
);

/** Descends from the middle; every comparison is `x > t`, so NaN always goes left, to code 0. */
function codeOf(x: number): number {
  let low = 0;
  for (let half = 8; half >= 1; half /= 2) if (x > thresholds[low + half - 1]!) low += half;
  return low;
}

export function quantize(source: Float32Array): { packed: Uint8Array; absmax: Float32Array } {
  const values = source.map((x) => (Math.abs(x) < 2 ** -126 ? 0 : x));
  const n = values.length;
  const packed = new Uint8Array(Math.ceil(n / 2));
  const absmax = new Float32Array(Math.ceil(n / 64));
  for (let block = 0; block < absmax.length; block++) {
    for (let i = block * 64; i < Math.min(n, block * 64 + 64); i++) {
      if (Math.abs(values[i]!) > absmax[block]!) absmax[block] = Math.abs(values[i]!);
    }
  }
  for (let i = 0; i < packed.length * 2; i++) {
    const reciprocal = Math.fround(1 / absmax[i >> 6]!);
    const code = codeOf(Math.fround((i < n ? values[i]! : 0) * reciprocal));
    packed[i >> 1]! |= i % 2 === 0 ? code << 4 : code;
  }
  return { packed, absmax };
}

export function dequantize(
  packed: Uint8Array,
  absmax: Float32Array,
  n: number,
  values: Float32Array = codebook,
): Float32Array {
  return Float32Array.from({ length: n }, (_, i) => {
    const code = i % 2 === 0 ? packed[i >> 1]! >> 4 : packed[i >> 1]! & 15;
    return values[code]! * absmax[i >> 6]!;
  });
}
