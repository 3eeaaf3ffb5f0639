/**
 * Ctrl-C in a command that has something to save: once to end in order, twice to end at once. SIGTERM, by which schedulers and
 * containers end a program, is the same.
 */

import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** What a shell reports for a program that Ctrl-C ended: 128 + SIGINT. */
export const INTERRUPTED = 130;

export interface Interrupt {
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** For the process that ends in order: 130 after Ctrl-C, 143 after SIGTERM, as a shell has them. */
  readonly exitCode: number;
  /** Gives Ctrl-C its usual meaning back. */
  release(): void;
}

/** @param announce called at the first Ctrl-C: says what happens now */
export function catchInterrupt(announce: () => void): Interrupt {
  const controller = new AbortController();
  let exitCode = INTERRUPTED;
  const onSignal = (signal: NodeJS.Signals) => {
    exitCode = 128 + constants.signals[signal];
    if (controller.signal.aborted) process.exit(exitCode);
    controller.abort();
    announce();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    release() {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}
