// `npm run bench:gpu [-- 7b|tiny] [--dir FOLDER] [--case 1x512@5.38,16x512]`: a model of random weights in Mistral-7B's shape
// on the GPU, NF4 with double quantisation and LoRA r 8: load and quantise, train, prefill, decode, beside the limits
// of the same card (a large bfloat16 product, a large copy) measured in the same run. Prints JSON lines; rates are
// medians, with the fastest and the slowest trial. FOLDER (14.5 GB) is written at the first run.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs";
import type { CudaBackend } from "../sdk/backend/cuda/backend.ts";
import { useDevice } from "../sdk/backend/device.ts";
import type { TokenBatch } from "../sdk/data/batches.ts";
import { Random } from "../sdk/data/random.ts";
import { generate } from "../sdk/generate/generate.ts";
import { RecordedStep } from "../sdk/generate/recordedStep.ts";
import type { MistralConfig } from "../sdk/model/config.ts";
import { KEEPINGS, type Keeping } from "../sdk/model/keeping.ts";
import { KVCache } from "../sdk/model/kvCache.ts";
import { loadModel } from "../sdk/model/load.ts";
import { attachLora } from "../sdk/model/lora.ts";
import type { MistralModel } from "../sdk/model/mistral.ts";
import { quantize } from "../sdk/model/quantize.ts";
import { gradientNorm } from "../sdk/ops/gradientNorm.ts";
import { availableBytes, choosePlan } from "../sdk/train/gpuMemory.ts";
import { microBatchGradients } from "../sdk/train/gradients.ts";
import { AdamW } from "../sdk/train/optimizer.ts";
import { writeRandomCheckpoint } from "./randomCheckpoint.ts";

const SHAPES: Record<string, MistralConfig> = {
  "7b": {
    hiddenSize: 4096,
    layers: 32,
    heads: 32,
    kvHeads: 8,
    headDim: 128,
    intermediateSize: 14336,
    vocabSize: 32768,
    maxPositions: 32768,
    ropeTheta: 1e6,
    rmsNormEps: 1e-5,
    slidingWindow: null,
    tieEmbeddings: false,
    bosId: 1,
    eosIds: [32767],
  },
  tiny: {
    hiddenSize: 256,
    layers: 2,
    heads: 4,
    kvHeads: 2,
    headDim: 64,
    intermediateSize: 512,
    vocabSize: 4096,
    maxPositions: 4096,
    ropeTheta: 1e6,
    rmsNormEps: 1e-5,
    slidingWindow: null,
    tieEmbeddings: false,
    bosId: 1,
    eosIds: [4095],
  },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dir: { type: "string" },
    /** Rows x tokens of a micro batch, @ the GiB that it may take: the peers' peaks; without, the whole card. */
    case: { type: "string", default: "1x512@5.38,16x512@12.46,1x4096@8.57,1x512,16x512,1x4096" },
    steps: { type: "string", default: "8" },
    /** Also the device time of each kernel. */
    profile: { type: "boolean", default: false },
  },
});
const shape = positionals[0] ?? "7b";
const config = SHAPES[shape];
if (!config) throw new Error(`bench:gpu: expected one of ${Object.keys(SHAPES).join(", ")}, got "${shape}"`);

const say = (fields: object) => console.log(JSON.stringify(fields));
const { description, note } = await useDevice("cuda");
const { cuda } = tf.backend() as CudaBackend;
const { driver } = cuda;
const GIB = 2 ** 30;
say({ device: description, note, node: process.version, cublasLt: driver.blas() });

/** Seconds of device time of `work`, the median of `trials` after one that warms up. */
function timed(work: () => void, trials = 7): number {
  work();
  const seconds = Array.from({ length: trials }, () => {
    driver.mark(0);
    work();
    driver.mark(1);
    return driver.elapsed(0, 1) / 1000;
  });
  return seconds.sort((a, b) => a - b)[Math.floor(trials / 2)];
}

function limits(): void {
  const n = shape === "7b" ? 8192 : 256;
  const bytes = shape === "7b" ? 2 ** 31 : 2 ** 20;
  const [a, b, c] = [0, 1, 2].map(() => cuda.allocate([n, n], "bfloat16"));
  const noise = new Uint16Array(n * n);
  const random = new Random(3);
  for (let i = 0; i < noise.length; i++) noise[i] = 0x3c00 + (random.int(2) << 15) + random.int(1024);
  for (const { address } of [a, b]) driver.upload(address, noise);
  const product = timed(() => cuda.gemm(n, n, n, a, { ...b, transposed: true }, c));
  const [from, to] = [cuda.scratch(bytes), cuda.scratch(bytes)];
  const copied = timed(() => driver.copy(to, from, bytes));
  const filled = timed(() => driver.fill(to, 0x3f803f80, bytes / 4));
  cuda.endOp();
  cuda.memory.trim();
  say({
    work: "limits",
    bfloat16Tflops: +((2 * n ** 3) / product / 1e12).toFixed(1),
    copyTBs: +((2 * bytes) / copied / 1e12).toFixed(2),
    fillTBs: +(bytes / filled / 1e12).toFixed(2),
  });
}

