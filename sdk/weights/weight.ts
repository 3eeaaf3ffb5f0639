/**
 * Frozen weights: matrices [out, in] that training never changes. They are not tensors; ops take them as
 * attributes. `DenseWeight` holds float32 or bfloat16 bits, `NF4Weight` (nf4.ts) 4-bit values.
 */
import type { WeightArguments } from "../backend/addon.ts";

/** A weight that an op can read: its shape, its values, and the form in which the addon takes it. */
export interface FrozenWeight {
  readonly kind: "dense" | "nf4";
  /** [out, in] */
  readonly shape: readonly [number, number];
  /** Bytes of memory that the weight occupies. */
  readonly bytes: number;
  /** The values as float32, row-major [out * in]; made anew at each call. */
  dequantize(): Float32Array;
  /** Data and absmax for the addon's entries; not a copy. */
  native(): WeightArguments;
}

export class DenseWeight implements FrozenWeight {
  readonly kind = "dense";

  /**
   * @param shape [out, in]
   * @param data out * in values: float32, or the upper 16 bits of each (bfloat16)
   * @throws when the length does not fit the shape
   */
  constructor(
    readonly shape: readonly [number, number],
    readonly data: Float32Array | Uint16Array,
  ) {
    if (data.length !== shape[0] * shape[1]) {
      throw new Error(
        `DenseWeight: shape [${shape}] needs ${shape[0] * shape[1]} values, got ${data.length}`,
      );
    }
  }

  get bytes(): number {
    return this.data.byteLength;
  }

  dequantize(): Float32Array {
    return this.data instanceof Float32Array ? this.data.slice() : bfloat16ToFloat32(this.data);
  }

  native(): WeightArguments {
    return [this.data, null];
  }
}

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
