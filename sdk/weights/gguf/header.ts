/**
 * The header of a GGUF file (llama.cpp's format): metadata by key, then where each tensor lies.
 *
 * Invariant: no length in the file is believed. Every string, array and tensor is checked against the bytes that are
 * there before anything is allocated for it.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { readable } from "../../files.ts";
import { type GgufType, typeById, typeBytes } from "./types.ts";

export type GgufValue = string | number | boolean | GgufValue[];
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

export interface GgufTensor {
  type: GgufType;
  /** Rows last, as everywhere else here: [out, in]. (The file has them the other way round.) */
  shape: readonly number[];
  /** In bytes from the start of the file. */
  offset: number;
  byteLength: number;
}

export interface GgufHeader {
  metadata: GgufMetadata;
  tensors: ReadonlyMap<string, GgufTensor>;
}

const MAGIC = 0x46554747; // "GGUF", little-endian
const WINDOW_BYTES = 2 ** 20;
/** Vocabularies take some megabytes and templates some kilobytes: more than this is no header. */
const MAX_HEADER_BYTES = 256 * 2 ** 20;
const MAX_STRING_BYTES = 2 ** 26;
const MAX_DEPTH = 4;
const DAMAGED = "the file is damaged or was cut short: download it again";

/** @throws when it is not a whole, well-formed GGUF file of version 2 or 3, or of a type of tensor we cannot read */
export function readGgufHeader(file: string): GgufHeader {
  const descriptor = readable(file, () => openSync(file, "r"));
  try {
    return parse(new Cursor(file, descriptor), file);
  } finally {
    closeSync(descriptor);
  }
}

function parse(cursor: Cursor, file: string): GgufHeader {
  if (cursor.size < 24)
    throw new Error(`${file}: expected a GGUF file, got only ${cursor.size} bytes: ${DAMAGED}`);
  const magic = cursor.uint(4);
  if (magic !== MAGIC)
    throw new Error(`${file}: expected a GGUF file, which begins with "GGUF", got other bytes`);
  const version = cursor.uint(4);
  if (version !== 2 && version !== 3) {
    throw new Error(
      `${file}: expected GGUF version 2 or 3 (little-endian), got ${version}: convert the model again with a current llama.cpp`,
    );
  }
  const tensorCount = cursor.uint(8);
  const keyCount = cursor.uint(8);
  // A key takes 13 bytes or more, a tensor 24.
  cursor.expect(keyCount * 13 + tensorCount * 24, `${keyCount} keys and ${tensorCount} tensors`);
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < keyCount; i++) {
    const key = cursor.string();
    if (metadata.has(key)) throw new Error(`${file}: the key "${key}" stands twice: ${DAMAGED}`);
    metadata.set(key, cursor.value(cursor.uint(4), 0));
  }
  const tensors = new Map<string, GgufTensor>();
  const problems: string[] = [];
  for (let i = 0; i < tensorCount; i++) {
    const name = cursor.string();
    if (tensors.has(name)) problems.push(`tensor "${name}" is named twice`);
    const dimensions = cursor.uint(4);
    if (dimensions < 1 || dimensions > 4) {
      throw new Error(`${file}: tensor "${name}": expected 1 to 4 dimensions, got ${dimensions}: ${DAMAGED}`);
    }
    const shape = Array.from({ length: dimensions }, () => cursor.uint(8)).reverse();
    const id = cursor.uint(4);
    const offset = cursor.uint(8);
    const type = typeById(id);
    if (!type) {
      problems.push(`tensor "${name}": unsupported type ${id}`);
      continue;
    }
    const byteLength = typeBytes(type, shape);
    if (byteLength === undefined) {
      problems.push(`tensor "${name}": ${type} cannot hold the shape [${shape}]`);
      continue;
    }
    tensors.set(name, { type, shape, offset, byteLength });
  }
  checkLayout(tensors, cursor, alignmentOf(metadata, problems), problems);
  if (problems.length > 0) {
    const shown = problems.slice(0, 10).join("; ");
    const more = problems.length > 10 ? `; and ${problems.length - 10} more` : "";
    throw new Error(
      `${file}: ${shown}${more}. Readable are F32, F16, BF16, Q8_0, Q4_0, Q4_K and Q6_K in a whole file`,
    );
  }
  return { metadata, tensors };
}

function alignmentOf(metadata: GgufMetadata, problems: string[]): number {
  const alignment = metadata.get("general.alignment") ?? 32;
  if (typeof alignment === "number" && alignment >= 8 && alignment <= 2 ** 20 && alignment % 8 === 0) {
    return alignment;
  }
  problems.push(`general.alignment: expected a multiple of 8, got ${JSON.stringify(alignment)}`);
  return 32;
}

