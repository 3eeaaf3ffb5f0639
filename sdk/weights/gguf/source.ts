import { closeSync, openSync } from "node:fs";
import { float32ToBfloat16 } from "../../backend/bfloat16.ts";
import type { Dtype, TensorValue } from "../dtypes.ts";
import {
  missingTensor,
  readBytes,
  type TensorInfo,
  type TensorPlace,
  type TensorSource,
} from "../safetensors.ts";
import { type GgufMetadata, type GgufTensor, readGgufHeader } from "./header.ts";
import { nameOfGguf, reorderRows, rotatedProjection } from "./names.ts";
import { decodeGguf } from "./types.ts";

/** Holds angles of RoPE, not weights. */
const ROPE_FACTORS = "rope_freqs.weight";

/**
 * A GGUF file as a source of tensors by their Hugging Face names, rows in Hugging Face's order. Blocks of 4 to 8 bits
 * are given as bfloat16: their own steps are coarser than its rounding.
 */
export class GgufFile implements TensorSource {
  readonly metadata: GgufMetadata;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** By what each angle of RoPE is divided, where the file says so (Llama 3). */
  readonly ropeFactors: Float32Array | undefined;
  private readonly stored = new Map<string, GgufTensor>();
  private descriptor: number | undefined;

  /** @throws when it is not a whole GGUF file, or has a tensor that Llama-shaped models have not */
  constructor(readonly path: string) {
    const { metadata, tensors } = readGgufHeader(path);
    this.metadata = metadata;
    const unknown: string[] = [];
    for (const [name, tensor] of tensors) {
      const known = nameOfGguf(name);
      if (known) this.stored.set(known, tensor);
      else if (name !== ROPE_FACTORS) unknown.push(name);
    }
    if (unknown.length > 0) {
      throw new Error(
        `${path}: has tensors that models of the Mistral family have not: ${unknown.slice(0, 5).join(", ")}${unknown.length > 5 ? ", …" : ""}`,
      );
    }
    this.tensors = new Map([...this.stored].map(([name, tensor]) => [name, infoOf(tensor)]));
    this.descriptor = openSync(path, "r");
    const factors = tensors.get(ROPE_FACTORS);
    this.ropeFactors = factors && decodeGguf(factors.type, this.bytes(factors));
  }

  /** The type that the tensor is stored in, such as "Q4_K". */
  typeOf(name: string): string | undefined {
    return this.stored.get(name)?.type;
  }

  /** Never: rows are in another order, or values in blocks. */
  locate(): TensorPlace | undefined {
    return undefined;
  }

  read(name: string): TensorValue {
    const tensor = this.stored.get(name);
    if (!tensor) throw missingTensor(this, name);
    const { type, shape } = tensor;
    let bytes = this.bytes(tensor);
    const rotated = rotatedProjection(name);
    if (rotated) bytes = reorderRows(bytes, shape[0], this.headCount(rotated, shape[0]), "hf");
    const { dtype } = infoOf(tensor);
    if (dtype === "F32") return { dtype, shape, data: decodeGguf(type, bytes) };
    if (type !== dtype) return { dtype, shape, data: float32ToBfloat16(decodeGguf(type, bytes)) };
    return { dtype, shape, data: new Uint16Array(bytes.buffer) };
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  private headCount(projection: "q_proj" | "k_proj", rows: number): number {
    const { metadata, path } = this;
    const key = projection === "q_proj" ? "head_count" : "head_count_kv";
    const count = metadata.get(`llama.attention.${key}`) ?? metadata.get("llama.attention.head_count");
    if (typeof count === "number" && count >= 1 && rows % (2 * count) === 0) return count;
    throw new Error(`${path}: llama.attention.${key}: expected heads that divide ${rows} rows, got ${count}`);
  }

  private bytes({ offset, byteLength }: GgufTensor): Uint8Array {
    if (this.descriptor === undefined) throw new Error(`${this.path}: read after close()`);
    return new Uint8Array(readBytes(this.path, this.descriptor, offset, byteLength));
  }
}

/** As which type of safetensors the values are given. */
function infoOf({ type, shape, offset, byteLength }: GgufTensor): TensorInfo {
  const dtype: Dtype = type === "F32" || type === "F16" ? type : "BF16";
  return { dtype, shape, offset, byteLength };
}
