/** This package's own results: load and quantise, train, decode, prefill. */
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import type { CudaBackend } from "../../sdk/backend/cuda/backend.ts";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";
import { KEEPINGS } from "../../sdk/model/keeping.ts";
import { loadModel } from "../../sdk/model/load.ts";
import { attachLora } from "../../sdk/model/lora.ts";
import type { MistralModel } from "../../sdk/model/mistral.ts";
import { quantize } from "../../sdk/model/quantize.ts";
import { checkOps } from "../../sdk/ops/check.ts";
import { availableBytes, choosePlan } from "../../sdk/train/gpuMemory.ts";
import { microBatchGradients } from "../../sdk/train/gradients.ts";
import { writeRandomCheckpoint } from "../randomCheckpoint.ts";
import { batchOf } from "./batch.ts";
import { GIB, Measurements } from "./measure.ts";
import type { BenchOptions, TrainingCase } from "./options.ts";
import type { Report } from "./report.ts";

/** @throws when an op is wrong on this GPU: nothing is measured then */
export async function measureOwn(options: BenchOptions, report: Report): Promise<void> {
  const { shape, config, dir, cases, profile } = options;
  const { cuda } = tf.backend() as CudaBackend;
  const measure = new Measurements();
  for await (const { op, ok, errors, problem } of checkOps()) {
    if (!ok) throw new Error(`${op} is wrong on this GPU: ${problem ?? JSON.stringify(errors)}`);
  }
  const isTiny = shape === "tiny";
  report.say({ work: "limits", ...measure.limits(!isTiny) });
  writeRandomCheckpoint(dir, config, join(packageRoot(), "data/models/mini"));
  const start = performance.now();
  const quantized = quantize(await loadModel(dir));
  cuda.driver.synchronize();
  report.say({
    work: "load and quantise",
    seconds: +((performance.now() - start) / 1000).toFixed(2),
    gpuGiB: +(cuda.memory.bytes.used / GIB).toFixed(2),
    hostGiB: +(process.memoryUsage.rss() / GIB).toFixed(2),
  });
  const model = attachLora(quantized, { r: 8, alpha: 16, dropout: 0.05 });
  // Training first: its first loss is that of an adapter at its start, as the peers'.
  for (const one of cases) await measureTraining(one, model, measure, options, report);
  cuda.keepDequantized = false;
  await report.attempt({ work: "decode" }, () => measure.decoding(model, isTiny ? 8 : 128));
  await report.attempt({ work: "recorded step" }, () => measure.recordedStep(model, isTiny ? 16 : 256));
  if (profile) {
    await report.attempt({ work: "kernels of 1 token" }, () =>
      measure.profiled(() => measure.oneToken(model)),
    );
  }
  await report.attempt({ work: "prefill 512" }, () => measure.prefill(model, 512));
  model.dispose();
  cuda.memory.trim(); // the peers need the card
}

async function measureTraining(
  { size, count, length, gib }: TrainingCase,
  model: MistralModel,
  measure: Measurements,
  { config, steps, profile }: BenchOptions,
  report: Report,
): Promise<void> {
  const { cuda } = tf.backend() as CudaBackend;
  cuda.keepDequantized = false;
  const batch = batchOf(config.vocabSize, count, length);
  const { trainedTokens } = batch;
  const workload = { tokens: batch.ids.length, longest: length, trainedTokens, accumulates: false };
  const optimizer = measure.newOptimizer(model); // its moments are there before a step is planned
  const plan = choosePlan(cuda, model, workload, gib ? gib * GIB : availableBytes(cuda));
  optimizer.dispose();
  const work = `train ${size}${gib ? `, at most ${gib} GiB` : ", whole card"}`;
  if (!plan) {
    report.say({ work, error: "no plan fits" });
    return;
  }
  const { keeping, keptCopies } = plan;
  cuda.keepDequantized = keptCopies;
  const predictedGiB = +(plan.peakBytes / GIB).toFixed(2);
  const counts = KEEPINGS.map((kept) => [kept, keeping.filter((other) => other === kept).length] as const);
  const layers = Object.fromEntries(counts.filter(([, n]) => n > 0));
  await report.attempt({ work, layers, keptCopies, predictedGiB }, () =>
    measure.training(model, batch, keeping, steps, () => report.left < 0),
  );
  if (!profile) return;
  await report.attempt({ work: `kernels of ${work}` }, () =>
    measure.profiled(() => {
      const result = microBatchGradients(model, model.trainableVariables(), batch, {
        dropoutSeed: 1,
        keeping,
      });
      tf.dispose([result.lossSum, ...result.gradients.values()]);
    }),
  );
}
