import { closeSync, openSync, readSync } from "node:fs";
import type { WeightArguments } from "../backend/addon.ts";
import { readTensor, type TensorPlace, type TensorValue, toFloat32 } from "./safetensors.ts";
import { type FrozenWeight, SAMPLE_BYTES, sampleOffsets } from "./weight.ts";

/**
 * A matrix that stays in its file until it is used: a large model goes from there to the GPU, and need not fit into
 * the host's memory. The file must stay where it is and as it is.
 */
export class StoredWeight implements FrozenWeight {
  readonly kind = "dense";
  /** [out, in] */
  readonly shape: readonly [number, number];

  /**
   * @param place a tensor of two dimensions in F32, F16 or BF16
   * @param name for errors
   */
  constructor(
    readonly place: TensorPlace,
    readonly name: string,
  ) {
    const [out, inn] = place.shape;
    this.shape = [out, inn];
  }

  /** Bytes in the file; in memory it has none. */
  get bytes(): number {
    return this.place.byteLength;
  }

  /** The values as stored, read anew. */
  read(): TensorValue {
    return readTensor(this.place);
  }

  dequantize(): Float32Array {
    return toFloat32(this.read(), this.name);
  }

  native(): WeightArguments {
    throw new Error(`"${this.name}" was loaded for the GPU; load the model again on device "native"`);
  }

  sample(): Uint8Array[] {
    const { file, offset, byteLength } = this.place;
    const descriptor = openSync(file, "r");
    try {
      return sampleOffsets(byteLength).map((at) => {
        const piece = new Uint8Array(Math.min(SAMPLE_BYTES, byteLength - at));
        readSync(descriptor, piece, 0, piece.length, offset + at);
        return piece;
      });
    } finally {
      closeSync(descriptor);
    }
  }
}
