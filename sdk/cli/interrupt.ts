/** Ctrl-C in a command that has something to save: once to end in order, twice to end at once. */

/** What a shell reports for a program that Ctrl-C ended: 128 + SIGINT. */
export const INTERRUPTED = 130;

export interface Interrupt {
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** Gives Ctrl-C its usual meaning back. */
  release(): void;
}

/** @param announce called at the first Ctrl-C: says what happens now */
export function catchInterrupt(announce: () => void): Interrupt {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    controller.abort();
    announce();
  };
  process.on("SIGINT", onSignal);
  return { signal: controller.signal, release: () => process.off("SIGINT", onSignal) };
}
