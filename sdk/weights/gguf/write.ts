/** Writes GGUF files, version 3: the header at once, then tensor after tensor, so that one is in memory at a time. */
import { writeFileAtomically } from "../../files.ts";
import { type GgufType, typeBytes, typeId } from "./types.ts";

/** A value of metadata with the type that it is written as. */
export type GgufField =
  | { type: "uint32"; value: number }
  | { type: "int32"; value: number }
  | { type: "float32"; value: number }
  | { type: "bool"; value: boolean }
  | { type: "string"; value: string }
  | { type: "strings"; value: readonly string[] }
  | { type: "int32s"; value: readonly number[] }
  | { type: "float32s"; value: readonly number[] };

export interface GgufTensorToWrite {
  type: GgufType;
  /** Rows first: [out, in]. */
  shape: readonly number[];
  /** Called when its turn comes. */
  data: () => Uint8Array;
}

const ALIGNMENT = 32;
const IDS = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8 } as const;
const ARRAY = 9;

/**
 * Writes the file: whole or not at all.
 *
 * @throws when a tensor's data do not fit its shape, or when the disk is full
 */
export function writeGguf(
  file: string,
  metadata: ReadonlyMap<string, GgufField>,
  tensors: ReadonlyMap<string, GgufTensorToWrite>,
): void {
  const header: Uint8Array[] = [Buffer.from("GGUF"), uint32(3), uint64(tensors.size), uint64(metadata.size)];
  for (const [key, field] of metadata) header.push(text(key), ...fieldBytes(field));
  let offset = 0;
  for (const [name, { type, shape }] of tensors) {
    header.push(text(name), uint32(shape.length));
    for (const size of [...shape].reverse()) header.push(uint64(size));
    header.push(uint32(typeId(type)), uint64(offset));
    offset += aligned(sizeOf(file, name, type, shape));
  }
  const joined = Buffer.concat(header);
  const start = Buffer.alloc(aligned(joined.length));
  joined.copy(start);
  writeFileAtomically(file, chunks(file, start, tensors), start.length + offset);
}

function* chunks(
  file: string,
  start: Uint8Array,
  tensors: ReadonlyMap<string, GgufTensorToWrite>,
): Generator<Uint8Array> {
  yield start;
  for (const [name, { type, shape, data }] of tensors) {
    const bytes = data();
    const expected = sizeOf(file, name, type, shape);
    if (bytes.length !== expected) {
      throw new Error(
        `${file}: tensor "${name}": ${type} [${shape}] needs ${expected} bytes, got ${bytes.length}`,
      );
    }
    yield bytes;
    const padding = aligned(bytes.length) - bytes.length;
    if (padding > 0) yield new Uint8Array(padding);
  }
}

function sizeOf(file: string, name: string, type: GgufType, shape: readonly number[]): number {
  const bytes = typeBytes(type, shape);
  if (bytes !== undefined) return bytes;
  throw new Error(
    `${file}: tensor "${name}": ${type} holds whole blocks in a row, which rows of ${shape[shape.length - 1]} values are not: choose f16`,
  );
}

function fieldBytes(field: GgufField): Uint8Array[] {
  switch (field.type) {
    case "strings":
      return [uint32(ARRAY), uint32(IDS.string), uint64(field.value.length), ...field.value.map(text)];
    case "int32s":
      return [
        uint32(ARRAY),
        uint32(IDS.int32),
        uint64(field.value.length),
        raw(Int32Array.from(field.value)),
      ];
    case "float32s":
      return [
        uint32(ARRAY),
        uint32(IDS.float32),
        uint64(field.value.length),
        raw(Float32Array.from(field.value)),
      ];
    case "string":
      return [uint32(IDS.string), text(field.value)];
    case "bool":
      return [uint32(IDS.bool), Uint8Array.of(Number(field.value))];
    case "uint32":
      return [uint32(IDS.uint32), uint32(field.value)];
    case "int32":
      return [uint32(IDS.int32), raw(Int32Array.of(field.value))];
    case "float32":
      return [uint32(IDS.float32), raw(Float32Array.of(field.value))];
  }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function uint32(value: number): Uint8Array {
  return raw(Uint32Array.of(value));
}

function uint64(value: number): Uint8Array {
  return raw(BigUint64Array.of(BigInt(value)));
}

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function raw({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
