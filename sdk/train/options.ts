/** The options of `train`, their defaults and their checks. */
import { z } from "zod";
import type { Example } from "../data/dataset.ts";
import { checkOptions } from "../options.ts";

export const SCHEDULERS = ["cosine", "linear", "constant"] as const;
export type Scheduler = (typeof SCHEDULERS)[number];

/** Options of `train`; the defaults are the recipe of Mistral-7B on one GPU. */
export interface TrainOptions {
  /**
   * Passes over the examples, >= 1. Default 3. Danger: many over few examples are learnt by heart; see
   * `evalExamples`.
   */
  epochs?: number;
  /**
   * Sequences of `maxSeqLength` tokens in one forward pass, >= 1. Default 1. More is faster and takes more memory.
   */
  microBatchSize?: number;
  /**
   * Micro batches in one optimizer step, >= 1. Default 4. 1 × 8, 2 × 4 and 8 × 1 give the same curve; only the
   * product with `microBatchSize` counts. Danger: a large product leaves few steps.
   */
  gradientAccumulationSteps?: number;
  /**
   * Peak learning rate, > 0. Default 2e-4, good for LoRA on a large model; a small one takes ten times as much, and
   * full-parameter training wants its own. Danger: a high one ends in a loss that is not a number.
   */
  learningRate?: number;
  /** How the learning rate falls after the warm-up: to 0 along a cosine (default) or a line, or not at all. */
  scheduler?: Scheduler;
  /**
   * Share of the steps in which the learning rate climbs from 0, in [0, 1]. Default 0.03. The first step's rate is
   * 0.
   */
  warmupRatio?: number;
  /** Decay of the matrices (not of norm weights), per unit of learning rate, >= 0. Default 0.01. */
  weightDecay?: number;
  /**
   * Gradients are scaled down to this norm over all of them, >= 0. Default 1; 0 switches it off. Danger: then one
   * odd batch can undo the rest.
   */
  maxGradNorm?: number;
  /** AdamW's memory of the gradient, 0 <= beta1 < 1. Default 0.9. */
  beta1?: number;
  /** AdamW's memory of the squared gradient, 0 <= beta2 < 1. Default 0.999. */
  beta2?: number;
  /** Added to AdamW's denominator, > 0. Default 1e-8. */
  eps?: number;
  /**
   * Tokens in one packed sequence, >= 2. Default 512. Memory grows with it. Danger: a longer example is an error
   * here.
   */
  maxSeqLength?: number;
  /**
   * Steps between two checkpoints, >= 1. Default 100. The last step, a stop and a NaN save one too. Danger: what a
   * kill loses is the steps since the last.
   */
  saveSteps?: number;
  /** Steps between two evaluations on `evalExamples`, >= 1. Default: at the end of every epoch. They take time. */
  evalSteps?: number;
  /** Held-out examples for the validation loss. Default: none, no "eval" events. */
  evalExamples?: readonly Example[];
  /**
   * So many of `evalExamples`, the first ones, are also answered at each evaluation, greedily and with at most 64
   * tokens, >= 0. Default 1: a loss tells less than what the model says. It takes the time of these tokens.
   */
  sampleAnswers?: number;
  /** Ends after this many steps, >= 1, where `epochs` has more; the schedule ends there too. Default: no limit. */
  maxSteps?: number;
  /** Of the order of the examples and of dropout, an unsigned 32-bit integer. Default 0. */
  seed?: number;
  /**
   * Compute activations again in backward: about a quarter slower, far less memory, the same values. Plain tfjs
   * keeps all of them anyway. Default "auto": on a GPU, as many as its free memory asks for; elsewhere all, and only
   * when they would take more than a quarter of the memory.
   */
  gradientCheckpointing?: "auto" | boolean;
  /** Folder for checkpoints, `run.json`, `training.jsonl` and `report.html`. Default: none, nothing is written. */
  outputDir?: string;
  /**
   * Continue a run: true takes the newest checkpoint of `outputDir`, a string names a checkpoint folder or a
   * run's folder. Data, model and mathematics must be those of the run. Default false.
   */
  resume?: boolean | string;
  /** Delete the run that `outputDir` holds, with its checkpoints. Default false: such a folder is an error. */
  overwrite?: boolean;
  /**
   * Aborting it ends the run after the current micro batch, with a checkpoint of the last whole step. Default: in a
   * notebook, the interrupt of the running cell.
   */
  signal?: AbortSignal;
  /** In a notebook: show one figure of the run, updated in place. Default true; elsewhere nothing is shown. */
  figure?: boolean;
}

