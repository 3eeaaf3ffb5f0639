// `npx tsx bench/decode.bench.ts [layers] [--profile]`: decoding one sequence on a GPU with Mistral-7B's shape and random
// 4-bit weights made in GPU memory: no checkpoint is written. Checks a layer's launches against the ops that they stand
// for, then prints as JSON lines: the rate of a large copy, and of one token the time, the bytes that it must read, and
// the share of the copy's rate. `layers` scales the model (default 32).
import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs";
import type { CudaBackend } from "../sdk/backend/cuda/backend.ts";
import { useDevice } from "../sdk/backend/device.ts";
import { Random } from "../sdk/data/random.ts";
import { generate } from "../sdk/generate/generate.ts";
import { RecordedStep } from "../sdk/generate/recordedStep.ts";
import { projectionShapes } from "../sdk/model/baseWeights.ts";
import type { MistralConfig } from "../sdk/model/config.ts";
import { KVCache } from "../sdk/model/kvCache.ts";
import { type Layer, PROJECTIONS } from "../sdk/model/layers.ts";
import { attachLora } from "../sdk/model/lora.ts";
import { MistralModel } from "../sdk/model/mistral.ts";
import { linears } from "../sdk/ops/linear.ts";
import { normLinears } from "../sdk/ops/normLinears.ts";
import { rmsNorm } from "../sdk/ops/rmsNorm.ts";
import { Tokenizer } from "../sdk/text/tokenizer.ts";
import { DeviceNF4Weight, quantizeOnDevice } from "../sdk/weights/deviceWeight.ts";
import { DenseWeight } from "../sdk/weights/weight.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { profile: { type: "boolean", default: false } },
});
const config: MistralConfig = {
  ...{ hiddenSize: 4096, layers: Number(positionals[0] ?? 32), heads: 32, kvHeads: 8, headDim: 128 },
  ...{ intermediateSize: 14336, vocabSize: 32768, maxPositions: 32768, ropeTheta: 1e6, rmsNormEps: 1e-5 },
  ...{ slidingWindow: null, tieEmbeddings: false, bosId: 1, eosIds: [32767] },
};
const say = (fields: object) => console.log(JSON.stringify(fields));
const { description } = await useDevice("cuda");
const backend = tf.backend() as CudaBackend;
const { cuda } = backend;
const { driver } = cuda;
say({ device: description, node: process.version, layers: config.layers });

/** Seconds of device time of `work`: the median of nine, the fastest and the slowest. */
function timed(work: () => void) {
  work();
  const seconds = Array.from({ length: 9 }, () => {
    driver.mark(0);
    work();
    driver.mark(1);
    return driver.elapsed(0, 1) / 1000;
  }).sort((a, b) => a - b);
  return { median: seconds[4], fastest: seconds[0], slowest: seconds[8] };
}

/** Normal bfloat16 bits with deviation 0.02, from a short stream at an offset that is never used twice. */
const random = new Random(1);
const stream = Float32Array.from({ length: 2 ** 20 + 64 }, () => random.normal() * 0.02);
const bits = new Uint16Array(new Uint32Array(stream.buffer).map((word) => word >>> 16));
function noise(length: number, seed: number): Uint16Array {
  const data = new Uint16Array(length);
  for (let done = 0, at = (seed * 7919) % 2 ** 20; done < length; at = 0) {
    const part = bits.subarray(at, Math.min(bits.length, at + length - done));
    data.set(part, done);
    done += part.length;
  }
  return data;
}

async function makeModel(): Promise<MistralModel> {
  const { hiddenSize, intermediateSize, vocabSize } = config;
  const shapes = projectionShapes(config);
  const size = intermediateSize * hiddenSize;
  const address = cuda.scratch(2 * (size + 8 * 7 * config.layers));
  driver.upload(address, noise(size + 8 * 7 * config.layers, 1));
  let made = 0;
  const quantized = (shape: [number, number]) => ({
    weight: new DeviceNF4Weight(
      cuda,
      quantizeOnDevice(cuda, { address: address + 16 * made++, storage: "bfloat16" }, shape),
    ),
  });
  const ones = () => tf.ones([hiddenSize]) as tf.Tensor1D;
  const layers = Array.from({ length: config.layers }, (): Layer => {
    const projections = Object.fromEntries(PROJECTIONS.map((name) => [name, quantized(shapes[name])]));
    return { ...(projections as unknown as Layer), inputNorm: ones(), postAttentionNorm: ones() };
  });
  cuda.endOp();
  const dense = (seed: number) =>
    new DenseWeight([vocabSize, hiddenSize], noise(vocabSize * hiddenSize, seed));
  const weights = { embedding: dense(2), layers, norm: ones(), head: dense(3) };
  return new MistralModel(config, weights, await Tokenizer.load("data/models/mini"), "random");
}

/** Worst difference of the first layer's q, k, v from the ops after each other, in deviations of the values. */
function check(model: MistralModel): number {
  return tf.tidy(() => {
    const layer = model.weights.layers[0];
    const x = tf.randomNormal([1, config.hiddenSize], 0, 1, "float32", 5) as tf.Tensor2D;
    const norm = { gamma: layer.inputNorm, eps: config.rmsNormEps };
    const group = [layer.q_proj, layer.k_proj, layer.v_proj].map(({ weight, lora }) => ({
      weight,
      lora: lora && { a: lora.a, b: lora.b, scale: 2 },
    }));
    const got = normLinears(x, norm, group);
    const want = linears(rmsNorm(x, norm.gamma, norm.eps), group);
    return Math.max(
      ...got.map((y, i) => {
        const [a, b] = [y.dataSync<"float32">(), want[i].dataSync<"float32">()];
        const deviation = Math.sqrt(b.reduce((sum, v) => sum + v * v, 0) / b.length);
        return a.reduce((worst, v, k) => Math.max(worst, Math.abs(v - b[k]) / deviation), 0);
      }),
    );
  });
}

