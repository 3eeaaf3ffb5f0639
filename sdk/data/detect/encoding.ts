/**
 * Bytes of a text file to text, piece by piece, and back. Invariant: `encode(decode(bytes))` gives the bytes again, so
 * that a rejected record can be written down as it stands in the file.
 */
import { isAscii, isUtf8 } from "node:buffer";
import { decodeOneByte, encodeOneByte, isOneByte, oneByteEncodings, oneByteOf } from "./oneByte.ts";

export const encodings = ["utf-8", "utf-16le", "utf-16be", ...oneByteEncodings] as const;
export type Encoding = (typeof encodings)[number];
/**
 * @param head the beginning of the file; it may end inside a character
 * @returns the encoding and the length of its byte order mark
 */
export function detectEncoding(head: Buffer): { encoding: Encoding; bom: number } {
  if (head.length >= 3 && head.readUIntBE(0, 3) === 0xefbbbf) return { encoding: "utf-8", bom: 3 };
  if (head.length >= 2 && head.readUInt16BE(0) === 0xfffe) return { encoding: "utf-16le", bom: 2 };
  if (head.length >= 2 && head.readUInt16BE(0) === 0xfeff) return { encoding: "utf-16be", bom: 2 };
  return { encoding: utf16(head) ?? eightBit(head), bom: 0 };
}

/** Text in Latin letters has a zero in every second byte as UTF-16; stray NULs fall on both sides alike. */
function utf16(head: Buffer): Encoding | undefined {
  const sample = head.subarray(0, 8192);
  const pairs = Math.floor(sample.length / 2);
  if (pairs < 2 || !sample.includes(0)) return undefined;
  const zeros = [0, 0];
  for (let i = 0; i < pairs * 2; i++) if (sample[i] === 0) zeros[i % 2]++;
  const [even, odd] = zeros.map((count) => count / pairs);
  if (odd > 0.4 && even < 0.1) return "utf-16le";
  if (even > 0.4 && odd < 0.1) return "utf-16be";
  return undefined;
}

/** UTF-8 unless most lines with other than ASCII are no UTF-8: one line pasted from elsewhere makes no CP1252 file. */
function eightBit(head: Buffer): Encoding {
  if (isUtf8(head)) return "utf-8";
  let valid = 0;
  let invalid = 0;
  for (const line of linesOf(head)) {
    if (isAscii(line)) continue;
    if (isUtf8(line)) valid++;
    else invalid++;
  }
  // The last line may be cut inside a character.
  return valid >= invalid ? "utf-8" : oneByteOf(head);
}

function* linesOf(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    yield bytes.subarray(start, end);
    start = end;
  }
}

/** Decodes a stream of bytes. A line of a UTF-8 file that is no UTF-8 is read as Windows-1252 and counted. */
export class Decoder {
  /** The lines, as text, that were read as Windows-1252 in a UTF-8 file. */
  readonly foreignLines = new Set<string>();
  #rest: Buffer = Buffer.alloc(0);

  constructor(readonly encoding: Encoding) {}

  /** @param last no more bytes come */
  decode(chunk: Buffer, last: boolean): string {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    const end = last ? bytes.length : this.#wholeCharacters(bytes);
    this.#rest = bytes.subarray(end);
    return this.#text(bytes.subarray(0, end), last);
  }

  /** The bytes of a piece of the text. */
  encode(text: string): Buffer {
    switch (this.encoding) {
      case "utf-16le":
        return Buffer.from(text, "utf16le");
      case "utf-16be":
        return Buffer.from(text, "utf16le").swap16();
      case "windows-1252":
      case "macintosh":
      case "cp850":
        return encodeOneByte(text, this.encoding);
      case "utf-8":
        if (this.foreignLines.size === 0) return Buffer.from(text, "utf8");
        return Buffer.concat(
          text
            .split(/(?<=\n)/)
            .map((line) =>
              this.foreignLines.has(line.trimEnd())
                ? encodeOneByte(line, "windows-1252")
                : Buffer.from(line, "utf8"),
            ),
        );
    }
  }

  #wholeCharacters(bytes: Buffer): number {
    if (isOneByte(this.encoding)) return bytes.length;
    if (this.encoding !== "utf-8") {
      const even = bytes.length & ~1;
      // A surrogate pair stays together.
      const high = even >= 2 ? bytes[this.encoding === "utf-16le" ? even - 1 : even - 2] : 0;
      return (high & 0xfc) === 0xd8 ? even - 2 : even;
    }
    // Whole lines, so that a line is read in one encoding; a very long one is cut between characters.
    const newline = bytes.lastIndexOf(10);
    if (newline >= 0) return newline + 1;
    let end = bytes.length;
    for (let back = 1; back <= 3 && back <= bytes.length; back++) {
      const byte = bytes[bytes.length - back];
      if (byte < 0x80) break;
      if (byte >= 0xc0) {
        end = bytes.length - back;
        break;
      }
    }
    return end;
  }

  #text(bytes: Buffer, last: boolean): string {
    switch (this.encoding) {
      case "utf-16le":
        return decodeUtf16(bytes, last);
      case "utf-16be":
        return decodeUtf16(Buffer.from(bytes.subarray(0, bytes.length & ~1)).swap16(), last);
      case "windows-1252":
      case "macintosh":
      case "cp850":
        return decodeOneByte(bytes, this.encoding);
      case "utf-8":
        // One byte a character is the fastest string there is.
        if (isAscii(bytes)) return bytes.toString("latin1");
        return this.#utf8(bytes);
    }
  }

  #utf8(bytes: Buffer): string {
    const text = bytes.toString("utf8");
    // What cannot be decoded leaves this mark, which a file may also hold itself.
    if (!text.includes("\ufffd") || isUtf8(bytes)) return text;
    return [...linesOf(bytes)].map((line) => this.#mixedLine(line)).join("");
  }

  #mixedLine(line: Buffer): string {
    if (isUtf8(line)) return line.toString("utf8");
    const text = decodeOneByte(line, "windows-1252");
    this.foreignLines.add(text.trimEnd());
    return text;
  }
}

function decodeUtf16(bytes: Buffer, last: boolean): string {
  const text = bytes.toString("utf16le");
  // Half a character at the very end of a file is shown, not lost.
  return last && bytes.length % 2 === 1 ? `${text}\ufffd` : text;
}
