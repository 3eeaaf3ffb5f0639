/** Files that are no text, whatever their names say: what they are by their first bytes, and how their rows come out of them. */
import { isUtf8 } from "node:buffer";

const PACKED = "Unpack it and give the file inside.";
const SHEET = "Open it in a spreadsheet program and save the sheet as CSV (UTF-8).";
const EXPORT = "Export the questions and answers as CSV, JSON or Parquet.";

interface Signature {
  /** First bytes, in hexadecimal. */
  begins: string;
  /** A name further on, as archives have those of their files. */
  holds?: string;
  what: string;
  next: string;
}

const ZIP = "504b0304";
/** The first that fits wins. */
const signatures: readonly Signature[] = [
  { begins: ZIP, holds: "xl/", what: "an Excel workbook (.xlsx)", next: SHEET },
  { begins: ZIP, holds: "opendocument.spreadsheet", what: "an OpenDocument sheet (.ods)", next: SHEET },
  { begins: ZIP, holds: "word/", what: "a Word document (.docx)", next: EXPORT },
  { begins: ZIP, what: "a ZIP archive", next: PACKED },
  { begins: "d0cf11e0a1b11ae1", what: "an Office file of before 2007 (.xls, .doc)", next: SHEET },
  { begins: "1f8b", what: "a gzip file", next: PACKED },
  { begins: "425a68", what: "a bzip2 file", next: PACKED },
  { begins: "fd377a585a00", what: "an xz file", next: PACKED },
  { begins: "28b52ffd", what: "a Zstandard file", next: PACKED },
  { begins: "377abcaf271c", what: "a 7z archive", next: PACKED },
  { begins: "526172211a07", what: "a RAR archive", next: PACKED },
  { begins: "255044462d", what: "a PDF document", next: EXPORT },
  { begins: "7b5c727466", what: "an RTF document", next: EXPORT },
  { begins: "89504e470d0a", what: "an image (PNG)", next: EXPORT },
  { begins: "ffd8ff", what: "an image (JPEG)", next: EXPORT },
  { begins: "474946383", what: "an image (GIF)", next: EXPORT },
  { begins: "53514c69746520666f726d6174203300", what: "an SQLite database", next: EXPORT },
];
const markup = [
  { begins: /^\s*(?:<!doctype html|<html[\s>])/i, what: "a web page (HTML)", next: SHEET },
  { begins: /^\s*<\?xml\s/, what: "an XML file", next: EXPORT },
];

/** What compressed or random bytes hold is 9 %; a text with a NUL in every short cell has as many, but is UTF-8. */
const CONTROLS_OF_NO_ENCODING = 0.03;
/** Not even a text full of NULs has so many. */
const CONTROLS = 0.5;
const LOOKED_AT = 1 << 16;
/** Of less nobody can say it. */
const FEWEST = 64;

/**
 * @param head the beginning of the source without its byte order mark, of an encoding of one byte or more a letter (no UTF-16)
 * @throws when it is no text, with what it is where that is known
 */
export function refuseOtherFormats(name: string, head: Buffer): void {
  const found =
    known(head.subarray(0, 8192)) ?? (isBinary(head.subarray(0, LOOKED_AT)) ? unknown : undefined);
  if (found)
    throw new Error(
      `${name}: expected a text (CSV, JSON, a dialogue) or Parquet, got ${found.what}. ${found.next}`,
    );
}

const unknown = { what: "a binary file", next: "Check the path, or export the table again." };

function known(start: Buffer): { what: string; next: string } | undefined {
  const hex = start.toString("hex", 0, 16);
  const found = signatures.find(
    ({ begins, holds }) => hex.startsWith(begins) && (holds === undefined || start.includes(holds)),
  );
  const text = start.toString("latin1");
  return found ?? markup.find(({ begins }) => begins.test(text));
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
