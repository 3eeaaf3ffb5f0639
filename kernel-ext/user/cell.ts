/**
 * The cell that runs, and which cell a piece of code belongs to. What a cell starts (timers, promises) carries its
 * cell along, so late output finds its place and an interrupted cell's leftovers can be told from the next cell's.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { RunRequest } from "../protocol.ts";

export class Interrupted extends Error {
  override name = "Interrupted";

  constructor() {
    super("The cell was interrupted.");
    // Where it was made says nothing of the cell.
    this.stack = `${this.name}: ${this.message}`;
  }
}

export class Cell {
  readonly controller = new AbortController();
  /** Rejects when the cell has to end without its help. */
  readonly ended: Promise<never>;
  /** What the cell has begun to show; it is not done before that is shown. */
  readonly pending: Promise<void>[] = [];
  /** True once the code has asked for the signal: it is given time to stop in order. */
  cooperative = false;
  /** True from the interrupt on; its timers never fire again once it is also `over`. */
  interrupted = false;
  /** True once the kernel's message has come. Code that polls its signal may know earlier, from the guard. */
  wasTold = false;
  over = false;
  readonly #ending = new AbortController();
  #end!: (error: Error) => void;

  constructor(readonly request: RunRequest) {
    this.ended = new Promise((_, reject) => {
      this.#end = reject;
    });
    this.ended.catch(() => {});
  }

  /**
   * What ends the cell's sleeps: the interrupt or, where the code stops by itself in order, the end that comes when it
   * does not.
   */
  get sleepSignal(): AbortSignal {
    return this.cooperative ? this.#ending.signal : this.controller.signal;
  }

  /** Ends the cell; what it still has pending never continues. */
  end(): void {
    this.interrupted = true;
    this.over = true;
    this.#ending.abort(new DOMException("The cell was interrupted.", "AbortError"));
    this.#end(new Interrupted());
  }

  /** True for what is left of a cell that was stopped. */
  get dead(): boolean {
    return this.interrupted && this.over;
  }
}

const cells = new AsyncLocalStorage<Cell>();
let latest: Cell | undefined;

export function inCell<T>(cell: Cell, work: () => T): T {
  latest = cell;
  return cells.run(cell, work);
}

/** The cell whose code is running; undefined for the kernel's own. */
export function owningCell(): Cell | undefined {
  return cells.getStore();
}

/** The cell that the running code belongs to; the latest one where that is unknown (a callback of a native addon). */
export function currentCell(): Cell | undefined {
  return cells.getStore() ?? latest;
}

/** The run that output belongs to; 0 before any cell. */
export function currentRun(): number {
  return currentCell()?.request.run ?? 0;
}
