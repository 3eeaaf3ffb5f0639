/** Files that are either whole or not there: written under a temporary name beside the target, then renamed. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statfsSync, writeSync } from "node:fs";
import { dirname } from "node:path";

// One write call takes at most 2 GiB - 1 on Linux.
const CHUNK_BYTES = 2 ** 30;

/**
 * Writes the chunks, one after another, to `file`. Whatever goes wrong, an older file of that name stays as it was
 * and no temporary file is left.
 *
 * @throws when the disk is full (says what is needed and what is free), or what the file system says, with the path
 */
export function writeFileAtomically(file: string, chunks: Iterable<Uint8Array>, totalBytes: number): void {
  const temporary = `${file}.${process.pid}.tmp`;
  let descriptor: number | undefined;
  try {
    descriptor = openSync(temporary, "w");
    for (const chunk of chunks) writeAll(descriptor, chunk);
    fsyncSync(descriptor);
    closeSync(descriptor);
    descriptor = undefined;
    renameSync(temporary, file);
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    rmSync(temporary, { force: true });
    throw explain(error as NodeJS.ErrnoException, file, totalBytes);
  }
}

function writeAll(descriptor: number, chunk: Uint8Array): void {
  let done = 0;
  while (done < chunk.byteLength) {
    done += writeSync(descriptor, chunk, done, Math.min(CHUNK_BYTES, chunk.byteLength - done));
  }
}

function explain(error: NodeJS.ErrnoException, file: string, totalBytes: number): Error {
  if (error.code === "ENOSPC" || error.code === "EDQUOT") {
    return new Error(
      `${file}: the disk is full: ${totalBytes} bytes needed, ${freeBytes(dirname(file))} free; nothing was ` +
        "written. Free some room or choose another folder",
      { cause: error },
    );
  }
  if (!error.code) return error;
  return new Error(`${file}: could not be written (${error.message})`, { cause: error });
}

function freeBytes(folder: string): string {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return String(bavail * bsize);
  } catch {
    return "an unknown number"; // only part of a message; the full disk is the error that matters
  }
}
