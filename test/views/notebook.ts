/** A notebook that only takes notes: what a kernel would show, ask and interrupt. */
import { FRONT_END, type FrontEnd } from "../../sdk/views/frontEnd.ts";

export interface Shown {
  bundle: Record<string, unknown>;
  id?: string;
  update: boolean;
}

export class TestNotebook implements FrontEnd {
  readonly shown: Shown[] = [];
  readonly prompts: string[] = [];
  cleared = 0;
  redrawsPlotly = true;
  #cell = new AbortController();

  /** @param lines what the user types, one after another */
  constructor(private readonly lines: string[] = []) {}

  get signal(): AbortSignal {
    return this.#cell.signal;
  }

  /** The running cell is interrupted, and the next one begins. */
  interrupt(): void {
    this.#cell.abort();
    this.#cell = new AbortController();
  }

  display(bundle: Record<string, unknown>, options: { id?: string; update?: boolean } = {}): void {
    this.shown.push({ bundle, id: options.id, update: options.update ?? false });
  }

  clearOutput(): void {
    this.cleared++;
  }

  async readLine(prompt: string): Promise<string> {
    this.prompts.push(prompt);
    const line = this.lines.shift();
    if (line === undefined) throw new Error("this front end allows no input");
    return line;
  }
}

/** Runs `body` as cells of a notebook. */
export async function inNotebook<N extends FrontEnd, T>(
  notebook: N,
  body: (notebook: N) => T,
): Promise<Awaited<T>> {
  const place = globalThis as { [FRONT_END]?: FrontEnd };
  const before = place[FRONT_END];
  place[FRONT_END] = notebook;
  try {
    return await body(notebook);
  } finally {
    if (before) place[FRONT_END] = before;
    else delete place[FRONT_END];
  }
}
