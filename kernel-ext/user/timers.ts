/**
 * Timers, sleeps and fetches that die with their cell. JavaScript cannot stop an asynchronous loop from outside; it
 * can only see to it that the loop never wakes again. A sleep rejects, so that `finally` blocks run.
 */
import { createRequire, syncBuiltinESMExports } from "node:module";
import { promisify } from "node:util";
import { type Cell, owningCell } from "./cell.ts";

const require = createRequire(import.meta.url);

type Callback = (...args: unknown[]) => unknown;
type Timer = (callback: Callback, ...rest: unknown[]) => unknown;
type Options = { signal?: AbortSignal } | undefined;

/** The caller's signal and the cell's, whichever comes first. */
function bounded(options: Options, cell: Cell): Options {
  const signals = [options?.signal, cell.sleepSignal].filter((signal) => signal !== undefined);
  return { ...options, signal: AbortSignal.any(signals) };
}

export function installTimers(): void {
  const timers = require("node:timers") as Record<string, Timer>;
  const promises = require("node:timers/promises") as Record<string, (...args: unknown[]) => unknown>;

  // Where each function of node:timers/promises takes its options.
  for (const [name, at] of Object.entries({ setTimeout: 2, setInterval: 2, setImmediate: 1 })) {
    const original = promises[name];
    promises[name] = (...args: unknown[]) => {
      const cell = owningCell();
      if (cell) args[at] = bounded(args[at] as Options, cell);
      return original(...args);
    };
  }

  for (const name of ["setTimeout", "setInterval", "setImmediate"]) {
    const original = timers[name];
    const wrapped = (callback: Callback, ...rest: unknown[]) => {
      const cell = owningCell();
      // A wrong argument is Node's to complain about.
      if (!cell || typeof callback !== "function") return original(callback, ...rest);
      return original((...args: unknown[]) => (cell.dead ? undefined : callback(...args)), ...rest);
    };
    Object.assign(wrapped, { [promisify.custom]: promises[name] });
    timers[name] = wrapped;
    (globalThis as unknown as Record<string, unknown>)[name] = wrapped;
  }
  syncBuiltinESMExports();

  const fetch = globalThis.fetch;
  globalThis.fetch = (input, init) => {
    const cell = owningCell();
    return fetch(input, cell ? (bounded(init as Options, cell) as RequestInit) : init);
  };
}
