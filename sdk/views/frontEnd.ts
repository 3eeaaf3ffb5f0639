/**
 * The seam between the SDK and a notebook. A kernel sets one object at `globalThis[Symbol.for("mistral-lab.frontEnd")]`;
 * a script has none. The SDK knows this interface and no kernel.
 */

/** What a notebook's kernel offers to the cell that is running. */
export interface FrontEnd {
  /** Shows a MIME bundle; with `id` it can be replaced later by `update: true`. */
  display(
    bundle: Record<string, unknown>,
    options?: { id?: string; update?: boolean; metadata?: Record<string, unknown> },
  ): void;
  /** Empties the running cell's output; with `wait`, only when the next output comes, so that nothing flickers. */
  clearOutput(wait?: boolean): void;
  /** A line from the front end's input field; throws a clear error where the front end allows none. */
  readLine(prompt: string, options?: { password?: boolean }): Promise<string>;
  /** False where the front end's plotly draws a figure once and ignores what comes for it later. */
  readonly redrawsPlotly: boolean;
  /** Aborted when the running cell is interrupted; a new one for each cell. */
  readonly signal: AbortSignal;
}

/** Where the kernel puts its FrontEnd. */
export const FRONT_END = Symbol.for("mistral-lab.frontEnd");

/** The notebook that this process runs in; undefined in a script. */
export function frontEnd(): FrontEnd | undefined {
  return (globalThis as { [FRONT_END]?: FrontEnd })[FRONT_END];
}

/**
 * Whether a work that goes on over several cells is to stop: the given signal or, without one, the notebook's
 * interrupt. An interrupt is remembered, because the next cell's signal is a new one.
 */
export class Interruption {
  #signal: AbortSignal | undefined;

  /** @param given wins over the notebook's */
  constructor(private readonly given?: AbortSignal) {
    this.#signal = given ?? frontEnd()?.signal;
  }

  get aborted(): boolean {
    if (!this.#signal?.aborted && !this.given) this.#signal = frontEnd()?.signal;
    return this.#signal?.aborted ?? false;
  }
}