const trainOptions = z.strictObject({
  epochs: z.int().min(1).default(3),
  microBatchSize: z.int().min(1).default(1),
  gradientAccumulationSteps: z.int().min(1).default(4),
  learningRate: z.number().positive().default(2e-4),
  scheduler: z.enum(SCHEDULERS).default("cosine"),
  warmupRatio: z.number().min(0).max(1).default(0.03),
  weightDecay: z.number().min(0).default(0.01),
  maxGradNorm: z.number().min(0).default(1),
  beta1: z.number().min(0).lt(1).default(0.9),
  beta2: z.number().min(0).lt(1).default(0.999),
  eps: z.number().positive().default(1e-8),
  maxSeqLength: z.int().min(2).default(512),
  saveSteps: z.int().min(1).default(100),
  evalSteps: z.int().min(1).optional(),
  // Examples are made and checked by prepareDataset; here it is only asked that this is a list.
  evalExamples: z.custom<readonly Example[]>(Array.isArray, "expected an array of examples").optional(),
  sampleAnswers: z.int().min(0).default(1),
  maxSteps: z.int().min(1).optional(),
  seed: z.int().min(0).max(0xffffffff).default(0),
  gradientCheckpointing: z.union([z.literal("auto"), z.boolean()]).default("auto"),
  outputDir: z.string().min(1).optional(),
  resume: z.union([z.boolean(), z.string().min(1)]).default(false),
  overwrite: z.boolean().default(false),
  signal: z.instanceof(AbortSignal).optional(),
  figure: z.boolean().default(true),
});

/** The options with every default filled in. */
export type ResolvedTrainOptions = z.output<typeof trainOptions>;

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TypeError that names every wrong key, or options that exclude each other
 */
export function resolveTrainOptions(options: TrainOptions): ResolvedTrainOptions {
  const resolved = checkOptions("train", trainOptions, options);
  const { outputDir, resume, overwrite, evalSteps, evalExamples } = resolved;
  if (resume === true && outputDir === undefined) {
    throw new TypeError(
      "train: resume: true looks in outputDir, which is missing; name it, or the checkpoint's path",
    );
  }
  if (resume !== false && overwrite) {
    throw new TypeError("train: resume continues a run and overwrite deletes it; choose one");
  }
  if (evalSteps !== undefined && evalExamples === undefined) {
    throw new TypeError("train: evalSteps needs evalExamples");
  }
  return resolved;
}

/** The options that change the numbers of a run: two runs with other values here are two different runs. */
export const MATHEMATICS = [
  "epochs",
  "microBatchSize",
  "gradientAccumulationSteps",
  "learningRate",
  "scheduler",
  "warmupRatio",
  "weightDecay",
  "maxGradNorm",
  "beta1",
  "beta2",
  "eps",
  "maxSeqLength",
  "maxSteps",
  "seed",
] as const satisfies readonly (keyof ResolvedTrainOptions)[];

/** Those options as a plain object for a checkpoint; an absent maxSteps is null. */
export function mathematics(options: ResolvedTrainOptions): Record<string, number | string | null> {
  return Object.fromEntries(MATHEMATICS.map((key) => [key, options[key] ?? null]));
}
