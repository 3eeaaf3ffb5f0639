/** Opens a source by what it holds: CSV of any dialect, JSON lines, JSON or Parquet. */
import type { Settings } from "./csvOptions.ts";
import { Decoder, detectEncoding } from "./detect/encoding.ts";
import { looksLikeJson } from "./objects/jsonValues.ts";
import { jsonSource, type ObjectSource, openObjectRows, openWholeObjects } from "./objects/openObjects.ts";
import { isParquet, parquetSource } from "./objects/parquet.ts";
import {
  gridOf,
  type OpenGrid,
  type OpenTable,
  type OpenWholeTable,
  openRows,
  openWhole,
} from "./read/openTable.ts";
import { type Source, sourceName, splitHead } from "./read/source.ts";

// Bytes that format, encoding, dialect and layout are read from, at least.
const HEAD = 1 << 18;

/** @throws when the source cannot be read, is empty, or lacks one of the two sides */
export async function openSource(source: Source, settings: Settings): Promise<OpenTable> {
  const opened = await open(source, settings);
  if (opened.empty)
    throw new Error(
      `${opened.name}: expected a header and rows, got an empty file. Check the path or export it again.`,
    );
  return opened.objects
    ? openObjectRows(opened.objects, settings)
    : openRows(opened.name, opened.grid, settings);
}

/** @throws when the source cannot be read */
export async function openWholeTable(source: Source, settings: Settings): Promise<OpenWholeTable> {
  const opened = await open(source, settings);
  return opened.objects ? openWholeObjects(opened.objects) : openWhole(opened.name, opened.grid, settings);
}

interface Opened {
  name: string;
  empty: boolean;
}

async function open(
  source: Source,
  settings: Settings,
): Promise<Opened & ({ objects: ObjectSource; grid?: undefined } | { objects?: undefined; grid: OpenGrid })> {
  const name = sourceName(source);
  const { head, whole, rest } = await splitHead(source, HEAD);
  const empty = whole && isBlank(head);
  if (isParquet(head)) {
    if (typeof source === "string") {
      await rest.return(undefined);
      return { name, empty, objects: parquetSource(name, source) };
    }
    const parts = [head];
    for await (const part of rest) parts.push(part);
    return { name, empty, objects: parquetSource(name, Buffer.concat(parts)) };
  }
  const { encoding, bom } = detectEncoding(head);
  const first = head.subarray(bom).toString("latin1", 0, 64).replaceAll("\0", "").trimStart()[0];
  if (first === "{" || first === "[") {
    const text = new Decoder(encoding).decode(head.subarray(bom), whole);
    if (looksLikeJson(text, whole))
      return { name, empty, objects: jsonSource(name, head.subarray(bom), whole, rest, encoding) };
  }
  return { name, empty, grid: gridOf(name, head, whole, rest, settings) };
}

/** Nothing but byte order marks, NULs and white space. */
function isBlank(bytes: Buffer): boolean {
  return (
    bytes.every((byte) => byte <= 32 || byte >= 0xbb) &&
    bytes.toString("utf8").replace(/[\0\ufeff\ufffd\s]/g, "") === ""
  );
}
