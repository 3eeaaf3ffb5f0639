/** bfloat16: the upper 16 bits of a float32, kept in a Uint16Array. */

/** bfloat16 bits to float32: exact. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = bits[i] << 16;
  return new Float32Array(wide.buffer);
}

/** float32 to bfloat16 bits, rounded to nearest even; NaN stays NaN. */
export function float32ToBfloat16(values: Float32Array): Uint16Array {
  const wide = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < wide.length; i++) {
    const w = wide[i];
    const notANumber = (w & 0x7fffffff) > 0x7f800000;
    bits[i] = notANumber ? (w >>> 16) | 0x40 : (w + 0x7fff + ((w >>> 16) & 1)) >>> 16;
  }
  return bits;
}
