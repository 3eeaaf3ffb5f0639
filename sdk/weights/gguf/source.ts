import { closeSync, existsSync, openSync } from "node:fs";
import { basename } from "node:path";
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
import { ggufParts } from "./parts.ts";
import { decodeGguf } from "./types.ts";

/** Holds angles of RoPE, not weights. */
const ROPE_FACTORS = "rope_freqs.weight";

/** A tensor, and the file that holds it. */
interface Stored extends GgufTensor {
  file: string;
}

/**
 * A GGUF file, or all parts of a split one, as a source of tensors by their Hugging Face names, rows in Hugging Face's order. Blocks of 4 to 8 bits
 * are given as bfloat16: their own steps are coarser than its rounding.
 */
export class GgufFile implements TensorSource {
  readonly metadata: GgufMetadata;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** By what each angle of RoPE is divided, where the file says so (Llama 3). */
  readonly ropeFactors: Float32Array | undefined;
  private readonly stored = new Map<string, Stored>();
  private readonly descriptors = new Map<string, number>();

  /**
   * @param path a file; of a model in several, any part
   * @throws when it is not a whole GGUF file, when a part is missing or another model's, or when there is a tensor that
   *   Llama-shaped models have not
   */
  constructor(readonly path: string) {
    const { metadata, tensors } = readParts(path);
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
    for (const file of ggufParts(path)) this.descriptors.set(file, openSync(file, "r"));
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
    for (const descriptor of this.descriptors.values()) closeSync(descriptor);
    this.descriptors.clear();
  }

  private headCount(projection: "q_proj" | "k_proj", rows: number): number {
    const { metadata, path } = this;
    const key = projection === "q_proj" ? "head_count" : "head_count_kv";
    const count = metadata.get(`llama.attention.${key}`) ?? metadata.get("llama.attention.head_count");
    if (typeof count === "number" && count >= 1 && rows % (2 * count) === 0) return count;
    throw new Error(`${path}: llama.attention.${key}: expected heads that divide ${rows} rows, got ${count}`);
  }

  private bytes({ file, offset, byteLength }: Stored): Uint8Array {
    const descriptor = this.descriptors.get(file);
    if (descriptor === undefined) throw new Error(`${this.path}: read after close()`);
    return new Uint8Array(readBytes(file, descriptor, offset, byteLength));
  }
}

/** The metadata of the first part, and the tensors of all. */
function readParts(path: string): { metadata: GgufMetadata; tensors: ReadonlyMap<string, Stored> } {
  const files = ggufParts(path);
  const missing = files.filter((file) => !existsSync(file)).map((file) => basename(file));
  if (missing.length > 0) {
    const more = missing.length > 5 ? ", …" : "";
    throw new Error(
      `${path}: is one of ${files.length} parts of a model, of which ${missing.slice(0, 5).join(", ")}${more} ${missing.length > 1 ? "are" : "is"} missing: put all into one folder`,
    );
  }
  const parts = files.map((file) => ({ file, ...readGgufHeader(file) }));
  const tensors = new Map<string, Stored>();
  for (const [i, { file, metadata, tensors: some }] of parts.entries()) {
    const [count, number] = [metadata.get("split.count") ?? 1, metadata.get("split.no") ?? 0];
    if (count !== files.length || number !== i) {
      throw new Error(
        `${file}: expected part ${i + 1} of ${files.length}, as its name says, got part ${Number(number) + 1} of ${count}: give it the name that it had, or join the parts (llama-gguf-split --merge)`,
      );
    }
    for (const [name, tensor] of some) {
      const other = tensors.get(name);
      if (other)
        throw new Error(
          `${file}: the tensor "${name}" is in ${basename(other.file)} too: the parts are of different models`,
        );
      tensors.set(name, { ...tensor, file });
    }
  }
  return { metadata: parts[0].metadata, tensors };
}

/** As which type of safetensors the values are given. */
function infoOf({ type, shape, offset, byteLength }: GgufTensor): TensorInfo {
  const dtype: Dtype = type === "F32" || type === "F16" ? type : "BF16";
  return { dtype, shape, offset, byteLength };
}
