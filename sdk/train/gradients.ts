/** Loss and gradients of micro batches, summed over an optimizer step. Whoever calls owns what comes back. */
import * as tf from "@tensorflow/tfjs";
import { CudaBackend } from "../backend/cuda/backend.ts";
import type { TokenBatch } from "../data/batches.ts";
import type { ForwardOptions, MistralModel } from "../model/mistral.ts";
import { valueAndGradients } from "../ops/tape.ts";

/**
 * The sum of -log p over the batch's trained tokens, and its gradient by variable name.
 *
 * @returns `lossSum` in nats; `gradients` are the caller's to dispose
 * @throws what an op throws, e.g. where memory is short; everything that was made is freed then
 */
export function microBatchGradients(
  model: MistralModel,
  variables: ReadonlyMap<string, tf.Variable>,
  batch: TokenBatch,
  options: ForwardOptions,
): { lossSum: tf.Scalar; gradients: Map<string, tf.Tensor> } {
  const { value, gradients } = valueAndGradients(
    () => model.loss(batch, options).lossSum,
    [...variables.values()],
  );
  const byName = new Map<string, tf.Tensor>();
  // A variable that the loss does not reach has none.
  for (const [i, name] of [...variables.keys()].entries()) {
    const gradient = gradients[i];
    if (gradient) byName.set(name, gradient);
  }
  return { lossSum: value, gradients: byName };
}

/** Gradients and losses summed over the micro batches of one optimizer step. */
export class Accumulator {
  readonly gradients = new Map<string, tf.Tensor>();
  lossSum = 0;
  trainedTokens = 0;
  tokens = 0;

  /** Takes `gradients` over. */
  add(lossSum: number, gradients: Map<string, tf.Tensor>, batch: TokenBatch): void {
    this.lossSum += lossSum;
    this.trainedTokens += batch.trainedTokens;
    this.tokens += batch.ids.length;
    const backend = tf.backend();
    for (const [name, gradient] of gradients) {
      const sum = this.gradients.get(name);
      if (sum && backend instanceof CudaBackend && backend.refCount(sum.dataId) === 1) {
        // Over the old sum: with no memory to take this cannot fail half-way.
        backend.cuda.add(backend.values(sum), backend.values(gradient));
        gradient.dispose();
        continue;
      }
      this.gradients.set(name, sum ? tf.add(sum, gradient) : gradient);
      if (sum) tf.dispose([sum, gradient]);
    }
  }

  dispose(): void {
    tf.dispose([...this.gradients.values()]);
    this.gradients.clear();
  }
}

/** Seed of the dropout masks of one optimizer step: different for each, the same after a resume. */
export function dropoutSeed(seed: number, step: number): number {
  let h = 0x2545f491;
  for (const word of [seed, step]) {
    h = Math.imul(h ^ word, 0x9e3779b1);
    h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
  }
  return h >>> 0;
}

/**
 * Bytes of activations that backward keeps for one micro batch of `tokens` without gradient checkpointing, about:
 * float32 inputs and outputs of every op of every layer, and on plain tfjs the attention scores too.
 */
export function activationBytes(model: MistralModel, tokens: number): number {
  const { hiddenSize, heads, kvHeads, headDim, intermediateSize } = model.config;
  const perToken = 8 * hiddenSize + 3 * heads * headDim + 3 * kvHeads * headDim + 3 * intermediateSize;
  const scores = tf.engine().backendName === "native" ? 0 : 3 * heads * tokens;
  return 4 * model.weights.layers.length * tokens * (perToken + scores);
}
