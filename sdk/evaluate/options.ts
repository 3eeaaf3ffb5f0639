/** The options of `evaluate`, their defaults and their checks. */
import { z } from "zod";
import { checkOptions } from "../options.ts";

const evaluateOptions = z.strictObject({
  answers: z.boolean().default(true),
  maxNewTokens: z.int().min(1).default(96),
  maxSeqLength: z.int().min(1).optional(),
  onProgress: z.custom<(done: number, total: number) => void>((f) => typeof f === "function").optional(),
  signal: z.instanceof(AbortSignal).optional(),
});

/** Options of `evaluate`. */
export interface EvaluateOptions {
  /** Let the model answer each question (greedy), for chrF, facts and stops. Default true; false gives the loss only. */
  answers?: boolean;
  /** Most tokens of one answer. Default 96. */
  maxNewTokens?: number;
  /**
   * Most tokens in one forward pass of the loss; memory grows with it. Default: 512, or the longest example where that has
   * more.
   */
  maxSeqLength?: number;
  /** Called after each question with how many are done. */
  onProgress?: (done: number, total: number) => void;
  /** Stops between two tokens; the result then covers the questions that were done. */
  signal?: AbortSignal;
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TypeError that names every wrong key
 */
export function resolveEvaluateOptions(options: EvaluateOptions): z.output<typeof evaluateOptions> {
  return checkOptions("evaluate", evaluateOptions, options);
}
