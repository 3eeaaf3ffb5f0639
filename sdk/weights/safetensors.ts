/** Reads and writes safetensors files: tensors by name, one read at a time, so a file may be larger than memory. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { loadAddon } from "../backend/loadAddon.ts";
import { readable, writeFileAtomically } from "../files.ts";
import { DTYPES, type Dtype, dtypeBytes, type TensorData, type TensorValue, viewAs } from "./dtypes.ts";
import { type Header, MAX_HEADER_BYTES, parseHeader, type TensorInfo } from "./safetensorsHeader.ts";

export {
  type Dtype,
  exactBfloat16,
  type TensorData,
  type TensorValue,
  toBfloat16,
  toFloat32,
} from "./dtypes.ts";
export type { TensorInfo } from "./safetensorsHeader.ts";

/** A tensor's dtype and shape, and where its bytes lie. */
export interface TensorPlace extends TensorInfo {
  file: string;
}

/** Tensors by name: one file, or a folder of several (`openWeights`). */
export interface TensorSource {
  /** File or folder, for messages. */
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** The values, read anew at each call. @throws when there is no tensor of that name. */
  read(name: string): TensorValue;
  /**
   * Where its values lie, row after row as `read` gives them; undefined where the file has them otherwise.
   * @throws when there is no tensor of that name
   */
  locate(name: string): TensorPlace | undefined;
  /** Closes the files; reading is over. May be called twice. */
  close(): void;
}

export interface SafetensorsFile extends TensorSource {
  /** The file's `__metadata__`, {} when it has none. */
  readonly metadata: Readonly<Record<string, string>>;
}

// One read call takes at most 2 GiB - 1.
const CHUNK_BYTES = 2 ** 30;

/**
 * Opens a file and checks its whole header.
 *
 * @throws when it is not a whole, well-formed safetensors file; lists every problem
 */
export function openSafetensors(file: string): SafetensorsFile {
  const descriptor = readable(file, () => openSync(file, "r"));
  try {
    return new OpenFile(file, descriptor, readHeader(file, descriptor));
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

class OpenFile implements SafetensorsFile {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
  private descriptor: number | undefined;

  constructor(
    readonly path: string,
    descriptor: number,
    header: Header,
  ) {
    this.descriptor = descriptor;
    this.tensors = header.tensors;
    this.metadata = header.metadata;
  }

  locate(name: string): TensorPlace {
    const info = this.tensors.get(name);
    if (!info) throw missingTensor(this, name);
    return { ...info, file: this.path };
  }

  read(name: string): TensorValue {
    const info = this.locate(name);
    if (this.descriptor === undefined) throw new Error(`${this.path}: tensor "${name}" read after close()`);
    const buffer = readBytes(this.path, this.descriptor, info.offset, info.byteLength);
    return { dtype: info.dtype, shape: info.shape, data: viewAs(info.dtype, buffer) };
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }
}

/** Reads one tensor by its place, from a file that need not be open; by all threads where there is the addon. */
export function readTensor({ file, offset, byteLength, dtype, shape }: TensorPlace): TensorValue {
  const addon = loadAddon();
  if (addon) {
    const buffer = new ArrayBuffer(byteLength);
    addon.readFile(file, offset, byteLength, new Uint8Array(buffer));
    return { dtype, shape, data: viewAs(dtype, buffer) };
  }
  const descriptor = openSync(file, "r");
  try {
    return { dtype, shape, data: viewAs(dtype, readBytes(file, descriptor, offset, byteLength)) };
  } finally {
    closeSync(descriptor);
  }
}

/** The error for a name that a source does not have, with the names that it has. */
export function missingTensor(source: TensorSource, name: string): Error {
  const names = [...source.tensors.keys()];
  const shown = names.slice(0, 5).join(", ") + (names.length > 5 ? ", …" : "");
  return new Error(
    `${source.path}: no tensor "${name}" among its ${names.length} (${shown || "it is empty"})`,
  );
}

function readHeader(file: string, descriptor: number): Header {
  const stat = fstatSync(descriptor);
  if (!stat.isFile()) throw new Error(`${file}: expected a safetensors file, got a folder or a device`);
  const fileBytes = stat.size;
  if (fileBytes < 8) {
    throw new Error(`${file}: expected a safetensors file, got only ${fileBytes} bytes: download it again`);
  }
  const length = new DataView(readBytes(file, descriptor, 0, 8)).getBigUint64(0, true);
  if (length > BigInt(Math.min(MAX_HEADER_BYTES, fileBytes - 8))) {
    throw new Error(
      `${file}: its header claims ${length} bytes, the file has ${fileBytes}: it is no safetensors file or was cut ` +
        "short. Download or save it again",
    );
  }
  const bytes = readBytes(file, descriptor, 8, Number(length));
  let json: string;
  try {
    json = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`${file}: header: expected UTF-8 text, got other bytes: it is no safetensors file`);
  }
  return parseHeader(json, Number(length), fileBytes, file);
}

/** @throws when the file ends before */
export function readBytes(file: string, descriptor: number, offset: number, length: number): ArrayBuffer {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const got = readSync(descriptor, bytes, done, Math.min(CHUNK_BYTES, length - done), offset + done);
    if (got === 0)
      throw new Error(`${file}: became shorter while it was read: expected ${offset + length} bytes`);
    done += got;
  }
  return bytes.buffer;
}

