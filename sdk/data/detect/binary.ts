/** Files that are no text, however forgivingly one reads: said before a table is made of their bytes. */
import { isUtf8 } from "node:buffer";

/** First bytes of what people take for a table by mistake, and the way to one. */
const known: [start: string, what: string, step: string][] = [
  [
    "PK\x03\x04",
    "a spreadsheet (xlsx, ods) or a zip archive",
    "Save the sheet as CSV, or unpack the archive.",
  ],
  ["\xd0\xcf\x11\xe0", "a spreadsheet of old Excel (xls)", "Save the sheet as CSV."],
  ["\x1f\x8b", "a compressed file (gzip)", "Unpack it with gunzip."],
  ["\x28\xb5\x2f\xfd", "a compressed file (zstd)", "Unpack it with unzstd."],
  ["%PDF-", "a PDF document", "Export the table from the program that made it."],
  ["SQLite format 3\0", "an SQLite database", "Export the table as CSV."],
];

/** What compressed or random bytes hold is 9 %; a text with a NUL in every short cell has as many, but is UTF-8. */
const CONTROLS_OF_NO_ENCODING = 0.03;
/** Not even a text full of NULs has so many. */
const CONTROLS = 0.5;
const LOOKED_AT = 1 << 16;
/** Of less nobody can say it. */
const FEWEST = 64;

/**
 * @param head the beginning of the file, of an encoding of one byte or more a letter (no UTF-16)
 * @throws when it is no text, with what it is where that is known
 */
export function refuseBinary(name: string, head: Buffer): void {
  const start = head.toString("latin1", 0, 16);
  const found = known.find(([bytes]) => start.startsWith(bytes));
  if (!found && !isBinary(head.subarray(0, LOOKED_AT))) return;
  const [, what, step] = found ?? ["", "a binary file", "Check the path, or export the table again."];
  throw new Error(`${name}: expected a text (CSV, JSON, a dialogue) or Parquet, got ${what}. ${step}`);
}

function isBinary(head: Buffer): boolean {
  // A crash may leave a block of NULs behind a text.
  const body = head.subarray(0, head.findLastIndex((byte) => byte !== 0) + 1);
  if (body.length < FEWEST) return false;
  const controls = body.reduce((sum, byte) => sum + (isControl(byte) ? 1 : 0), 0) / body.length;
  // The piece may be cut inside a character.
  const isText = [0, 1, 2, 3].some((cut) => isUtf8(body.subarray(0, body.length - cut)));
  return controls > (isText ? CONTROLS : CONTROLS_OF_NO_ENCODING);
}

/** Tabs, line ends and the separators U+0001, U+001E and U+001F belong to tables. */
function isControl(byte: number): boolean {
  return (byte < 32 && byte !== 1 && !(byte >= 9 && byte <= 13) && byte < 30) || byte === 127;
}