/** Relative error of the first layer's launch for one token, beside the ops after each other, which take two. */
function checkLayer({ weights, tokenizer }: MistralModel): number {
  const one = { ...config, layers: 1 };
  const first = new MistralModel(
    one,
    { ...weights, layers: weights.layers.slice(0, 1) },
    tokenizer,
    "random",
  );
  const ids = Int32Array.from({ length: 300 }, (_, i) => (7919 * i) % config.vocabSize);
  const last = (...lengths: [before: number, own: number]) => {
    const cache = new KVCache(one, ids.length);
    const [before, own] = lengths;
    first.forwardCached(ids.slice(0, before), cache);
    const y = first.forwardCached(ids.slice(before, before + own), cache);
    cache.dispose();
    return y.slice([y.shape[0] - 1, 0], [1, -1]).dataSync<"float32">();
  };
  return tf.tidy(() => {
    const [got, want] = [last(299, 1), last(298, 2)];
    const norm = (v: Float32Array) => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
    return norm(got.map((v, i) => v - want[i])) / norm(want);
  });
}

const copyBytes = 2 ** 31;
const [from, to] = [cuda.scratch(copyBytes), cuda.scratch(copyBytes)];
const copied = timed(() => driver.copy(to, from, copyBytes));
cuda.endOp();
cuda.memory.trim();
const limit = (2 * copyBytes) / copied.median;
say({ work: "copy", tbs: +(limit / 1e12).toFixed(2) });

const base = await makeModel();
const model = attachLora(base, { r: 8, alpha: 16 });
const worst = check(model);
say({ work: "check", worstDifference: +worst.toFixed(4) });
// Both roundings of a y of four deviations to 8 bits are off by up to 2^-7 of a deviation, and h is rounded elsewhere.
if (!(worst < 0.04)) throw new Error(`decode: expected a difference below 0.04, got ${worst}`);
const error = checkLayer(model);
say({ work: "check of a layer", relativeError: +error.toFixed(5) });
// Two chains of about ten roundings to 8 bits.
if (!(error < 0.02)) throw new Error(`decode: expected a relative error below 0.02, got ${error}`);

/** W, its scales, and the head, once a token. */
const weightBytes = model.weights.layers
  .flatMap((layer) => PROJECTIONS.map((name) => layer[name].weight.shape))
  .reduce(
    (sum, [out, inn]) => sum + out * inn * (1 / 2 + 1 / 64 + 4 / 16384),
    2 * config.hiddenSize * config.vocabSize,
  );

function fill(cache: KVCache, past: number): void {
  for (let done = 0; done < past; done += 8)
    tf.tidy(() => model.forwardCached(new Int32Array(Math.min(8, past - done)).fill(5), cache));
}
for (const past of [256, 4096]) {
  const cache = new KVCache(config, past + 512);
  fill(cache, past);
  const step = new RecordedStep(model, cache, 5);
  const steps = 32;
  const time = timed(() => {
    for (let i = 0; i < steps; i++) step.run();
  });
  const bytes = weightBytes + 4 * past * config.kvHeads * config.headDim * config.layers;
  const rate = (seconds: number) => +(steps / seconds).toFixed(1);
  say({
    ...{ work: "token", past, ms: +((time.median / steps) * 1000).toFixed(3) },
    ...{ tokensPerSecond: rate(time.median), fastest: rate(time.fastest), slowest: rate(time.slowest) },
    ...{ gigabytes: +(bytes / 1e9).toFixed(3), tbs: +((bytes * steps) / time.median / 1e12).toFixed(2) },
    share: +((bytes * steps) / time.median / limit).toFixed(3),
  });
  step.dispose();
  cache.dispose();
}

for (const sampling of [{}, { temperature: 0.8, topK: 50, topP: 0.95, repetitionPenalty: 1.1 }]) {
  const rates: number[] = [];
  while (rates.length < 5) {
    let [start, count] = [0, -16];
    for await (const _ of generate(model, [1, 5, 6, 7], { ...sampling, maxNewTokens: 208 }))
      if (++count === 0) start = performance.now();
    rates.push(+(count / ((performance.now() - start) / 1000)).toFixed(1));
  }
  const [slowest, , tokensPerSecond, , fastest] = [...rates].sort((a, b) => a - b);
  say({ work: "generate", ...sampling, tokens: 192, tokensPerSecond, fastest, slowest, rates });
}

if (values.profile) {
  const spent = new Map<string, [ms: number, calls: number]>();
  const { launch } = cuda;
  const cache = new KVCache(config, 300);
  fill(cache, 256);
  cuda.launch = (kernel, ...rest) => {
    driver.mark(62);
    launch.call(cuda, kernel, ...rest);
    driver.mark(63);
    const [ms, calls] = spent.get(kernel.name) ?? [0, 0];
    spent.set(kernel.name, [ms + driver.elapsed(62, 63), calls + 1]);
  };
  try {
    tf.tidy(() => model.logits(model.forwardCached(Int32Array.of(5), cache)));
  } finally {
    cuda.launch = launch;
  }
  const list = [...spent].sort(([, a], [, b]) => b[0] - a[0]);
  say({
    work: "kernels, each waited for",
    list: list.map(([name, [ms, n]]) => `${name} ${ms.toFixed(3)} (${n})`),
  });
}
