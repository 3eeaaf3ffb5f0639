/**
 * Frozen weights: matrices [out, in] that training never changes. They are not tensors; ops take them as
 * attributes. `DenseWeight` holds float32 or bfloat16 bits, `NF4Weight` (nf4.ts) 4-bit values.
 */
import type { WeightArguments } from "../backend/addon.ts";
import { bfloat16ToFloat32 } from "../backend/bfloat16.ts";

/** A weight that an op can read: its shape, its values, and the form in which the addon takes it. */
export interface FrozenWeight {
  readonly kind: "dense" | "nf4";
  /** [out, in] */
  readonly shape: readonly [number, number];
  /** Bytes of memory that the weight occupies. */
  readonly bytes: number;
  /** The values as float32, row-major [out * in]; made anew at each call. */
  dequantize(): Float32Array;
  /** Data and absmax for the addon's CPU entries; not a copy. */
  native(): WeightArguments;
  /** Some 64 KiB of its stored bytes, spread evenly: enough to tell weights apart. */
  sample(): Uint8Array[];
}

/** Bytes of one piece of a sample. */
export const SAMPLE_BYTES = 1024;
const SAMPLES = 64;

/** Where the pieces of a sample of so many bytes begin. */
export function sampleOffsets(bytes: number): number[] {
  const stride = Math.max(SAMPLE_BYTES, Math.floor(bytes / SAMPLES));
  return Array.from({ length: Math.ceil(bytes / stride) }, (_, i) => i * stride);
}

/** The sample of a weight in memory. */
export function sampleArrays(arrays: readonly (ArrayBufferView | null)[]): Uint8Array[] {
  return arrays.flatMap((array) => {
    if (array === null) return [];
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    return sampleOffsets(bytes.length).map((at) => bytes.subarray(at, at + SAMPLE_BYTES));
  });
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

  sample(): Uint8Array[] {
    return sampleArrays(this.native());
  }
}