/** Makes offsets absolute, and finds overlaps and ends outside the file. */
function checkLayout(
  tensors: Map<string, GgufTensor>,
  cursor: Cursor,
  alignment: number,
  problems: string[],
): void {
  const start = Math.ceil(cursor.position / alignment) * alignment;
  let end = 0;
  let before = "";
  const inOrder = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.byteLength - b.byteLength);
  for (const [name, tensor] of inOrder) {
    const { offset, byteLength } = tensor;
    if (offset % alignment !== 0)
      problems.push(`tensor "${name}": offset ${offset} is not aligned to ${alignment}`);
    if (offset < end) problems.push(`tensor "${name}" overlaps "${before}"`);
    if (start + offset + byteLength > cursor.size) {
      problems.push(
        `tensor "${name}" ends at byte ${start + offset + byteLength}, the file has ${cursor.size}: ${DAMAGED}`,
      );
    }
    [end, before] = [offset + byteLength, name];
    tensor.offset = start + offset;
  }
}

/** Reads a file from its start, a window at a time. */
class Cursor {
  readonly size: number;
  position = 0;
  private window = Buffer.alloc(0);
  private windowStart = 0;

  constructor(
    private readonly file: string,
    private readonly descriptor: number,
  ) {
    this.size = fstatSync(descriptor).size;
  }

  /** @throws when so many bytes are not there */
  expect(bytes: number, what: string): void {
    if (this.position + bytes > Math.min(this.size, MAX_HEADER_BYTES)) {
      throw new Error(
        `${this.file}: its header claims ${what} at byte ${this.position}, the file has ${this.size} bytes: ${DAMAGED}`,
      );
    }
  }

  /** The next bytes; good until the next call. */
  private take(length: number, what: string): Buffer {
    this.expect(length, what);
    const inside = this.position - this.windowStart;
    if (inside + length > this.window.length) {
      const wanted = Buffer.alloc(Math.min(Math.max(WINDOW_BYTES, length), this.size - this.position));
      let done = 0;
      while (done < wanted.length) {
        const got = readSync(this.descriptor, wanted, done, wanted.length - done, this.position + done);
        if (got === 0) throw new Error(`${this.file}: became shorter while it was read`);
        done += got;
      }
      this.window = wanted;
      this.windowStart = this.position;
    }
    const from = this.position - this.windowStart;
    this.position += length;
    return this.window.subarray(from, from + length);
  }

  uint(bytes: 1 | 2 | 4 | 8): number {
    const data = this.take(bytes, "a number");
    return bytes === 8 ? this.safe(data.readBigUInt64LE()) : data.readUIntLE(0, bytes);
  }

  private safe(value: bigint): number {
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
    throw new Error(
      `${this.file}: the header has the number ${value} before byte ${this.position}: ${DAMAGED}`,
    );
  }

  string(): string {
    const length = this.uint(8);
    if (length > MAX_STRING_BYTES) this.expect(Number.POSITIVE_INFINITY, `a text of ${length} bytes`);
    return this.take(length, `a text of ${length} bytes`).toString("utf8");
  }

  /** A value of metadata by its type's number. */
  value(type: number, depth: number): GgufValue {
    switch (type) {
      case 0:
        return this.uint(1);
      case 1:
        return this.take(1, "a number").readInt8();
      case 2:
        return this.uint(2);
      case 3:
        return this.take(2, "a number").readInt16LE();
      case 4:
        return this.uint(4);
      case 5:
        return this.take(4, "a number").readInt32LE();
      case 6:
        return this.take(4, "a number").readFloatLE();
      case 7:
        return this.uint(1) !== 0;
      case 8:
        return this.string();
      case 9:
        return this.array(depth);
      case 10:
        return this.uint(8);
      case 11:
        return this.safe(this.take(8, "a number").readBigInt64LE());
      case 12:
        return this.take(8, "a number").readDoubleLE();
      default:
        throw new Error(
          `${this.file}: metadata of the unknown type ${type} before byte ${this.position}: ${DAMAGED}`,
        );
    }
  }

  private array(depth: number): GgufValue[] {
    if (depth === MAX_DEPTH) throw new Error(`${this.file}: arrays in arrays in its metadata: ${DAMAGED}`);
    const type = this.uint(4);
    const count = this.uint(8);
    this.expect(count * (type === 8 ? 8 : type === 9 ? 12 : 1), `a list of ${count}`);
    const values: GgufValue[] = [];
    for (let i = 0; i < count; i++) values.push(this.value(type, depth + 1));
    return values;
  }
}
