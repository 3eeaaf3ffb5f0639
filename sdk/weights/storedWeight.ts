/**
 * A matrix that stays in its file until it is used: quantising a large model needs no more memory than its result, and on
 * a GPU the host's memory need not hold it at all. The file must stay as it is until then; a changed one is an error.
 * Read by pread, not mapped: a mapped file that shrinks ends the process (SIGBUS).
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import type { WeightArguments } from "../backend/addon.ts";
import { loadAddon } from "../backend/loadAddon.ts";
import { NF4Weight, type SourceDtype } from "./nf4.ts";
import { exactBfloat16, readTensor, type TensorPlace, type TensorValue, toFloat32 } from "./safetensors.ts";
import { DenseWeight, type FrozenWeight, SAMPLE_BYTES, sampleOffsets } from "./weight.ts";

const SOURCE_DTYPES: Record<string, SourceDtype> = { F32: "float32", F16: "float16", BF16: "bfloat16" };

export class StoredWeight implements FrozenWeight {
  readonly kind = "dense";
  /** [out, in] */
  readonly shape: readonly [number, number];
  private readonly stamp: string;
  private loaded: DenseWeight | undefined;

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
    this.stamp = stampOf(place.file);
  }

  /** Bytes in the file; in memory it has as many once a kernel of the CPU has used it. */
  get bytes(): number {
    return this.place.byteLength;
  }

  /** The values as stored, read anew. @throws when the file is gone or has changed */
  read(): TensorValue {
    this.check();
    return readTensor(this.place);
  }

  dequantize(): Float32Array {
    return this.loaded?.dequantize() ?? toFloat32(this.read(), this.name);
  }

  /** Reads the matrix at the first call, and keeps it. */
  native(): WeightArguments {
    return this.dense().native();
  }

  /** The matrix in memory, in 16 bits where that is exact; the file is not needed any more. */
  private dense(): DenseWeight {
    if (!this.loaded) {
      const value = this.read();
      this.loaded = new DenseWeight(
        this.shape,
        exactBfloat16(value, this.name) ?? toFloat32(value, this.name),
      );
    }
    return this.loaded;
  }

  /** @throws when a value is not finite, or when the file is gone or has changed */
  quantize(doubleQuant: boolean): NF4Weight {
    const options = { doubleQuant, sourceDtype: SOURCE_DTYPES[this.place.dtype] };
    if (this.loaded || !loadAddon()) return NF4Weight.quantize(this.dequantize(), this.shape, options);
    this.check();
    return NF4Weight.quantizeFile(this.place, this.shape, options);
  }

  /** @throws when the file is not the one from which the model was loaded */
  check(): void {
    const { file } = this.place;
    if (stampOf(file) === this.stamp) return;
    throw new Error(
      `${file}: "${this.name}" is still to be read from it, but the file has changed since the model was loaded: load the model again`,
    );
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

/** What tells a file from another that was put in its place; "gone" where there is none. */
function stampOf(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  return found ? [found.dev, found.ino, found.size, found.mtimeMs].join() : "gone";
}
