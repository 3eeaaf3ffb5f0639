/** A value as a MIME bundle: its own, by `Symbol.for("Jupyter.display")`, or its text as Node shows it. */
import { inspect } from "node:util";
import type { Bundle, Data } from "../protocol.ts";

export const DISPLAY: unique symbol = Symbol.for("Jupyter.display");

type Displayable = { [DISPLAY](): unknown };

function isDisplayable(value: unknown): value is Displayable {
  return (
    value !== null &&
    (typeof value === "object" || typeof value === "function") &&
    typeof (value as Partial<Displayable>)[DISPLAY] === "function"
  );
}

function textOf(value: unknown): string {
  return inspect(value, { maxArrayLength: 100, maxStringLength: 10_000, compact: 3, breakLength: 100 });
}

/**
 * At once, unless the value's own method is asynchronous.
 * @returns undefined for a value that has nothing to show: its method gives undefined
 */
export function bundleOf(value: unknown): Bundle | undefined | Promise<Bundle | undefined> {
  if (!isDisplayable(value)) return { data: { "text/plain": textOf(value) }, metadata: {} };
  const data = value[DISPLAY]();
  return data instanceof Promise ? data.then(checkedDisplay) : checkedDisplay(data);
}

function checkedDisplay(data: unknown): Bundle | undefined {
  if (data === undefined) return undefined;
  if (typeof data !== "object" || data === null || Array.isArray(data))
    throw new TypeError(
      `[Symbol.for("Jupyter.display")]() gave ${textOf(data)}, expected a MIME bundle such as { "text/plain": "…" }`,
    );
  return checkedBundle(data as Data);
}

function checkJson(mime: string, value: unknown): void {
  let problem = "it has no such value";
  try {
    if (JSON.stringify(value) !== undefined) return;
  } catch (error) {
    // V8 draws circles over several lines.
    problem = (error as Error).message.split("\n")[0];
  }
  throw new TypeError(`A MIME bundle has for "${mime}" what JSON cannot carry: ${problem}`);
}

/** Bytes become base64, as the protocol wants it; anything that JSON cannot carry is an error that names its type. */
export function checkedBundle(data: Data, metadata: Data = {}): Bundle {
  const out: Data = {};
  for (const [mime, value] of Object.entries(data)) {
    if (value === undefined) continue;
    if (!mime.includes("/"))
      throw new TypeError(
        `A MIME bundle has a key ${JSON.stringify(mime)}, expected a type such as "text/html"`,
      );
    if (value instanceof Uint8Array) {
      out[mime] = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
      continue;
    }
    const isJson = /[/+]json$/.test(mime);
    if (isJson) checkJson(mime, value);
    if (!isJson && typeof value !== "string")
      throw new TypeError(`A MIME bundle has ${textOf(value)} for "${mime}", expected a string or bytes`);
    out[mime] = value;
  }
  return { data: out, metadata };
}
