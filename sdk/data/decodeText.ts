/** Bytes of a text file to text. */
import { isUtf8 } from "node:buffer";

/**
 * UTF-8 to text, without a byte order mark, with "\n" as line break (files mix them, and quoted fields hold some).
 * @param name for messages
 * @throws when the bytes are not UTF-8; the message names the first line that is not
 */
export function decodeText(bytes: Buffer, name: string): string {
  if (!isUtf8(bytes)) {
    const utf16 = bytes.length >= 2 && ["fffe", "feff"].includes(bytes.toString("hex", 0, 2));
    throw new Error(
      `${name}: expected UTF-8, got ${utf16 ? "UTF-16" : `other bytes in line ${firstBadLine(bytes)}`}. Save the file as "CSV UTF-8".`,
    );
  }
  return bytes
    .toString("utf8")
    .replace(/^\uFEFF/, "")
    .replace(/\r\n?/g, "\n");
}

function firstBadLine(bytes: Buffer): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    if (!isUtf8(bytes.subarray(start, end))) break;
    start = end;
  }
  return line;
}
