/**
 * What line editing draws on a terminal, apart from what the chat says: it can be kept quiet, so that keys that are
 * typed while an answer comes do not fall into its text.
 */
import { Writable } from "node:stream";

export class Echo extends Writable {
  readonly isTTY = true;
  /** While true nothing is drawn. The line editor goes on reading all the same. */
  quiet = false;
  readonly #output: NodeJS.WritableStream & { columns?: number };
  readonly #resize = () => this.emit("resize");

  constructor(output: NodeJS.WritableStream & { columns?: number }) {
    super({ decodeStrings: false });
    this.#output = output;
    output.on("resize", this.#resize);
  }

  get columns(): number | undefined {
    return this.#output.columns;
  }

  override _write(chunk: string | Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    if (!this.quiet) this.#output.write(chunk);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#output.off("resize", this.#resize);
    done(error);
  }
}
