/** Folders, and files that are either whole or not there: written under a temporary name beside the target, then renamed. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";

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

/** `writeFileAtomically` for what is in memory as a whole: text, or bytes. */
export function writeWhole(file: string, content: string | Uint8Array): void {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  writeFileAtomically(file, [bytes], bytes.length);
}

/** Where this package keeps what it can make again: `$XDG_CACHE_HOME/mistral-lab`, or in `~/.cache`. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "mistral-lab");
}

/**
 * Makes a folder and those above it; one that is there already stays as it is. Node's own way of making several at once
 * never returns where the file system answers ENOENT, as /proc does.
 *
 * @throws with the path and the reason, when a file is in the way or the folder cannot be written
 */
export function makeFolder(dir: string): void {
  try {
    makeLevels(resolve(dir));
  } catch (error) {
    throw new Error(`${dir}: the folder cannot be made (${(error as Error).message}); choose another one`, {
      cause: error,
    });
  }
}

function makeLevels(dir: string): void {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(dir) !== dir) makeLevels(dirname(dir));
  try {
    mkdirSync(dir);
  } catch (error) {
    // Made by another process a moment ago, or a file.
    if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/**
 * What `read` gives; where the system refuses, an error that names the path.
 *
 * @param read reads `path` and nothing else
 */
export function readable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (!code) throw cause;
    throw new Error(`${path}: cannot be read (${message}); check that it is there and that you may read it`, {
      cause,
    });
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
