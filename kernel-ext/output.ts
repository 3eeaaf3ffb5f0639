/**
 * Output on its way to iopub. What is printed in quick succession goes out as one message: clients drop what they
 * cannot read in time, and a thousand small messages cost more than one. Order is kept, across streams too.
 */
import type { Message } from "./messages.ts";

/** Milliseconds that printed text may wait for more. */
const DELAY = 15;
/** Characters after which it does not wait. */
const ENOUGH = 1 << 18;

export class StreamBuffer {
  #parent: Message | undefined;
  #name = "";
  #pieces: string[] = [];
  #length = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly send: (parent: Message | undefined, name: string, text: string) => void) {}

  add(parent: Message | undefined, name: string, text: string): void {
    if (this.#parent !== parent || this.#name !== name) this.flush();
    this.#parent = parent;
    this.#name = name;
    this.#pieces.push(text);
    this.#length += text.length;
    if (this.#length >= ENOUGH) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), DELAY);
  }

  /** Everything else that goes to iopub goes after this. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pieces.length === 0) return;
    const text = this.#pieces.join("");
    this.#pieces = [];
    this.#length = 0;
    this.send(this.#parent, this.#name, text);
  }
}