/** A tensor to write; `data` may be a function, called when its turn comes, so that not all need to be in memory. */
export interface TensorToWrite {
  dtype: Dtype;
  shape: readonly number[];
  data: TensorData | (() => TensorData);
}

/**
 * Writes the tensors to `file`: whole or not at all. Same bytes as Python's safetensors for the same tensors: by
 * dtype (widest first), then by name; the header padded to 8 bytes. Metadata keys are sorted.
 *
 * @throws when data do not fit their shape, or when the disk is full
 */
export function writeSafetensors(
  file: string,
  tensors: ReadonlyMap<string, TensorToWrite>,
  metadata?: Readonly<Record<string, string>>,
): void {
  const inOrder = [...tensors].sort(
    ([nameA, a], [nameB, b]) =>
      DTYPES.indexOf(b.dtype) - DTYPES.indexOf(a.dtype) ||
      Buffer.compare(Buffer.from(nameA), Buffer.from(nameB)),
  );
  // A prototype-less object keeps a tensor named "__proto__"; numeric names would be reordered, which only costs
  // the equality with Python's bytes.
  const header: Record<string, unknown> = Object.create(null);
  if (metadata) {
    header.__metadata__ = Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  let end = 0;
  for (const [name, { dtype, shape }] of inOrder) {
    if (name === "__metadata__") throw new Error(`${file}: "__metadata__" cannot be the name of a tensor`);
    const begin = end;
    end += byteLength(dtype, shape);
    header[name] = { dtype, shape, data_offsets: [begin, end] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, " ");
  padded.writeBigUInt64LE(BigInt(padded.length - 8));
  json.copy(padded, 8);
  writeFileAtomically(file, chunks(file, padded, inOrder), padded.length + end);
}

function* chunks(
  file: string,
  header: Uint8Array,
  tensors: [string, TensorToWrite][],
): Generator<Uint8Array> {
  yield header;
  for (const [name, { dtype, shape, data }] of tensors) {
    const values = typeof data === "function" ? data() : data;
    const expected = byteLength(dtype, shape);
    if (values.byteLength !== expected || values.BYTES_PER_ELEMENT !== dtypeBytes(dtype)) {
      throw new Error(
        `${file}: tensor "${name}": ${dtype} [${shape}] needs ${expected} bytes, got ${values.byteLength} in a ` +
          values.constructor.name,
      );
    }
    yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  }
}

function byteLength(dtype: Dtype, shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1) * dtypeBytes(dtype);
}
