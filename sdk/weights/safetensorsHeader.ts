/**
 * The header of a safetensors file: 8 bytes of length (little-endian), then JSON that gives each tensor's dtype,
 * shape and place. The rules are those of the reference reader: tensors follow one another without overlap or hole
 * and fill the file.
 */
import { DTYPES, type Dtype, dtypeBytes, isDtype } from "./dtypes.ts";

/** The same limit as the reference implementation's, against files that lie about their header. */
export const MAX_HEADER_BYTES = 100_000_000;

export interface TensorInfo {
  dtype: Dtype;
  shape: readonly number[];
  /** Where the values begin, in bytes from the start of the file. */
  offset: number;
  byteLength: number;
}

export interface Header {
  tensors: Map<string, TensorInfo>;
  metadata: Record<string, string>;
}

const DAMAGED = "the file is damaged or was cut short: download or save it again";

/**
 * @param json the header's text, without the 8 bytes of length
 * @param headerBytes its length in bytes
 * @param fileBytes size of the whole file
 * @throws one error that lists every problem
 */
export function parseHeader(json: string, headerBytes: number, fileBytes: number, file: string): Header {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (error) {
    throw new Error(`${file}: header: expected JSON, got ${(error as Error).message}; ${DAMAGED}`);
  }
  if (!isRecord(parsed)) throw new Error(`${file}: header: expected a JSON object; ${DAMAGED}`);
  const problems: string[] = duplicateKeys(json).map((name) => `tensor "${name}" is named twice`);
  const header: Header = { tensors: new Map(), metadata: {} };
  for (const [name, entry] of Object.entries(parsed)) {
    if (name === "__metadata__") header.metadata = parseMetadata(entry, problems);
    else {
      const info = parseTensor(name, entry, 8 + headerBytes, problems);
      if (info) header.tensors.set(name, info);
    }
  }
  if (problems.length === 0) checkLayout(header.tensors, 8 + headerBytes, fileBytes, problems);
  if (problems.length > 0) throw new Error(`${file}: ${problems.join("; ")}; ${DAMAGED}`);
  return header;
}

function parseMetadata(entry: unknown, problems: string[]): Record<string, string> {
  if (isRecord(entry) && Object.values(entry).every((value) => typeof value === "string")) {
    return entry as Record<string, string>;
  }
  problems.push(`__metadata__: expected an object of strings, got ${JSON.stringify(entry)}`);
  return {};
}

function parseTensor(
  name: string,
  entry: unknown,
  dataStart: number,
  problems: string[],
): TensorInfo | undefined {
  const where = `tensor "${name}"`;
  if (!isRecord(entry)) {
    problems.push(`${where}: expected an object, got ${JSON.stringify(entry)}`);
    return undefined;
  }
  const { dtype, shape, data_offsets: offsets } = entry;
  const before = problems.length;
  if (!isDtype(dtype)) {
    problems.push(`${where}: dtype: expected one of ${DTYPES.join(", ")}, got ${JSON.stringify(dtype)}`);
  }
  if (!isSizes(shape)) {
    problems.push(`${where}: shape: expected sizes >= 0, got ${JSON.stringify(shape)}`);
  }
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[1] < offsets[0]) {
    problems.push(`${where}: data_offsets: expected [begin, end], got ${JSON.stringify(offsets)}`);
  }
  if (problems.length > before || !isDtype(dtype) || !isSizes(shape) || !isSizes(offsets)) return undefined;
  const expected = shape.reduce((product, size) => product * size, 1) * dtypeBytes(dtype);
  const byteLength = offsets[1] - offsets[0];
  if (expected !== byteLength) {
    problems.push(`${where}: ${dtype} [${shape}] needs ${expected} bytes, data_offsets give ${byteLength}`);
    return undefined;
  }
  return { dtype, shape, offset: dataStart + offsets[0], byteLength };
}

/** No overlap, no hole, nothing outside the file, nothing left over. */
function checkLayout(
  tensors: Map<string, TensorInfo>,
  dataStart: number,
  fileBytes: number,
  problems: string[],
): void {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.byteLength - b.byteLength);
  let end = dataStart;
  for (const [name, { offset, byteLength }] of inOrder) {
    if (offset !== end) {
      const fault = offset < end ? "overlaps the tensor before it" : "leaves a hole before it";
      problems.push(
        `tensor "${name}": ${fault}: expected offset ${end - dataStart}, got ${offset - dataStart}`,
      );
    }
    end = offset + byteLength;
  }
  if (end !== fileBytes) problems.push(`expected ${end} bytes, the file has ${fileBytes}`);
}

/** Names that stand twice at the top level. JSON.parse would keep the last one and say nothing. */
function duplicateKeys(json: string): string[] {
  const seen = new Set<string>();
  const twice: string[] = [];
  let depth = 0;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (depth === 1 && token.endsWith(":")) {
      const name = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1)) as string;
      if (seen.has(name)) twice.push(name);
      seen.add(name);
    }
  }
  return twice;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