/** `count` sequences of `length` random tokens, all trained. */
function batchOf(count: number, length: number): TokenBatch {
  const random = new Random(7);
  const total = count * length;
  const ids = Int32Array.from({ length: total }, () => 3 + random.int(config.vocabSize - 4));
  const labels = Int32Array.from(ids, (_, i) => (i % length === length - 1 ? -100 : ids[i + 1]));
  const positions = Int32Array.from(ids, (_, i) => i % length);
  const cuSeqlens = Int32Array.from({ length: count + 1 }, (_, i) => i * length);
  return { ids, labels, positions, cuSeqlens, trainedTokens: total - count };
}

function newOptimizer(model: MistralModel): AdamW {
  return new AdamW(model.trainableVariables(), { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 });
}

async function training(model: MistralModel, batch: TokenBatch, keeping: readonly Keeping[]) {
  const variables = model.trainableVariables();
  const optimizer = newOptimizer(model);
  cuda.memory.trim();
  cuda.memory.resetPeak();
  const seconds: number[] = [];
  const losses: number[] = [];
  const host: number[] = [];
  const used: number[] = [];
  for (let step = 0; step < Number(values.steps); step++) {
    const start = performance.now();
    const { lossSum, gradients } = microBatchGradients(model, variables, batch, {
      dropoutSeed: step + 1,
      keeping,
    });
    host.push((performance.now() - start) / 1000);
    const [loss] = await lossSum.data<"float32">();
    const norm = await gradientNorm(gradients.values());
    optimizer.step(gradients, 2e-4, Math.min(1, batch.trainedTokens / norm) / batch.trainedTokens);
    driver.synchronize();
    tf.dispose([lossSum, ...gradients.values()]);
    losses.push(loss / batch.trainedTokens);
    used.push(cuda.memory.bytes.used);
    seconds.push((performance.now() - start) / 1000);
  }
  optimizer.dispose();
  const sorted = seconds.slice(2).sort((a, b) => a - b);
  const rate = (i: number) => Math.round(batch.ids.length / sorted[i]);
  return {
    tokensPerSecond: rate(Math.floor(sorted.length / 2)),
    fastest: rate(0),
    slowest: rate(sorted.length - 1),
    queueSeconds: +host[host.length - 1].toFixed(4),
    peakGiB: +(cuda.memory.bytes.peak / GIB).toFixed(2),
    // Of memory in use after a step, from the second step to the last: 0 when nothing is left behind.
    growthBytes: used[used.length - 1] - used[Math.min(1, used.length - 1)],
    firstLoss: +losses[0].toFixed(4),
    lastLoss: +losses[losses.length - 1].toFixed(4),
  };
}

async function decoding(model: MistralModel, tokens: number) {
  const prompt = Array.from({ length: 128 }, (_, i) => 3 + ((i * 37) % 900));
  let start = 0;
  let count = -8;
  for await (const _ of generate(model, prompt, { maxNewTokens: tokens + 8 })) {
    if (++count === 0) start = performance.now();
  }
  return { tokens: count, tokensPerSecond: +((count / (performance.now() - start)) * 1000).toFixed(1) };
}

function oneToken(model: MistralModel): void {
  const cache = new KVCache(config, 8);
  tf.tidy(() => model.logits(model.forwardCached(Int32Array.of(5), cache)));
  cache.dispose();
}

/** A recorded step alone: its device time, without the host; what recording costs; kernels a token. */
function recordedStep(model: MistralModel, past: number) {
  const cache = new KVCache(config, past + 256);
  tf.tidy(() => model.forwardCached(new Int32Array(past).fill(5), cache));
  driver.synchronize();
  const { launch } = cuda;
  const kernels = new Map<string, number>();
  cuda.launch = (kernel, ...rest) => {
    kernels.set(kernel.name, (kernels.get(kernel.name) ?? 0) + 1);
    launch.call(cuda, kernel, ...rest);
  };
  const start = performance.now();
  let step: RecordedStep;
  try {
    step = new RecordedStep(model, cache, 5);
  } finally {
    cuda.launch = launch;
  }
  const recordMs = performance.now() - start;
  const steps = 16;
  const seconds = timed(() => {
    for (let i = 0; i < steps; i++) step.run();
  });
  step.dispose();
  cache.dispose();
  // The work runs once before it is recorded: each kernel was launched twice.
  const perToken = [...kernels].map(([name, count]) => `${name} ${count / 2}`);
  return {
    past,
    msPerToken: +((seconds / steps) * 1000).toFixed(3),
    recordMs: +recordMs.toFixed(1),
    kernels: [...kernels.values()].reduce((a, b) => a + b, 0) / 2,
    perToken,
  };
}

