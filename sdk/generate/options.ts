/** The options of `generate`, their defaults and their checks. */
import { z } from "zod";
import { checkOptions } from "../options.ts";

const generateOptions = z.strictObject({
  temperature: z.number().min(0).default(0),
  topK: z.int().min(0).default(0),
  topP: z.number().gt(0).max(1).default(1),
  repetitionPenalty: z.number().gt(0).default(1),
  seed: z.int().min(0).default(0),
  maxNewTokens: z.int().min(1).default(256),
  stop: z.array(z.string().min(1)).default([]),
  signal: z.instanceof(AbortSignal).optional(),
});

/** What a chat may be given: the signal belongs to one answer. */
export const chatSampling = generateOptions.omit({ signal: true });

/** How the next token is chosen. */
export interface SamplingOptions {
  /**
   * 0 takes the most likely token (greedy, the default); 1 samples from the model's own distribution, >= 0. Danger:
   * above 1, and with facts above 0 already, it says what it does not know.
   */
  temperature?: number;
  /**
   * Keep only the topK most likely tokens, a whole number >= 0; 0 = all (default). Without effect at temperature 0.
   */
  topK?: number;
  /** Keep the smallest set of tokens whose probability reaches topP, in (0, 1]. Default 1 = all. As topK at 0. */
  topP?: number;
  /**
   * > 1 makes tokens that already occurred, in the prompt too, less likely (Keskar et al. 2019, "CTRL"); > 0.
   * Default 1 = off. Danger: from 1.2 on it avoids the very words and numbers of the question.
   */
  repetitionPenalty?: number;
  /** Of the random draws; the same seed gives the same text. Default 0. */
  seed?: number;
}

/** Options of `generate`. */
export interface GenerateOptions extends SamplingOptions {
  /**
   * Most tokens to generate, >= 1. Default 256; the context window may end it before. Danger: a low one cuts
   * answers.
   */
  maxNewTokens?: number;
  /**
   * Texts that end the answer; the text itself is not given out. Default: only the end-of-sequence token ends it.
   * Danger: text that may become one is held back until it is certain.
   */
  stop?: string[];
  /** Ends the generation after the current token. */
  signal?: AbortSignal;
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TypeError that names every wrong key
 */
export function resolveGenerateOptions(options: GenerateOptions): z.output<typeof generateOptions> {
  return checkOptions("generate", generateOptions, options);
}
