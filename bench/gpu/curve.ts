/**
 * The same training by this package and by transformers + PEFT + bitsandbytes: same weights, adapter, data and order,
 * no dropout. Sequences repeat, so that there is something to learn; the ends must be within 1 %.
 */
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import type { CudaBackend } from "../../sdk/backend/cuda/backend.ts";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";
import type { TokenBatch } from "../../sdk/data/batches.ts";
import { Random } from "../../sdk/data/random.ts";
import { loadModel } from "../../sdk/model/load.ts";
import { attachLora } from "../../sdk/model/lora.ts";
import { quantize } from "../../sdk/model/quantize.ts";
import { gradientNorm } from "../../sdk/ops/gradientNorm.ts";
import { microBatchGradients } from "../../sdk/train/gradients.ts";
import { AdamW, clipFactor } from "../../sdk/train/optimizer.ts";
import { writeRandomCheckpoint } from "../randomCheckpoint.ts";
import { batchOf } from "./batch.ts";
import type { BenchOptions } from "./options.ts";
import { qloraCurve } from "./peers.ts";
import type { Report } from "./report.ts";

/** Different sequences, and their tokens. */
const SEQUENCES = 8;
const LENGTH = 512;
const LEARNING_RATE = 5e-4;
/** Relative difference of the ends that is allowed. */
const BOUND = 0.01;

const mean = (losses: readonly number[]) => losses.reduce((a, b) => a + b, 0) / losses.length;
const relative = (a: number, b: number) => Math.abs(a - b) / b;

/** Tells our curve, then theirs beside it; the program fails where their ends differ, or theirs has no end. */
export async function compareCurves(
  { config, dir }: BenchOptions,
  steps: number,
  report: Report,
): Promise<void> {
  writeRandomCheckpoint(dir, config, join(packageRoot(), "data/models/mini"));
  const model = attachLora(quantize(await loadModel(dir)), { r: 8, alpha: 16, dropout: 0, seed: 5 });
  const adapter = join(dir, "adapter");
  await model.save(adapter);
  const batches = Array.from({ length: SEQUENCES }, (_, i) => batchOf(config.vocabSize, 1, LENGTH, 100 + i));
  const random = new Random(11);
  const order = Array.from({ length: steps }, () => random.int(SEQUENCES));
  const variables = model.trainableVariables();
  const optimizer = new AdamW(variables, { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 });
  const ours: number[] = [];
  const step = async (batch: TokenBatch) => {
    const { lossSum, gradients } = microBatchGradients(model, variables, batch, { dropoutSeed: 1 });
    const perToken = 1 / batch.trainedTokens;
    ours.push((await lossSum.data<"float32">())[0] * perToken);
    const norm = (await gradientNorm(gradients.values())) * perToken;
    optimizer.step(gradients, LEARNING_RATE, perToken * clipFactor(norm, 1));
    tf.dispose([lossSum, ...gradients.values()]);
  };
  for (const index of order) await step(batches[index]);
  optimizer.dispose();
  model.dispose();
  (tf.backend() as CudaBackend).cuda.memory.trim(); // theirs needs the card
  report.say({ work: `our curve of ${steps} steps`, first: ours[0], last: mean(ours.slice(-10)) });
  const cases = order.map((index) => {
    return { name: `${index}`, rows: 1, length: LENGTH, ids: [...batches[index].ids] };
  });
  const plan = { learningRate: LEARNING_RATE, steps, cases };
  const { losses: theirs, versions, problem } = await qloraCurve(dir, adapter, plan, report.left);
  const came = theirs.length;
  const line = {
    work: "training beside transformers + PEFT + bitsandbytes",
    ...{ versions, steps: came, ...(problem ? { problem } : {}) },
  };
  if (came === 0) {
    report.fail({ ...line, error: "no loss of theirs came" });
    return;
  }
  // Of as many steps as came; means over the last ten.
  const [ourEnd, theirEnd] = [ours.slice(0, came), theirs].map((losses) => mean(losses.slice(-10)));
  const result = {
    ...line,
    first: { ours: ours[0], theirs: theirs[0] },
    last: { ours: ourEnd, theirs: theirEnd },
    relativeDifference: relative(ourEnd, theirEnd),
    largestDifference: Math.max(...theirs.map((loss, i) => relative(ours[i], loss))),
  };
  if (came === steps && result.relativeDifference < BOUND) report.say(result);
  else report.fail({ ...result, error: `expected ${steps} steps, and ends within ${BOUND * 100} %` });
}
