// Text lines inside an R lazy-load database (.rdb): a row of chunks, each a length, then zlib data that holds R
// objects in XDR form. Only character strings are read; that is all a novel needs.

import { inflateSync } from "node:zlib";

export function rDataLines(file: Buffer): string[] {
  const lines: string[] = [];
  for (let at = 0; at + 4 < file.length; ) {
    // 4 bytes: inflated length; then zlib data whose end only the inflater knows.
    const size = file.readUInt32BE(at);
    const { buffer, engine } = inflateSync(file.subarray(at + 4), { info: true }) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    if (buffer.length !== size)
      throw new Error(`chunk at ${at}: ${buffer.length} bytes, its head says ${size}`);
    lines.push(...strings(buffer));
    at += 4 + engine.bytesWritten;
  }
  return lines;
}

/** Character strings (type 9, flags in the bytes before it), in their order. */
function strings(data: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at + 8 <= data.length; at++) {
    if (data[at] !== 0 || data[at + 1] > 4 || data[at + 3] !== 9) continue;
    const length = data.readUInt32BE(at + 4);
    if (length > 200 || at + 8 + length > data.length) continue;
    found.push(data.toString("utf8", at + 8, at + 8 + length));
    at += 7 + length;
  }
  return found;
}
