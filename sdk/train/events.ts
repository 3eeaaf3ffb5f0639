/** What `train` tells: one plain object an event, as `training.jsonl` and the CLI's `--json` have them. */
import type { Keeping } from "../model/keeping.ts";

export interface StartEvent {
  type: "start";
  /** Optimizer steps of the whole run, and how many of them are already done (resume). */
  steps: number;
  startStep: number;
  epochs: number;
  examples: number;
  /** Values that training changes. */
  trainableParameters: number;
  /** Tokens of the first epoch, and how many of them are trained. */
  tokensPerEpoch: number;
  trainedTokensPerEpoch: number;
  /** Whether the activations of any layer are computed again in backward. */
  gradientCheckpointing: boolean;
  /** On a GPU: what fits into its memory. */
  plan?: TrainingPlan;
  /** On a GPU: bytes that will be in use there at a step's peak; the step events tell what was. */
  predictedPeakBytes?: number;
  /** The tfjs backend. */
  device: string;
  /** What a person should know before it starts: a lock taken over, a checkpoint of another device. */
  notes: string[];
}

export interface TrainingPlan {
  /** How many layers keep what from the forward to the backward (sdk/model/keeping.ts). */
  layers: Record<Keeping, number>;
  /** Frozen weights are kept in the type of the activations too, so that products need not decode them. */
  keptCopies: boolean;
}

export interface StepEvent {
  type: "step";
  /** Optimizer steps done, from 1. */
  step: number;
  steps: number;
  /** Epochs done, with a fraction: 1.5 is the middle of the second. */
  epoch: number;
  /** Mean of -log p over the step's trained tokens, in nats, before the update. */
  loss: number;
  /** The rate that this step used. */
  learningRate: number;
  /** Norm of the mean gradient over all variables, before clipping. */
  gradNorm: number;
  /** Tokens (not words) read in this step, trained or not, by its seconds. */
  tokensPerSecond: number;
  /** Estimate for the rest of the run, from the steps of this process. */
  secondsLeft: number;
  /** Resident memory of the process. */
  memoryBytes: number;
  /** On a GPU: the most bytes that were in use there since the start. */
  gpuPeakBytes?: number;
}

/** The GPU's memory ran out: from now on more, smaller micro batches make a step. The mathematics is the same. */
export interface MemoryEvent {
  type: "memory";
  /** Steps done: this comes while the next one is made. */
  step: number;
  microBatchSize: number;
  gradientAccumulationSteps: number;
  plan: TrainingPlan;
  /** All this in a sentence. */
  text: string;
}

export interface EvalEvent {
  type: "eval";
  step: number;
  /** Mean of -log p over all trained tokens of `evalExamples`, in nats. */
  loss: number;
  /** exp(loss) */
  perplexity: number;
  /** What the model answers to some of `evalExamples`; absent where none can be asked. */
  samples?: SampleAnswer[];
}

/** What the model answers to a held-out question in the middle of a training. */
export interface SampleAnswer {
  question: string;
  answer: string;
  /** The example's own answer. */
  reference: string;
}

export interface CheckpointEvent {
  type: "checkpoint";
  step: number;
  path: string;
}

export interface DoneEvent {
  type: "done";
  /** "stopped": by the signal or by leaving the loop; "nan", "memory": an error follows. */
  reason: "finished" | "stopped" | "nan" | "memory";
  /** Steps done in all, those before a resume included. */
  steps: number;
  /** Of this process. */
  seconds: number;
  /** Of the last whole step; null when none was done. */
  loss: number | null;
  /** The newest checkpoint, where there is an output folder. */
  path?: string;
}

/** What `train` tells while it works; `type` says which. */
export type TrainEvent = StartEvent | StepEvent | MemoryEvent | EvalEvent | CheckpointEvent | DoneEvent;
