/** The measurements of bench/gpu.ts on the active GPU. Rates are medians; the fastest and the slowest trial stand beside. */
import * as tf from "@tensorflow/tfjs";
import type { CudaBackend } from "../../sdk/backend/cuda/backend.ts";
import type { TokenBatch } from "../../sdk/data/batches.ts";
import { Random } from "../../sdk/data/random.ts";
import { generate } from "../../sdk/generate/generate.ts";
import { RecordedStep } from "../../sdk/generate/recordedStep.ts";
import type { Keeping } from "../../sdk/model/keeping.ts";
import { KVCache } from "../../sdk/model/kvCache.ts";
import { PROJECTIONS } from "../../sdk/model/layers.ts";
import type { MistralModel } from "../../sdk/model/mistral.ts";
import { weightBytes } from "../../sdk/model/quantize.ts";
import { gradientNorm } from "../../sdk/ops/gradientNorm.ts";
import { microBatchGradients } from "../../sdk/train/gradients.ts";
import { AdamW } from "../../sdk/train/optimizer.ts";
import { median } from "../median.ts";

export const GIB = 2 ** 30;
/** Steps that are not counted. */
const WARM_UP = 8;

/** Multiply-adds of all products with weights for one token, forward. */
function multiplyAdds({ weights: { layers, head } }: MistralModel): number {
  const matrices = [head, ...layers.flatMap((layer) => PROJECTIONS.map((name) => layer[name].weight))];
  return matrices.reduce((sum, { shape: [out, inn] }) => sum + out * inn, 0);
}

/** Of trials that took so many seconds for `tokens` each. */
function rates(tokens: number, seconds: readonly number[]) {
  const rate = (each: number) => +(tokens / each).toFixed(1);
  return {
    tokensPerSecond: rate(median(seconds)),
    fastest: rate(Math.min(...seconds)),
    slowest: rate(Math.max(...seconds)),
  };
}

export class Measurements {
  private readonly cuda: CudaBackend["cuda"];
  private readonly driver: CudaBackend["cuda"]["driver"];

  constructor() {
    this.cuda = (tf.backend() as CudaBackend).cuda;
    this.driver = this.cuda.driver;
  }

  /** Seconds of device time of `work`, of each of `trials` after one that warms up. */
  private trials(work: () => void, trials = 7): number[] {
    work();
    return Array.from({ length: trials }, () => {
      this.driver.mark(0);
      work();
      this.driver.mark(1);
      return this.driver.elapsed(0, 1) / 1000;
    });
  }

  private timed(work: () => void): number {
    return median(this.trials(work));
  }

  /** What the card does at best: a large bfloat16 product, a large copy, a large fill. */
  limits(large: boolean) {
    const n = large ? 8192 : 256;
    const bytes = large ? 2 ** 31 : 2 ** 20;
    const [a, b, c] = [0, 1, 2].map(() => this.cuda.allocate([n, n], "bfloat16"));
    const noise = new Uint16Array(n * n);
    const random = new Random(3);
    for (let i = 0; i < noise.length; i++) noise[i] = 0x3c00 + (random.int(2) << 15) + random.int(1024);
    for (const { address } of [a, b]) this.driver.upload(address, noise);
    const product = this.timed(() => this.cuda.gemm(n, n, n, a, { ...b, transposed: true }, c));
    const [from, to] = [this.cuda.scratch(bytes), this.cuda.scratch(bytes)];
    const copied = this.timed(() => this.driver.copy(to, from, bytes));
    const filled = this.timed(() => this.driver.fill(to, 0x3f803f80, bytes / 4));
    this.cuda.endOp();
    this.cuda.memory.trim();
    return {
      bfloat16Tflops: +((2 * n ** 3) / product / 1e12).toFixed(1),
      copyTBs: +((2 * bytes) / copied / 1e12).toFixed(2),
      fillTBs: +(bytes / filled / 1e12).toFixed(2),
    };
  }

  newOptimizer(model: MistralModel): AdamW {
    return new AdamW(model.trainableVariables(), { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 });
  }

  /** @param isOver asked after each step: true ends the training early */
  async training(
    model: MistralModel,
    batch: TokenBatch,
    keeping: readonly Keeping[],
    steps: number,
    isOver: () => boolean,
  ) {
    const variables = model.trainableVariables();
    const optimizer = this.newOptimizer(model);
    this.cuda.memory.trim();
    this.cuda.memory.resetPeak();
    const seconds: number[] = [];
    const losses: number[] = [];
    const host: number[] = [];
    const used: number[] = [];
    for (let step = 0; step < steps; step++) {
      const start = performance.now();
      const { lossSum, gradients } = microBatchGradients(model, variables, batch, {
        dropoutSeed: step + 1,
        keeping,
      });
      host.push((performance.now() - start) / 1000);
      const [loss] = await lossSum.data<"float32">();
      const norm = await gradientNorm(gradients.values());
      optimizer.step(gradients, 2e-4, Math.min(1, batch.trainedTokens / norm) / batch.trainedTokens);
      this.driver.synchronize();
      tf.dispose([lossSum, ...gradients.values()]);
      losses.push(loss / batch.trainedTokens);
      used.push(this.cuda.memory.bytes.used);
      seconds.push((performance.now() - start) / 1000);
      if (isOver()) break;
    }
    optimizer.dispose();
    const counted = seconds.slice(Math.min(WARM_UP, seconds.length - 1));
    return {
      steps: seconds.length,
      ...rates(batch.ids.length, counted),
      // Products with weights, forward and backward, each once: what is made again does not count.
      tflops: +((4 * multiplyAdds(model) * batch.ids.length) / median(counted) / 1e12).toFixed(0),
      queueSeconds: +host[host.length - 1].toFixed(4),
      peakGiB: +(this.cuda.memory.bytes.peak / GIB).toFixed(2),
      // Of memory in use after a step, from the second step to the last: 0 when nothing is left behind.
      growthBytes: used[used.length - 1] - used[Math.min(1, used.length - 1)],
      firstLoss: +losses[0].toFixed(4),
      lastLoss: +losses[losses.length - 1].toFixed(4),
    };
  }

