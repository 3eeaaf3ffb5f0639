/** How many steps a run has, and which batches each step takes. */

import type { TokenBatch } from "../data/batches.ts";
import { epochBatches } from "../data/batches.ts";
import type { Example } from "../data/dataset.ts";
import type { ResolvedTrainOptions } from "./options.ts";

export class Plan {
  /** Optimizer steps of the whole run. */
  readonly steps: number;
  /** Of the first epoch; the others differ by packing only. */
  readonly tokensPerEpoch: number;
  readonly trainedTokensPerEpoch: number;
  /** First step of each epoch, and after the last its end. */
  private readonly starts: number[] = [0];
  private cached: { epoch: number; batches: TokenBatch[][] };

  /**
   * @throws when nothing can be learnt from: no example, none short enough, or no trained token
   */
  constructor(
    private readonly examples: readonly Example[],
    private readonly options: ResolvedTrainOptions,
  ) {
    if (examples.length === 0) throw new Error("train: there is no example; pass at least one");
    this.cached = { epoch: 0, batches: this.make(0) };
    const micro = this.cached.batches.flat();
    this.tokensPerEpoch = micro.reduce((sum, { ids }) => sum + ids.length, 0);
    this.trainedTokensPerEpoch = micro.reduce((sum, { trainedTokens }) => sum + trainedTokens, 0);
    if (this.trainedTokensPerEpoch === 0) {
      throw new Error(
        `train: none of the ${examples.length} examples has a token to train on; check the responses and maxSeqLength (${options.maxSeqLength})`,
      );
    }
    const limit = options.maxSteps ?? Number.POSITIVE_INFINITY;
    // Packing depends on the order, so every epoch is asked for its own number of steps.
    for (let epoch = 0; epoch < options.epochs && this.starts[epoch] < limit; epoch++) {
      this.starts.push(this.starts[epoch] + (epoch === 0 ? this.cached.batches : this.make(epoch)).length);
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

  /** The micro batches of a step, counted from 0. */
  batches(step: number): TokenBatch[] {
    const { epoch, stepInEpoch } = this.position(step);
    if (this.cached.epoch !== epoch) this.cached = { epoch, batches: this.make(epoch) };
    return this.cached.batches[stepInEpoch];
  }

  private make(epoch: number): TokenBatch[][] {
    const { maxSeqLength, microBatchSize, gradientAccumulationSteps, seed } = this.options;
    return epochBatches(this.examples, {
      maxSeqLength,
      microBatchSize,
      gradientAccumulationSteps,
      seed,
      epoch,
    });
  }
}
