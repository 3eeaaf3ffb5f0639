/** What every cell of a notebook finds without an import. */

/** A display that can be replaced in place. */
interface DisplayHandle {
  readonly id: string;
  /** Shows `value` where the display stands. */
  update(value: unknown): void;
}

/**
 * Shows a value: the MIME bundle of its `[Symbol.for("Jupyter.display")]()` (may be a promise), or its text.
 * @param options.id names the display; the same id again replaces what it shows. Default: a new one
 * @param options.raw `value` is a MIME bundle itself: { "text/html": "<b>…</b>", "text/plain": "…" }
 */
declare function display(value: unknown, options?: { id?: string; raw?: boolean }): DisplayHandle;

/** Empties the cell's output. @param wait only when the next output comes, so that nothing flickers. Default false */
declare function clearOutput(wait?: boolean): void;

/** A line from the front end's input field. Throws where the front end allows none. */
declare function prompt(message?: string): Promise<string>;

/** Asks for yes or no (also oui or non), again until it is one of them. Throws where the front end allows no input. */
declare function confirm(message?: string): Promise<boolean>;

/** A line that the front end does not show while it is typed. Throws where the front end allows no input. */
declare function password(message?: string): Promise<string>;

/** A channel between a cell and a part of the front end (a widget), as Jupyter has them. */
interface Comm {
  readonly id: string;
  readonly target: string;
  send(data: Record<string, unknown>): void;
  close(data?: Record<string, unknown>): void;
  onMessage: ((data: Record<string, unknown>) => void) | undefined;
  onClose: ((data: Record<string, unknown>) => void) | undefined;
}

declare const comms: {
  /** Opens a channel to a target of the front end. */
  open(target: string, data?: Record<string, unknown>): Comm;
  /** Lets the front end open channels to `target`. */
  register(target: string, opened: (comm: Comm, data: Record<string, unknown>) => void): void;
};
