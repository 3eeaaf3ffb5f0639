/**
 * The same training by this package and by transformers + PEFT + bitsandbytes: same weights, adapter, data and order,
 * no dropout. Sequences repeat, so that there is something to learn; the ends must be within 1 %.
 */
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import type { TokenBatch } from "../../sdk/data/batches.ts";
import { Random } from "../../sdk/data/random.ts";
import type { MistralConfig } from "../../sdk/model/config.ts";
import { loadModel } from "../../sdk/model/load.ts";
import { attachLora } from "../../sdk/model/lora.ts";
import { quantize } from "../../sdk/model/quantize.ts";
import { gradientNorm } from "../../sdk/ops/gradientNorm.ts";
import { microBatchGradients } from "../../sdk/train/gradients.ts";
import { AdamW, clipFactor } from "../../sdk/train/optimizer.ts";
import { writeRandomCheckpoint } from "../randomCheckpoint.ts";
import { batchOf } from "./batch.ts";
import { qloraCurve } from "./peers.ts";

/** Different sequences. */
const SEQUENCES = 8;
const LEARNING_RATE = 5e-4;

export interface CurveResult {
  steps: number;
  first: { ours: number; theirs: number };
  /** Means over the last ten steps. */
  last: { ours: number; theirs: number };
  /** Of the ends. */
  relativeDifference: number;
  /** The largest over all steps, relative. */
  largestDifference: number;
}

export async function compareCurves(
  config: MistralConfig,
  dir: string,
  length: number,
  steps: number,
): Promise<CurveResult> {
  writeRandomCheckpoint(dir, config, "data/models/mini");
  const model = attachLora(quantize(await loadModel(dir)), { r: 8, alpha: 16, dropout: 0, seed: 5 });
  const adapter = join(dir, "adapter");
  await model.save(adapter);
  const batches = Array.from({ length: SEQUENCES }, (_, i) => batchOf(config.vocabSize, 1, length, 100 + i));
  const random = new Random(11);
  const order = Array.from({ length: steps }, () => random.int(SEQUENCES));
  const variables = model.trainableVariables();
  const optimizer = new AdamW(variables, { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 });
  const ours: number[] = [];
  const step = async (batch: TokenBatch) => {
    const { lossSum, gradients } = microBatchGradients(model, variables, batch, { dropoutSeed: 1 });
    const mean = 1 / batch.trainedTokens;
    ours.push((await lossSum.data<"float32">())[0] * mean);
    const norm = (await gradientNorm(gradients.values())) * mean;
    optimizer.step(gradients, LEARNING_RATE, mean * clipFactor(norm, 1));
    tf.dispose([lossSum, ...gradients.values()]);
  };
  for (const index of order) await step(batches[index]);
  optimizer.dispose();
  model.dispose();
  const cases = order.map((index) => {
    return { name: `${index}`, rows: 1, length, ids: [...batches[index].ids] };
  });
  const theirs = qloraCurve(dir, adapter, { learningRate: LEARNING_RATE, steps, cases });
  const mean = (losses: number[]) => losses.slice(-10).reduce((a, b) => a + b, 0) / 10;
  const relative = (a: number, b: number) => Math.abs(a - b) / b;
  return {
    steps,
    first: { ours: ours[0], theirs: theirs[0] },
    last: { ours: mean(ours), theirs: mean(theirs) },
    relativeDifference: relative(mean(ours), mean(theirs)),
    largestDifference: Math.max(...ours.map((loss, i) => relative(loss, theirs[i]))),
  };
}
