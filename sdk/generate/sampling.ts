import { Random, type RandomState } from "../data/random.ts";
import type { SamplingOptions } from "./options.ts";

/** Chooses token after token; keeps the random state of one answer. */
export class Sampler {
  private readonly random: Random;

  constructor(private readonly options: Required<SamplingOptions>) {
    this.random = new Random(options.seed);
  }

  /** For whoever goes on with the same numbers. */
  get randomState(): RandomState {
    return this.random.state;
  }

  /**
   * @param logits [vocab]; changed in place
   * @param previous ids so far, prompt included, for the repetition penalty
   * @throws when the logits hold no finite value: the model is broken
   */
  next(logits: Float32Array, previous: readonly number[]): number {
    const { temperature, topK, topP, repetitionPenalty } = this.options;
    if (repetitionPenalty !== 1) {
      for (const id of new Set(previous)) {
        logits[id] = logits[id] > 0 ? logits[id] / repetitionPenalty : logits[id] * repetitionPenalty;
      }
    }
    const best = argmax(logits);
    if (temperature === 0) return best;

    const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a]);
    const kept = topK > 0 ? order.slice(0, topK) : order;
    const weights = kept.map((id) => Math.exp((logits[id] - logits[best]) / temperature));
    const total = weights.reduce((sum, w) => sum + w, 0);
    let mass = 0;
    let count = 0;
    while (count < weights.length && mass < topP * total) mass += weights[count++];
    let target = this.random.next() * mass;
    for (let i = 0; i < count; i++) {
      target -= weights[i];
      if (target < 0) return kept[i];
    }
    return kept[count - 1];
  }
}

function argmax(logits: Float32Array): number {
  let best = -1;
  for (let i = 0; i < logits.length; i++) {
    if (best < 0 ? logits[i] > Number.NEGATIVE_INFINITY : logits[i] > logits[best]) best = i;
  }
  if (best < 0) throw noScore();
  return best;
}

/** The error of a step whose logits are all NaN or -infinity. */
export function noScore(): Error {
  return new Error("sampling: no logit is a finite number; the model's weights or activations hold NaN");
}
