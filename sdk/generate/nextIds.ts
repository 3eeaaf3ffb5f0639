/** The tokens that a model says after a prompt, without end. */
import * as tf from "@tensorflow/tfjs";
import { activeCuda } from "../backend/cuda/backend.ts";
import { KVCache } from "../model/kvCache.ts";
import type { MistralModel } from "../model/mistral.ts";
import type { SamplingOptions } from "./options.ts";
import { RecordedStep } from "./recordedStep.ts";
import { noScore, Sampler } from "./sampling.ts";

/** Steps that a GPU is given at once. Two such groups are under way: one is read while the other one runs. */
const STEPS_AT_ONCE = 4;

/** A recording takes as long as a few steps without one. */
const WORTH_RECORDING = 4;

/**
 * Chooses tokens until prompt and tokens are `capacity` together; whoever wants fewer (the end of a sentence) stops
 * asking.
 *
 * @param prompt at least one id, fewer than `capacity`
 */
export async function* nextIds(
  model: MistralModel,
  prompt: readonly number[],
  sampling: Required<SamplingOptions>,
  capacity: number,
): AsyncGenerator<number, void> {
  const sampler = new Sampler(sampling);
  const cache = new KVCache(model.config, capacity);
  const ids = [...prompt];
  const choose = (logits: Float32Array) => {
    const id = sampler.next(logits, ids);
    ids.push(id);
    return id;
  };
  let step: RecordedStep | undefined;
  try {
    yield choose(logitsAfter(model, Int32Array.from(prompt), cache));
    if (activeCuda() && capacity - ids.length >= WORTH_RECORDING) {
      const choice = { ...sampling, previous: ids, random: sampler.randomState };
      step = new RecordedStep(model, cache, ids[ids.length - 1], choice);
      yield* idsOfGpu(step, cache, capacity);
      return;
    }
    while (ids.length < capacity) yield choose(logitsAfter(model, Int32Array.of(ids[ids.length - 1]), cache));
  } finally {
    step?.dispose();
    cache.dispose();
  }
}

/** The GPU chooses and goes on by itself; when the caller stops asking, it has run some steps too many. */
async function* idsOfGpu(step: RecordedStep, cache: KVCache, capacity: number): AsyncGenerator<number, void> {
  const queue = () => {
    for (let i = 0; i < STEPS_AT_ONCE && cache.length + 1 < capacity; i++) step.run();
    const chosen = step.chosen();
    chosen.catch(() => undefined); // whoever stops asking does not wait for it
    return { end: cache.length + 1, chosen };
  };
  let position = cache.length + 1;
  let running = queue();
  while (position < capacity) {
    const following = queue();
    for (const at = await running.chosen; position < running.end; position++) {
      const id = at(position);
      if (id < 0) throw noScore();
      yield id;
    }
    running = following;
  }
}

/**
 * Runs the new ids through the model and returns the scores after the last one; the caller may change them. Ids above
 * those of the tokenizer pad the vocabulary of some checkpoints: they mean no text and have no score here.
 */
function logitsAfter(model: MistralModel, ids: Int32Array, cache: KVCache): Float32Array {
  let scores: Float32Array;
  // tidy looks for tensors in what it is given back, and would visit every score.
  tf.tidy(() => {
    const hidden = model.forwardCached(ids, cache);
    const lastRow = ids.length === 1 ? hidden : tf.slice2d(hidden, [ids.length - 1, 0], [1, -1]);
    scores = (model.logits(lastRow).dataSync() as Float32Array).slice(0, model.tokenizer.vocabSize);
  });
  return scores!;
}
