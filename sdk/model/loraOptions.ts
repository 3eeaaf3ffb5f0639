/** The options of `attachLora`, their defaults and their checks. */
import { z } from "zod";
import { checkOptions } from "../options.ts";
import { PROJECTIONS } from "./layers.ts";

const loraOptions = z.strictObject({
  r: z.int().min(1).default(8),
  alpha: z.number().positive().default(16),
  dropout: z.number().min(0).lt(1).default(0.05),
  targetModules: z
    .array(z.enum(PROJECTIONS))
    .min(1)
    .default([...PROJECTIONS]),
  seed: z.int().min(0).default(0),
});

/** Options of `attachLora`. */
export interface LoraOptions {
  /**
   * Rank of the update, a whole number >= 1. Default 8. Memory and the adapter's file grow in proportion. Danger: with
   * few examples a high rank learns them by heart.
   */
  r?: number;
  /**
   * The update is scaled by alpha / r, > 0. Default 16. Danger: another r without another alpha changes the scale.
   */
  alpha?: number;
  /**
   * Probability of dropping an input element on its way into A, in [0, 1), in training only. Default 0.05. Danger: a
   * high one keeps a small adapter from learning facts exactly.
   */
  dropout?: number;
  /** Which projections get an adapter. Default: all seven. Danger: q and v alone learn a tone, hardly new facts. */
  targetModules?: (typeof PROJECTIONS)[number][];
  /** Of the random A matrices, a whole number >= 0: equal seeds give equal adapters. Default 0. */
  seed?: number;
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TypeError that names every wrong key
 */
export function resolveLoraOptions(options: LoraOptions): z.output<typeof loraOptions> {
  return checkOptions("attachLora", loraOptions, options);
}
