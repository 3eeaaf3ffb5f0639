/** A file written piece by piece that appears whole or not at all: under a temporary name beside the target, then renamed. */
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { makeFolder } from "../../files.ts";

// Small pieces are gathered, so that a row costs no call of the system.
const GATHER = 1 << 20;

export class OutputFile {
  readonly #temporary: string;
  #handle: FileHandle | undefined;
  #waiting: (string | Uint8Array)[] = [];
  #size = 0;

  constructor(readonly path: string) {
    this.#temporary = `${path}.${process.pid}.tmp`;
  }

  /** @throws with the path, when the disk is full or the folder cannot be written */
  async write(piece: string | Uint8Array): Promise<void> {
    if (piece.length === 0) return;
    this.#waiting.push(piece);
    this.#size += piece.length;
    if (this.#size >= GATHER) await this.#flush();
  }

  /** The file is there from now on, empty if nothing was written. */
  async close(): Promise<void> {
    await this.#flush();
    await this.#attempt(async (handle) => {
      await handle.sync();
      await handle.close();
      this.#handle = undefined;
      await rename(this.#temporary, this.path);
    });
  }

  /** Leaves nothing behind; an older file of that name stays as it was. */
  async discard(): Promise<void> {
    await this.#handle?.close().catch(() => undefined);
    this.#handle = undefined;
    this.#waiting = [];
    await rm(this.#temporary, { force: true });
  }

  async #flush(): Promise<void> {
    const pieces = this.#waiting;
    this.#waiting = [];
    this.#size = 0;
    await this.#attempt(async (handle) => {
      const bytes = pieces.every((piece) => typeof piece === "string")
        ? Buffer.from(pieces.join(""), "utf8")
        : Buffer.concat(pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece)));
      // A write may take less than it is given.
      for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done)).bytesWritten;
    });
  }

  async #attempt(work: (handle: FileHandle) => Promise<void>): Promise<void> {
    try {
      if (!this.#handle) {
        makeFolder(dirname(this.path));
        this.#handle = await open(this.#temporary, "w");
      }
      await work(this.#handle);
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      const full = code === "ENOSPC" || code === "EDQUOT";
      throw new Error(
        full
          ? `${this.path}: the disk is full; nothing was written. Free some room or choose another folder`
          : `${this.path}: could not be written (${message})`,
        { cause },
      );
    }
  }
}
