/**
 * Starts and stops the process of the cells. It leads a process group of its own: signals meant for the kernel do not
 * reach it, and whatever cells have started ends with it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { FRAMES_FD, FrameReader, type FromUser, GUARD_FD, type ToUser } from "./protocol.ts";
import { sibling } from "./sibling.ts";

/** Milliseconds that the process has for ending by itself; then it is killed. */
const GRACE = 500;

/** Node says it at its end because the guard holds a debugger's session. */
const NODE_GOODBYE = /^Waiting for the debugger to disconnect\.\.\.\r?\n?/m;

const FLAGS = [
  // require() of an ES module is how cells import.
  "--disable-warning=ExperimentalWarning",
  "--no-deprecation",
];

export interface UserEvents {
  message(message: FromUser): void;
  /** Written past JavaScript: by a native addon, or by a program that a cell has started. */
  raw(name: "stdout" | "stderr", text: string): void;
  /** The process has ended by itself. */
  died(how: string): void;
}

export class UserProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #closing = false;

  constructor(events: UserEvents) {
    const child = spawn(
      process.execPath,
      [...process.execArgv, ...FLAGS, sibling(import.meta.url, "user/main")],
      {
        stdio: ["ignore", "pipe", "pipe", "pipe", "pipe", "ipc"],
        detached: true,
        serialization: "advanced",
      },
    );
    this.#child = child;
    const reader = new FrameReader();
    (child.stdio[FRAMES_FD] as Readable).on("data", (piece: Buffer) => {
      for (const message of reader.read(piece)) events.message(message);
    });
    for (const name of ["stdout", "stderr"] as const) {
      const decoder = new StringDecoder("utf8");
      child[name]!.on("data", (piece: Buffer) => {
        const text = decoder.write(piece).replace(NODE_GOODBYE, "");
        if (text !== "") events.raw(name, text);
      });
    }
    // The guard's pipe breaks when the process dies; "exit" tells of that.
    (child.stdio[GUARD_FD] as Writable).on("error", () => {});
    this.#exited = new Promise((resolve) => {
      // "close" comes after everything that was written has been read.
      child.once("close", (code, signal) => {
        resolve();
        if (!this.#closing) events.died(signal ? `was killed by ${signal}` : `ended with exit code ${code}`);
      });
    });
    child.on("error", (error) => events.died(`could not be started: ${error.message}`));
  }

  send(message: ToUser): void {
    if (this.#child.connected) this.#child.send(message);
  }

  interrupt(force = false): void {
    (this.#child.stdio[GUARD_FD] as Writable).write("i");
    this.send({ type: "interrupt", force });
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.send({ type: "exit" });
    const timer = setTimeout(() => this.#kill(), GRACE);
    await this.#exited;
    clearTimeout(timer);
    this.#kill();
  }

  #kill(): void {
    try {
      process.kill(-this.#child.pid!, "SIGKILL");
    } catch {
      // Nobody of the group is left.
    }
  }
}
