/**
 * What the kernel's process and the process of the cells say to each other. To the cells: Node's own channel. From
 * them: frames on a pipe that they write synchronously, so that what a loop prints arrives while it loops, and what
 * a process printed before it crashed arrives at all.
 */
import type { Converted } from "./converter.ts";

/** File descriptors of the user's process. */
export const FRAMES_FD = 3;
/** Interrupts, a byte each; its end means that the kernel is gone. */
export const GUARD_FD = 4;

export type Data = Record<string, unknown>;

export interface RunRequest {
  type: "run";
  /** One number a run; output says to which run it belongs. */
  run: number;
  /** As the traceback names it: In[3]. */
  name: string;
  code: string;
  converted: Converted;
  allowInput: boolean;
}

export type ToUser =
  | RunRequest
  | { type: "interrupt"; force: boolean }
  | { type: "input"; id: number; value: string }
  | { type: "comm"; kind: "open" | "msg" | "close"; id: string; target: string; data: Data }
  | { type: "exit" };

export interface Failure {
  ename: string;
  evalue: string;
  traceback: string[];
}

export interface Bundle {
  data: Data;
  metadata: Data;
}

export type FromUser =
  | { type: "ready" }
  | { type: "stream"; run: number; name: "stdout" | "stderr"; text: string }
  | { type: "display"; run: number; bundle: Bundle; id?: string; update: boolean }
  | { type: "clear"; run: number; wait: boolean }
  | { type: "input"; run: number; id: number; prompt: string; password: boolean }
  | { type: "comm"; run: number; kind: "open" | "msg" | "close"; id: string; target: string; data: Data }
  | { type: "done"; run: number; result?: Bundle; error?: Failure };

/** Length in four bytes, then JSON. */
export function encodeFrame(value: FromUser): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  const frame = Buffer.allocUnsafe(4 + json.length);
  frame.writeUInt32LE(json.length);
  json.copy(frame, 4);
  return frame;
}

/** Puts frames together from the pieces that a pipe gives. */
export class FrameReader {
  #pieces: Buffer[] = [];
  #length = 0;

  *read(piece: Buffer): Generator<FromUser> {
    this.#pieces.push(piece);
    this.#length += piece.length;
    for (;;) {
      if (this.#length < 4) return;
      if (this.#pieces[0].length < 4) this.#join();
      const need = 4 + this.#pieces[0].readUInt32LE();
      if (this.#length < need) return;
      this.#join();
      const all = this.#pieces[0];
      yield JSON.parse(all.toString("utf8", 4, need)) as FromUser;
      this.#pieces = [all.subarray(need)];
      this.#length -= need;
    }
  }

  #join(): void {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)];
  }
}
