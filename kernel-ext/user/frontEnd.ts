/** What cells find without an import (`display`, `prompt`, …), and the SDK's way to the notebook. */
import { randomUUID } from "node:crypto";
import { FRONT_END, type FrontEnd } from "../../sdk/views/frontEnd.ts";
import type { Bundle, Data } from "../protocol.ts";
import { bundleOf, checkedBundle, DISPLAY } from "./bundle.ts";
import { type Cell, currentCell, currentRun } from "./cell.ts";
import { tell } from "./channel.ts";
import type { GuardState } from "./guardState.ts";

/** A display that can be replaced. It shows nothing itself, so that `display(x)` may stand last in a cell. */
class Handle {
  constructor(
    readonly id: string,
    readonly update: (value: unknown) => void,
  ) {}

  [DISPLAY](): undefined {
    return undefined;
  }
}

interface Waiting {
  cell: Cell;
  resolve(value: string): void;
}

export class NotebookFrontEnd implements FrontEnd {
  readonly #inputs = new Map<number, Waiting>();
  readonly #shown = new Set<string>();
  #next = 1;

  constructor(private readonly state: GuardState) {}

  display(
    bundle: Record<string, unknown>,
    {
      id,
      update = false,
      metadata,
    }: { id?: string; update?: boolean; metadata?: Record<string, unknown> } = {},
  ): void {
    if (currentCell()?.dead) return;
    if (id) this.#shown.add(id);
    tell({ type: "display", run: currentRun(), bundle: checkedBundle(bundle, metadata), id, update });
  }

  clearOutput(wait = false): void {
    if (!currentCell()?.dead) tell({ type: "clear", run: currentRun(), wait });
  }

  /**
   * A Jupyter server names its notebook here: behind it is JupyterLab or Notebook 7, whose plotly (plotly.py's extension)
   * never draws a figure again. VS Code's own does.
   */
  readonly redrawsPlotly = process.env.JPY_SESSION_NAME === undefined;

  get signal(): AbortSignal {
    const cell = currentCell();
    if (!cell) return new AbortController().signal;
    return this.signalOf(cell);
  }

  /** The cell's signal; it is aborted as soon as it is looked at after an interrupt, even in code that never waits. */
  signalOf(cell: Cell): AbortSignal {
    const { signal } = cell.controller;
    if (cell.cooperative) return signal;
    cell.cooperative = true;
    const { run } = cell.request;
    if (this.state.run === run) this.state.cooperative = run;
    const plain = Object.getOwnPropertyDescriptor(AbortSignal.prototype, "aborted")!.get!;
    const isAborted = () => {
      if (this.state.interrupted === run && !plain.call(signal)) {
        cell.interrupted = true;
        cell.controller.abort(new DOMException("The cell was interrupted.", "AbortError"));
      }
      return plain.call(signal) as boolean;
    };
    Object.defineProperty(signal, "aborted", { get: isAborted, configurable: true });
    Object.defineProperty(signal, "throwIfAborted", {
      value: () => {
        if (isAborted()) throw signal.reason;
      },
      configurable: true,
    });
    return signal;
  }

  readLine(prompt: string, { password = false }: { password?: boolean } = {}): Promise<string> {
    const cell = currentCell();
    if (!cell || cell.over)
      throw new Error("No cell is running: ask for input in a cell, and await the answer there.");
    if (!cell.request.allowInput)
      throw new Error(
        `This front end allows no input, so the question ${JSON.stringify(prompt)} cannot be asked: run the notebook in JupyterLab, Jupyter Notebook or VS Code, or give the value in a variable.`,
      );
    const id = this.#next++;
    tell({ type: "input", run: cell.request.run, id, prompt, password });
    const answer = new Promise<string>((resolve) => {
      this.#inputs.set(id, { cell, resolve });
    });
    return Promise.race([answer, aborted(cell.controller.signal)]);
  }

  answer(id: number, value: string): void {
    this.#inputs.get(id)?.resolve(value);
    this.#inputs.delete(id);
  }

  /** Shows a value, now or when its bundle is there. */
  show(value: unknown, { id = randomUUID(), raw = false }: { id?: string; raw?: boolean } = {}): Handle {
    const update = this.#shown.has(id);
    // Taken at once: an update that follows at once is one.
    this.#shown.add(id);
    const cell = currentCell();
    const say = (bundle: Bundle | undefined) => {
      if (bundle && !cell?.dead) this.display(bundle.data, { id, update, metadata: bundle.metadata });
    };
    const bundle = raw ? checkedBundle(value as Data) : bundleOf(value);
    if (bundle instanceof Promise) cell?.pending.push(bundle.then(say));
    else say(bundle);
    return new Handle(id, (next) => {
      this.show(next, { id });
    });
  }

  install(): void {
    const globals = {
      display: (value: unknown, options?: { id?: string; raw?: boolean }) => this.show(value, options),
      clearOutput: (wait?: boolean) => this.clearOutput(wait),
      prompt: (message = "") => this.readLine(message),
      password: (message = "") => this.readLine(message, { password: true }),
      confirm: async (message = "") => {
        for (;;) {
          const answer = (await this.readLine(`${message} [y/n] `)).trim().toLowerCase();
          if (/^(?:y|yes|o|oui)$/.test(answer)) return true;
          if (/^(?:n|no|non)$/.test(answer)) return false;
        }
      },
    };
    for (const [name, value] of Object.entries(globals))
      Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
    Object.defineProperty(globalThis, FRONT_END, { value: this, configurable: true });
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
