import { closeSync, openSync, readSync } from "node:fs";
import type { WeightArguments } from "../backend/addon.ts";
import type { TensorInfo } from "./safetensorsHeader.ts";
import { type TensorSource, toFloat32 } from "./safetensors.ts";
import { type FrozenWeight, SAMPLE_BYTES, sampleOffsets } from "./weight.ts";

/**
 * A matrix that stays in its file until it is used: a large model goes from there to the GPU, and need not fit into
 * the host's memory. The file must stay where it is and as it is.
 */
export class StoredWeight implements FrozenWeight {
  readonly kind = "dense";
  readonly shape: readonly [number, number];
  /** File, offset, bytes and dtype (F32, F16 or BF16). */
  readonly place: TensorInfo & { file: string };

  /** @throws when `source` has no tensor of that name */
  constructor(
    private readonly source: TensorSource,
    readonly name: string,
  ) {
    this.place = source.locate(name);
    const [out, inn] = this.place.shape;
    this.shape = [out, inn];
  }

  /** Bytes in the file; in memory it has none. */
  get bytes(): number {
    return this.place.byteLength;
  }

  dequantize(): Float32Array {
    return toFloat32(this.source.read(this.name), this.name).slice();
  }

  native(): WeightArguments {
    throw new Error(`"${this.name}" was loaded for the GPU; load the model again on device "native"`);
  }

  sample(): Uint8Array[] {
    const { file, offset, byteLength } = this.place;
    const descriptor = openSync(file, "r");
    try {
      return sampleOffsets(byteLength).map((at) => {
        const bytes = new Uint8Array(Math.min(SAMPLE_BYTES, byteLength - at));
        readSync(descriptor, bytes, 0, bytes.length, offset + at);
        return bytes;
      });
    } finally {
      closeSync(descriptor);
    }
  }
}
