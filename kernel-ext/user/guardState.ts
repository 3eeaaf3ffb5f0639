/** What the cells' thread and its guard both see at any moment, also while the one is in a loop. */
export type SharedState = SharedArrayBuffer;

/**
 * Milliseconds that a cell which has asked for the signal, such as a training in a long step, has for stopping in
 * order, counted from the interrupt; a second interrupt does not wait.
 */
export const COOPERATIVE_PATIENCE = 30_000;

const RUN = 0;
const INTERRUPTED = 1;
const ACKNOWLEDGED = 2;
const COOPERATIVE = 3;

export class GuardState {
  readonly #cells: Int32Array<SharedArrayBuffer>;

  constructor(readonly shared: SharedState = new SharedArrayBuffer(16)) {
    this.#cells = new Int32Array(shared);
  }

  /** The run that is under way; 0 between cells. */
  get run(): number {
    return Atomics.load(this.#cells, RUN);
  }
  set run(value: number) {
    Atomics.store(this.#cells, RUN, value);
  }

  /** The last run that was interrupted. */
  get interrupted(): number {
    return Atomics.load(this.#cells, INTERRUPTED);
  }
  set interrupted(value: number) {
    Atomics.store(this.#cells, INTERRUPTED, value);
  }

  /** The last run whose interrupt the main thread has dealt with. */
  get acknowledged(): number {
    return Atomics.load(this.#cells, ACKNOWLEDGED);
  }
  set acknowledged(value: number) {
    Atomics.store(this.#cells, ACKNOWLEDGED, value);
  }

  /** The last run that has asked for the signal. */
  get cooperative(): number {
    return Atomics.load(this.#cells, COOPERATIVE);
  }
  set cooperative(value: number) {
    Atomics.store(this.#cells, COOPERATIVE, value);
  }
}
