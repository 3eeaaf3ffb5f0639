/** Where bytes come from: a path, a buffer or a stream, as pieces of a size that suits the readers. */
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";

export type Source = string | Buffer | Uint8Array | Readable | AsyncIterable<Uint8Array | string>;

// V8 keeps an ASCII text of so many characters outside of its heap, where collecting garbage does not meet it.
const PIECE = 1 << 20;

export function sourceName(source: Source): string {
  if (typeof source === "string") return source;
  return source instanceof Uint8Array ? "(buffer)" : "(stream)";
}

/** @throws when the file is missing or cannot be read; the message says which and what to do */
export async function* pieces(source: Source): AsyncGenerator<Buffer> {
  if (source instanceof Uint8Array) {
    const bytes = Buffer.isBuffer(source)
      ? source
      : Buffer.from(source.buffer, source.byteOffset, source.byteLength);
    yield* cut(bytes);
    return;
  }
  if (typeof source === "string") {
    yield* readFile(source);
    return;
  }
  for await (const piece of source as AsyncIterable<Uint8Array | string>) {
    if (typeof piece === "string") yield Buffer.from(piece, "utf8");
    else yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
  }
}

/** Pieces end with a line where there is one, so that none has to be joined with the next. */
function* cut(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; ) {
    const most = start + PIECE;
    const end = most < bytes.length ? lineEnd(bytes.subarray(start, most)) : PIECE;
    yield bytes.subarray(start, start + end);
    start += end;
  }
}

async function* readFile(path: string): AsyncGenerator<Buffer> {
  const handle = await open(path, "r").catch((cause) => {
    throw unreadable(path, cause);
  });
  try {
    for (let rest: Buffer = Buffer.alloc(0); ; ) {
      const buffer = Buffer.allocUnsafeSlow(rest.length + PIECE);
      rest.copy(buffer);
      const { bytesRead } = await handle.read(buffer, rest.length, PIECE, null).catch((cause) => {
        throw unreadable(path, cause);
      });
      const filled = buffer.subarray(0, rest.length + bytesRead);
      const end = bytesRead === 0 ? filled.length : lineEnd(filled);
      if (end > 0) yield filled.subarray(0, end);
      if (bytesRead === 0) return;
      rest = filled.subarray(end);
    }
  } finally {
    await handle.close();
  }
}

/** Behind the last line of a piece; its end, where it has none. */
function lineEnd(piece: Buffer): number {
  const newline = piece.lastIndexOf(10);
  return newline < 0 ? piece.length : newline + 1;
}

function unreadable(path: string, cause: NodeJS.ErrnoException): Error {
  const messages: Record<string, string> = {
    ENOENT: `the file is missing. Give the path of a CSV file; it is relative to ${process.cwd()}.`,
    EISDIR:
      "expected a file, got a folder. Give one of its files, or repair them all: mistral-lab repair FOLDER --out FOLDER.",
  };
  const otherwise = `the file cannot be read (${cause.message}). Give the path of a CSV file that you may read.`;
  return new Error(`${path}: ${messages[cause.code ?? ""] ?? otherwise}`, { cause });
}

/** The beginning of a source, and what follows. */
export interface SplitSource {
  head: Buffer;
  /** Nothing follows. */
  whole: boolean;
  /** To be read to its end, or closed with `return`. */
  rest: AsyncGenerator<Buffer>;
}

/** @param size bytes of the head, at least, where there are so many */
export async function splitHead(source: Source, size: number): Promise<SplitSource> {
  const rest = pieces(source);
  const parts: Buffer[] = [];
  let length = 0;
  while (length < size) {
    const next = await rest.next();
    if (next.done) return { head: join(parts), whole: true, rest };
    parts.push(next.value);
    length += next.value.length;
  }
  return { head: join(parts), whole: false, rest };
}

function join(parts: Buffer[]): Buffer {
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}
