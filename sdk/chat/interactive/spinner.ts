/** A sign of life on a terminal's current line. Starting and stopping twice does no harm. */
export class Spinner {
  static readonly FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
  readonly #output: NodeJS.WritableStream;
  readonly #text: string;
  #timer: NodeJS.Timeout | undefined;

  constructor(output: NodeJS.WritableStream, text: string) {
    this.#output = output;
    this.#text = text;
  }

  start(): void {
    if (this.#timer !== undefined) return;
    let frame = 0;
    const draw = () =>
      this.#output.write(`\r${Spinner.FRAMES[frame++ % Spinner.FRAMES.length]} ${this.#text}`);
    draw();
    this.#timer = setInterval(draw, 100);
    this.#timer.unref();
  }

  /** Ends the spinning and clears its line. */
  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#output.write("\r\x1b[K");
  }
}
