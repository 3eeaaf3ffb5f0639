/**
 * What a notebook shows of a value: one MIME bundle, the same thing in several forms, from which the front end takes
 * the richest that it knows. Invariant: `text/plain` is always there and says it all in words.
 */
import { harmless } from "../text/harmless.ts";
import { frontEnd } from "./frontEnd.ts";

/** Form by MIME type. */
export interface MimeBundle {
  "text/plain": string;
  "text/html"?: string;
  "image/svg+xml"?: string;
  "application/vnd.plotly.v1+json"?: object;
  [mime: string]: unknown;
}

/** A bundle; control characters of the text are shown, so that it cannot steer a terminal. */
export function mimeBundle(
  text: string,
  html: string | undefined,
  others: Record<string, unknown> = {},
): MimeBundle {
  return { "text/plain": harmless(text), ...(html === undefined ? {} : { "text/html": html }), ...others };
}

/** A value with a method of this name shows itself in a notebook; Deno and nodejs-polars use the same. */
export const DISPLAY: unique symbol = Symbol.for("Jupyter.display") as never;

/** A value that shows itself. */
export interface Displayable {
  [DISPLAY](): MimeBundle;
}

/**
 * Lets a plain value show itself, and hands it back. The method is not enumerable: JSON, comparisons and copies see
 * the plain value.
 */
export function displayable<T extends object>(value: T, view: (value: T) => MimeBundle): T & Displayable {
  Object.defineProperty(value, DISPLAY, { value: () => view(value), configurable: true, writable: true });
  return value as T & Displayable;
}

/** A place in a notebook's output that can be drawn again; in a script it prints only what is drawn last. */
export class Place {
  readonly #id = `mistral-lab-${crypto.randomUUID()}`;
  #shown = false;

  draw(bundle: MimeBundle): void {
    frontEnd()?.display(bundle, { id: this.#id, update: this.#shown });
    this.#shown = true;
  }

  /** Leaves nothing where something was drawn: empty forms, because Notebook 6 ignores a bundle without any. */
  clear(): void {
    if (this.#shown) frontEnd()?.display(mimeBundle("", ""), { id: this.#id, update: true });
  }
}