  /** `generate` after a prompt of 128 tokens, without its first eight; five times. */
  async decoding(model: MistralModel, tokens: number) {
    const prompt = Array.from({ length: 128 }, (_, i) => 3 + ((i * 37) % 900));
    const perToken: number[] = [];
    for (let trial = 0; trial < 5; trial++) {
      let start = 0;
      let count = -8;
      for await (const _ of generate(model, prompt, { maxNewTokens: tokens + 8 })) {
        if (++count === 0) start = performance.now();
      }
      // A model of random weights may end before its time.
      if (count > 0) perToken.push((performance.now() - start) / 1000 / count);
    }
    if (perToken.length === 0) throw new Error("the model ended each answer within eight tokens");
    return { tokens, trials: perToken.length, ...rates(1, perToken) };
  }

  oneToken(model: MistralModel): void {
    const cache = new KVCache(model.config, 8);
    tf.tidy(() => model.logits(model.forwardCached(Int32Array.of(5), cache)));
    cache.dispose();
  }

  /** A recorded step alone: its device time, without the host; what recording costs; kernels a token. */
  recordedStep(model: MistralModel, past: number) {
    const cache = new KVCache(model.config, past + 256);
    tf.tidy(() => model.forwardCached(new Int32Array(past).fill(5), cache));
    this.driver.synchronize();
    const { launch } = this.cuda;
    const kernels = new Map<string, number>();
    this.cuda.launch = (kernel, ...rest) => {
      kernels.set(kernel.name, (kernels.get(kernel.name) ?? 0) + 1);
      launch.call(this.cuda, kernel, ...rest);
    };
    const start = performance.now();
    let step: RecordedStep;
    try {
      step = new RecordedStep(model, cache, 5);
    } finally {
      this.cuda.launch = launch;
    }
    const recordMs = performance.now() - start;
    const steps = 16;
    const seconds = this.trials(() => {
      for (let i = 0; i < steps; i++) step.run();
    });
    const each = median(seconds) / steps;
    step.dispose();
    cache.dispose();
    // The work runs once before it is recorded: each kernel was launched twice.
    const perToken = [...kernels].map(([name, count]) => `${name} ${count / 2}`);
    return {
      past,
      ...rates(steps, seconds),
      // Each weight is read once.
      weightTBs: +(weightBytes(model).bytes / each / 1e12).toFixed(2),
      msPerToken: +(each * 1000).toFixed(3),
      recordMs: +recordMs.toFixed(1),
      kernels: [...kernels.values()].reduce((a, b) => a + b, 0) / 2,
      perToken,
    };
  }

  prefill(model: MistralModel, tokens: number) {
    const ids = Int32Array.from({ length: tokens }, (_, i) => 3 + ((i * 37) % 900));
    const seconds = this.trials(() => {
      const cache = new KVCache(model.config, tokens);
      tf.tidy(() => model.forwardCached(ids, cache));
      cache.dispose();
    });
    return {
      tokens,
      ...rates(tokens, seconds),
      tflops: +((2 * multiplyAdds(model) * tokens) / median(seconds) / 1e12).toFixed(0),
    };
  }

  /** Milliseconds of device time by kernel of what `work` queues, each launch waited for; the largest first. */
  async profiled(work: () => unknown): Promise<object> {
    const spent = new Map<string, { ms: number; calls: number }>();
    const { launch, gemm, beside } = this.cuda;
    const measure = (name: string, call: () => void) => {
      this.driver.mark(62);
      call();
      this.driver.mark(63);
      const entry = spent.get(name) ?? { ms: 0, calls: 0 };
      spent.set(name, { ms: entry.ms + this.driver.elapsed(62, 63), calls: entry.calls + 1 });
    };
    this.cuda.launch = (kernel, ...rest) =>
      measure(kernel.name, () => launch.call(this.cuda, kernel, ...rest));
    this.cuda.beside = (queue) => queue(); // one after another, or nobody's time is its own
    this.cuda.gemm = (...args) =>
      measure(`gemm ${args.slice(0, 3).join("x")}`, () => gemm.apply(this.cuda, args));
    try {
      await work();
    } finally {
      Object.assign(this.cuda, { launch, gemm, beside });
    }
    const rows = [...spent].sort(([, a], [, b]) => b.ms - a.ms);
    const total = rows.reduce((sum, [, { ms }]) => sum + ms, 0);
    const list = rows.map(([name, { ms, calls }]) => `${name} ${ms.toFixed(2)} (${calls})`);
    return {
      totalMs: +total.toFixed(2),
      launches: rows.reduce((sum, [, { calls }]) => sum + calls, 0),
      list,
    };
  }
}
