/** Talks to the thread of the type checker. */
import { Worker } from "node:worker_threads";
import type { CheckerReply, CheckerRequest, Requests } from "./checkerThread.ts";
import { sibling } from "./sibling.ts";

export class Checker {
  readonly #worker = new Worker(sibling(import.meta.url, "checkerThread"));
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #next = 1;

  constructor() {
    this.#worker.on("message", ({ id, result, error }: CheckerReply) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error));
    });
    this.#worker.on("error", (error: Error) => {
      for (const waiting of this.#waiting.values()) waiting.reject(error);
      this.#waiting.clear();
    });
  }

  ask<N extends keyof Requests>(name: N, ...args: Requests[N]["args"]): Promise<Requests[N]["result"]> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#worker.postMessage({ id, name, args } satisfies CheckerRequest);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
