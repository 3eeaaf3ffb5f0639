/** How many steps a run has, and which rows each step takes. */
import { chunks, epochRows, type PackedRow } from "../data/batches.ts";
import type { Example } from "../data/dataset.ts";
import { ignoredLabel } from "../data/example.ts";
import type { ResolvedTrainOptions } from "./options.ts";

/** The most that one micro batch has. */
export interface LargestBatch {
  tokens: number;
  /** Tokens of the longest example in it. */
  longest: number;
  trainedTokens: number;
}

/** Of a run, by far more than an adapter needs. */
const MOST_STEPS = 2_000_000;

export class Plan {
  /** Optimizer steps of the whole run. */
  readonly steps: number;
  /** Of the first epoch; the others differ by packing only. */
  readonly tokensPerEpoch: number;
  readonly trainedTokensPerEpoch: number;
  /** First step of each epoch, and after the last its end. */
  private readonly starts: number[] = [0];
  private cached: { epoch: number; steps: PackedRow[][] };
  /** Tokens of each row, and how many of them are trained: of each step of all epochs. */
  private readonly sizes: LargestBatch[][] = [];

  /**
   * @throws when nothing can be learnt from: no example, none short enough, or no trained token; when the epochs would be
   *   millions of steps
   */
  constructor(
    private readonly examples: readonly Example[],
    private readonly options: ResolvedTrainOptions,
  ) {
    if (examples.length === 0) throw new Error("train: there is no example; pass at least one");
    this.cached = { epoch: 0, steps: this.make(0) };
    const first = this.cached.steps.flat().map(sizeOf);
    this.tokensPerEpoch = first.reduce((sum, { tokens }) => sum + tokens, 0);
    this.trainedTokensPerEpoch = first.reduce((sum, { trainedTokens }) => sum + trainedTokens, 0);
    if (this.trainedTokensPerEpoch === 0) {
      throw new Error(
        `train: none of the ${examples.length} examples has a token to train on; check the responses and maxSeqLength (${options.maxSeqLength})`,
      );
    }
    const limit = options.maxSteps ?? Number.POSITIVE_INFINITY;
    // Each step of the plan is held in memory: a slip of the finger must not fill it.
    const expected = Math.min(limit, options.epochs * this.cached.steps.length);
    if (expected > MOST_STEPS) {
      throw new RangeError(
        `train: option "epochs": ${options.epochs} epochs are some ${expected} steps, expected at most ${MOST_STEPS}; lower epochs, or set maxSteps`,
      );
    }
    // Packing depends on the order, so every epoch is asked for its own number of steps.
    for (let epoch = 0; epoch < options.epochs && this.starts[epoch] < limit; epoch++) {
      const steps = epoch === 0 ? this.cached.steps : this.make(epoch);
      for (const rows of steps) this.sizes.push(rows.map(sizeOf));
      this.starts.push(this.starts[epoch] + steps.length);
    }
    this.steps = Math.min(limit, this.starts[this.starts.length - 1]);
  }

  /** Epoch (from 0) and place in it of a step, counted from 0; the step after the last is allowed. */
  position(step: number): { epoch: number; stepInEpoch: number } {
    let epoch = this.starts.length - 2;
    while (epoch > 0 && this.starts[epoch] > step) epoch--;
    return { epoch, stepInEpoch: step - this.starts[epoch] };
  }

  /** Epochs done after so many steps, with a fraction. */
  epochsDone(steps: number): number {
    const { epoch, stepInEpoch } = this.position(steps);
    return epoch + stepInEpoch / (this.starts[epoch + 1] - this.starts[epoch]);
  }

  /** True when an epoch is over after so many steps. */
  endsEpoch(steps: number): boolean {
    return steps === this.steps || this.starts.includes(steps);
  }

  /** The rows of a step, counted from 0: micro batches are taken from them in this order. */
  rows(step: number): readonly PackedRow[] {
    const { epoch, stepInEpoch } = this.position(step);
    if (this.cached.epoch !== epoch) this.cached = { epoch, steps: this.make(epoch) };
    return this.cached.steps[stepInEpoch];
  }

  /** What the largest micro batch of so many rows has, over all steps from `step` on. */
  largestBatch(microBatchSize: number, step = 0): LargestBatch {
    let largest = { tokens: 0, longest: 0, trainedTokens: 0 };
    for (const rows of this.sizes.slice(step, this.steps)) {
      for (const batch of chunks(rows, microBatchSize)) {
        const tokens = batch.reduce((sum, row) => sum + row.tokens, 0);
        if (tokens <= largest.tokens) continue;
        const longest = Math.max(...batch.map((row) => row.longest));
        largest = { tokens, longest, trainedTokens: batch.reduce((sum, row) => sum + row.trainedTokens, 0) };
      }
    }
    return largest;
  }

  private make(epoch: number): PackedRow[][] {
    const { maxSeqLength, microBatchSize, gradientAccumulationSteps, seed } = this.options;
    return epochRows(this.examples, {
      maxSeqLength,
      microBatchSize,
      gradientAccumulationSteps,
      seed,
      epoch,
    });
  }
}

function sizeOf({ examples, tokens }: PackedRow): LargestBatch {
  let trainedTokens = 0;
  for (const { labels } of examples) for (const label of labels) if (label !== ignoredLabel) trainedTokens++;
  const longest = examples.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  return { tokens, longest, trainedTokens };
}
