/** Where bytes come from: a path, a buffer or a stream, as pieces of a size that suits the readers. */
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";

export type Source = string | Buffer | Uint8Array | Readable | AsyncIterable<Uint8Array | string>;

// Long enough that the work per piece does not count, short enough for the processor's cache.
const PIECE = 1 << 18;

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
    try {
      yield* createReadStream(source, { highWaterMark: PIECE });
    } catch (cause) {
      throw unreadable(source, cause);
    }
    return;
  }
  for await (const piece of source as AsyncIterable<Uint8Array | string>) {
    if (typeof piece === "string") yield Buffer.from(piece, "utf8");
    else yield Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
  }
}

/** After a line where there is one, so that no piece has to be joined with the next. */
function* cut(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; ) {
    const most = start + PIECE;
    const newline = most < bytes.length ? bytes.lastIndexOf(10, most - 1) : -1;
    const end = newline >= start ? newline + 1 : most;
    yield bytes.subarray(start, end);
    start = end;
  }
}

function unreadable(path: string, cause: unknown): unknown {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  // An error of the program that reads, thrown into this generator, is none of the file's.
  if (code === undefined) return cause;
  return new Error(
    code === "ENOENT"
      ? `${path}: the file is missing. Give the path of a CSV file; it is relative to ${process.cwd()}.`
      : `${path}: the file cannot be read (${(cause as Error).message}). Give the path of a CSV file that you may read.`,
    { cause },
  );
}

/** The first bytes (at least `size`, or all there are) and the rest. */
export async function splitHead(
  source: Source,
  size: number,
): Promise<{ head: Buffer; whole: boolean; rest: AsyncGenerator<Buffer> }> {
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