function prefill(model: MistralModel, tokens: number) {
  const ids = Int32Array.from({ length: tokens }, (_, i) => 3 + ((i * 37) % 900));
  const seconds = timed(() => {
    const cache = new KVCache(config, tokens);
    tf.tidy(() => model.forwardCached(ids, cache));
    cache.dispose();
  });
  return { tokens, tokensPerSecond: Math.round(tokens / seconds) };
}

/** Milliseconds of device time by kernel of what `work` queues, each launch waited for; the largest first. */
async function profiled(work: () => unknown): Promise<object> {
  const spent = new Map<string, { ms: number; calls: number }>();
  const { launch, gemm, beside } = cuda;
  const measure = (name: string, call: () => void) => {
    driver.mark(62);
    call();
    driver.mark(63);
    const entry = spent.get(name) ?? { ms: 0, calls: 0 };
    spent.set(name, { ms: entry.ms + driver.elapsed(62, 63), calls: entry.calls + 1 });
  };
  cuda.launch = (kernel, ...rest) => measure(kernel.name, () => launch.call(cuda, kernel, ...rest));
  cuda.beside = (queue) => queue(); // one after another, or nobody's time is its own
  cuda.gemm = (...args) => measure(`gemm ${args.slice(0, 3).join("x")}`, () => gemm.apply(cuda, args));
  try {
    await work();
  } finally {
    Object.assign(cuda, { launch, gemm, beside });
  }
  const rows = [...spent].sort(([, a], [, b]) => b.ms - a.ms);
  const total = rows.reduce((sum, [, { ms }]) => sum + ms, 0);
  const list = rows.map(([name, { ms, calls }]) => `${name} ${ms.toFixed(2)} (${calls})`);
  return { totalMs: +total.toFixed(2), launches: rows.reduce((sum, [, { calls }]) => sum + calls, 0), list };
}

limits();
const dir = values.dir ?? join(tmpdir(), `mistral-lab-bench-${shape}`);
let start = performance.now();
writeRandomCheckpoint(dir, config, "data/models/mini");
say({ work: "write the checkpoint", seconds: +((performance.now() - start) / 1000).toFixed(1) });
start = performance.now();
const quantized = quantize(await loadModel(dir));
driver.synchronize();
say({
  work: "load and quantise",
  seconds: +((performance.now() - start) / 1000).toFixed(2),
  gpuGiB: +(cuda.memory.bytes.used / GIB).toFixed(2),
  hostGiB: +(process.memoryUsage.rss() / GIB).toFixed(2),
});
const model = attachLora(quantized, { r: 8, alpha: 16, dropout: 0.05 });
const attempt = async (fields: object, work: () => unknown) => {
  try {
    say({ ...fields, ...((await work()) as object) });
  } catch (error) {
    say({ ...fields, error: (error as Error).message.slice(0, 300) });
    process.exitCode = 1;
  }
};
await attempt({ work: "decode 1 sequence" }, () => decoding(model, shape === "7b" ? 128 : 8));
await attempt({ work: "recorded step" }, () => recordedStep(model, shape === "7b" ? 256 : 16));
if (values.profile) await attempt({ work: "kernels of 1 token" }, () => profiled(() => oneToken(model)));
await attempt({ work: "prefill 512" }, () => prefill(model, 512));
for (const one of values.case.split(",")) {
  const [size, gib] = one.split("@");
  const [count, length] = size.split("x").map(Number);
  cuda.keepDequantized = false;
  const batch = batchOf(count, length);
  const workload = {
    tokens: batch.ids.length,
    longest: length,
    trainedTokens: batch.trainedTokens,
    accumulates: false,
  };
  const optimizer = newOptimizer(model); // its moments are there before a step is planned
  const room = gib ? Number(gib) * GIB : availableBytes(cuda);
  const plan = choosePlan(cuda, model, workload, room);
  optimizer.dispose();
  const work = `train ${size}, ${gib ? `at most ${gib} GiB` : "whole card"}`;
  if (!plan) {
    say({ work, error: "no plan fits" });
    continue;
  }
  const { keeping, keptCopies } = plan;
  cuda.keepDequantized = keptCopies;
  const predictedGiB = +(plan.peakBytes / GIB).toFixed(2);
  const layers = Object.fromEntries(
    KEEPINGS.map((kept) => [kept, keeping.filter((one) => one === kept).length] as const).filter(
      ([, n]) => n > 0,
    ),
  );
  await attempt({ work, layers, keptCopies, predictedGiB }, () => training(model, batch, keeping));
  if (!values.profile) continue;
  await attempt({ work: `kernels of ${work}` }, () =>
    profiled(() => {
      const options = { dropoutSeed: 1, keeping };
      const result = microBatchGradients(model, model.trainableVariables(), batch, options);
      tf.dispose([result.lossSum, ...result.gradients.values()]);
    }),
  );
}
