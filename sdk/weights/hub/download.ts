/**
 * One file of the hub into the cache's `blobs/`. Invariant: a blob that has its final name is whole and has been
 * checked; what is not whole has another name and is continued, by this process or a later one.
 */
import { createHash, type Hash } from "node:crypto";
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { isRunning } from "../../processes.ts";
import { type HubClient, HubError, isPassing, PassingError, reasonOf } from "./client.ts";

export interface RemoteFile {
  url: string;
  /** In bytes. */
  size: number;
  /** Of the content; files of git have git's own, over a header and the content. */
  checksum: { kind: "sha256" | "git"; hex: string };
}

/**
 * @param blob where the file goes; if it is there already nothing is done
 * @param onBytes called with the bytes that are there now, from 0 to `size`, also those of earlier attempts
 * @throws HubError after `retries` attempts without a new byte, or when the checksum is wrong twice
 */
export async function downloadBlob(
  client: HubClient,
  remote: RemoteFile,
  blob: string,
  onBytes: (there: number) => void,
): Promise<void> {
  if (!existsSync(blob)) await withLock(`${blob}.lock`, () => fill(client, remote, blob, onBytes));
  onBytes(remote.size);
}

async function fill(
  client: HubClient,
  remote: RemoteFile,
  blob: string,
  onBytes: (there: number) => void,
): Promise<void> {
  if (existsSync(blob)) return; // another process was quicker
  const { size, checksum, url } = remote;
  // The Python library appends to BLOB.incomplete without our lock, so ours has a name of its own.
  const partial = `${blob}.mistral-lab.incomplete`;
  for (let wrong = 0; ; wrong++) {
    const got = await transfer(client, remote, partial, onBytes);
    if (got === checksum.hex) break;
    rmSync(partial, { force: true });
    if (wrong === 1) {
      throw new HubError(
        "failed",
        `${url}: expected the ${checksum.kind === "git" ? "git checksum" : "sha256"} ${checksum.hex}, got ${got}, twice: the file was changed on its way, or a proxy answers in the hub's place. Nothing was kept of its ${size} bytes`,
      );
    }
  }
  await rename(partial, blob);
}

/** Fetches what is still missing of `partial`; returns the checksum of the whole. */
async function transfer(
  client: HubClient,
  { url, size, checksum }: RemoteFile,
  partial: string,
  onBytes: (there: number) => void,
): Promise<string> {
  const there = existsSync(partial) ? statSync(partial).size : 0;
  const file = await open(partial, there > size ? "w" : "a");
  try {
    let written = there > size ? 0 : there;
    let hash = newHash(checksum.kind, size);
    hashFile(partial, written, hash);
    for (let failures = 0; written < size; ) {
      const from = written;
      onBytes(written);
      try {
        const response = await client.fetch(url, from > 0 ? { headers: { range: `bytes=${from}-` } } : {});
        if (from > 0 && !continues(response, from)) {
          // The server sends everything again.
          await file.truncate(0);
          written = 0;
          hash = newHash(checksum.kind, size);
        }
        for await (const chunk of bodyOf(response, client.stallMs)) {
          if (written + chunk.length > size) {
            throw new HubError("failed", `${url}: expected ${size} bytes, got more`);
          }
          await writeAll(file, chunk, partial);
          hash.update(chunk);
          written += chunk.length;
          onBytes(written);
        }
        if (written < size)
          throw new PassingError("offline", `the connection ended at byte ${written} of ${size}`);
      } catch (error) {
        if (error instanceof HubError && !isPassing(error)) throw error;
        failures = written > from ? 0 : failures + 1;
        if (failures > client.retries) {
          throw new HubError(
            "offline",
            `${url}: the connection broke at byte ${written} of ${size}, ${failures} times without a new byte (${reasonOf(error)}). What is there was kept: try again to continue`,
            error,
          );
        }
        await client.pause(failures, error);
      }
    }
    await file.sync();
    return hash.digest("hex");
  } finally {
    await file.close();
  }
}

function continues(response: Response, from: number): boolean {
  return (
    response.status === 206 && new RegExp(`^bytes ${from}-`).test(response.headers.get("content-range") ?? "")
  );
}

/** The body's pieces; an error when none comes for `stallMs`, or when the connection breaks. */
async function* bodyOf(response: Response, stallMs: number): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  let finished = false;
  try {
    while (true) {
      const timer = new AbortController();
      const stalled = sleep(stallMs, "stalled" as const, { signal: timer.signal }).catch(
        () => "stopped" as const,
      );
      let next: Awaited<ReturnType<typeof reader.read>> | "stalled" | "stopped";
      try {
        next = await Promise.race([reader.read(), stalled]);
      } catch (cause) {
        throw new PassingError("offline", reasonOf(cause));
      } finally {
        timer.abort();
      }
      if (typeof next === "string")
        throw new PassingError("offline", `no byte for ${stallMs / 1000} seconds`);
      if (next.done) break;
      yield next.value;
    }
    finished = true;
  } finally {
    // The connection's own error has been reported; closing what is broken may fail once more.
    if (!finished) await reader.cancel().catch(() => undefined);
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array, path: string): Promise<void> {
  try {
    for (let done = 0; done < chunk.length; ) {
      done += (await file.write(chunk, done, chunk.length - done)).bytesWritten;
    }
  } catch (cause) {
    throw new HubError(
      "failed",
      `${path}: could not be written (${(cause as Error).message}). Free some room, or set HF_HOME to a larger disk; then try again to continue`,
      cause,
    );
  }
}

function newHash(kind: "sha256" | "git", size: number): Hash {
  return kind === "git" ? createHash("sha1").update(`blob ${size}\0`) : createHash("sha256");
}

function hashFile(path: string, bytes: number, hash: Hash): void {
  if (bytes === 0) return;
  const descriptor = openSync(path, "r");
  const chunk = new Uint8Array(2 ** 24);
  try {
    for (let done = 0; done < bytes; ) {
      const got = readSync(descriptor, chunk, 0, Math.min(chunk.length, bytes - done), done);
      if (got === 0) throw new Error(`${path}: became shorter while it was read`);
      hash.update(chunk.subarray(0, got));
      done += got;
    }
  } finally {
    closeSync(descriptor);
  }
}

const WAIT_MS = 200;

/** Runs `work` while no other process of this machine does; takes the lock of a dead one over. */
async function withLock(lock: string, work: () => Promise<void>): Promise<void> {
  while (!take(lock)) {
    if (!isAlive(lock)) rmSync(lock, { force: true });
    else await sleep(WAIT_MS);
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function take(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function isAlive(lock: string): boolean {
  try {
    const pid = Number(readFileSync(lock, "utf8"));
    // Between its making and its writing the file is empty.
    if (!(pid > 0)) return Date.now() - statSync(lock).mtimeMs < 10_000;
    return isRunning(pid);
  } catch {
    return false; // it was given back just now, and taking it is worth a try
  }
}
