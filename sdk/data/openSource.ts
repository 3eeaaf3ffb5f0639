/** Opens a source by what it holds: CSV of any dialect, JSON lines, JSON or Parquet. */
import type { Settings } from "./csvOptions.ts";
import { gridOf, type OpenTable, type OpenWholeTable, openRows, openWhole } from "./openTable.ts";
import { type Source, sourceName, splitHead } from "./source.ts";

// Bytes that format, encoding, dialect and layout are read from, at least.
const HEAD = 1 << 18;

/** @throws when the source cannot be read, is empty, or lacks one of the two sides */
export async function openSource(source: Source, settings: Settings): Promise<OpenTable> {
  const name = sourceName(source);
  const { head, whole, rest } = await splitHead(source, HEAD);
  if (whole && isBlank(head))
    throw new Error(
      `${name}: expected a header and rows, got an empty file. Check the path or export it again.`,
    );
  return openRows(name, gridOf(name, head, whole, rest, settings), settings);
}

/** @throws when the source cannot be read */
export async function openWholeTable(source: Source, settings: Settings): Promise<OpenWholeTable> {
  const name = sourceName(source);
  const { head, whole, rest } = await splitHead(source, HEAD);
  return openWhole(name, gridOf(name, head, whole, rest, settings), settings);
}

/** Nothing but byte order marks, NULs and white space. */
function isBlank(bytes: Buffer): boolean {
  return (
    bytes.every((byte) => byte <= 32 || byte >= 0xbb) &&
    bytes.toString("utf8").replace(/[\0\ufeff\ufffd\s]/g, "") === ""
  );
}
