// Whole models on the CPU: tokens a second of NF4 + LoRA training and of decoding, beside the same model on plain
// tfjs (wasm with SIMD and threads), on TensorFlow where it is installed (docs/backends.md) and, where `python3` (or PYTHON) has them, transformers + PEFT + bitsandbytes, in the same run:
//   npx tsx bench/model.bench.ts [mini|135m] [--threads N] [--no-tfjs] [--no-peers]
// The 135 M shape has the sizes that a peer's baseline was measured with. Losses of the backends are compared before
// anything is timed. Prints JSON lines; tokens/s are medians of the steps after the first.
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { useDevice } from "../sdk/backend/device.ts";
import { loadAddon } from "../sdk/backend/loadAddon.ts";
import { findTensorflow } from "../sdk/backend/tensorflow.ts";
import type { TokenBatch } from "../sdk/data/batches.ts";
import { Random } from "../sdk/data/random.ts";
import { generate } from "../sdk/generate/generate.ts";
import type { MistralConfig } from "../sdk/model/config.ts";
import { randomModel, saveModel } from "../sdk/model/fullTraining.ts";
import { loadModel } from "../sdk/model/load.ts";
import { attachLora } from "../sdk/model/lora.ts";
import type { MistralModel } from "../sdk/model/mistral.ts";
import { quantize } from "../sdk/model/quantize.ts";
import { Tokenizer } from "../sdk/text/tokenizer.ts";
import { AdamW } from "../sdk/train/optimizer.ts";
import { note } from "./summary.ts";
import { useThreadedWasm } from "./threadedWasm.ts";

const common = { rmsNormEps: 1e-5, slidingWindow: null, tieEmbeddings: true, bosId: 1, eosIds: [2] };
const shapes: Record<string, MistralConfig> = {
  mini: {
    ...common,
    hiddenSize: 256,
    layers: 4,
    heads: 8,
    kvHeads: 4,
    headDim: 32,
    intermediateSize: 640,
    vocabSize: 4096,
    maxPositions: 1024,
    ropeTheta: 1e4,
  },
  "135m": {
    ...common,
    hiddenSize: 576,
    layers: 30,
    heads: 9,
    kvHeads: 3,
    headDim: 64,
    intermediateSize: 1536,
    vocabSize: 49152,
    maxPositions: 2048,
    ropeTheta: 1e5,
  },
};

/** What every program of a run gets. */
const threadCount = () => loadAddon()?.info().threads ?? 1;

/** `count` sequences of `length` random tokens, all trained. */
function batchOf(config: MistralConfig, count: number, length: number): TokenBatch {
  const random = new Random(7);
  const total = count * length;
  const ids = Int32Array.from({ length: total }, () => 3 + random.int(config.vocabSize - 3));
  const labels = Int32Array.from(ids, (_, i) => (i % length === length - 1 ? -100 : ids[i + 1]));
  const positions = Int32Array.from(ids, (_, i) => i % length);
  const cuSeqlens = Int32Array.from({ length: count + 1 }, (_, i) => i * length);
  return { ids, labels, positions, cuSeqlens, trainedTokens: total - count };
}

async function trainingRate(model: MistralModel, batch: TokenBatch, steps: number, checkpointing: boolean) {
  const variables = [...model.trainableVariables().values()];
  const optimizer = new AdamW(model.trainableVariables(), {
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    weightDecay: 0.01,
  });
  const seconds: number[] = [];
  let loss = 0;
  for (let step = 0; step < steps; step++) {
    const start = performance.now();
    const { value, grads } = tf.variableGrads(
      () => model.loss(batch, { keeping: checkpointing ? "input" : "all", dropoutSeed: step + 1 }).lossSum,
      variables,
    );
    const byName = new Map([...model.trainableVariables()].map(([name, v]) => [name, grads[v.name]]));
    optimizer.step(byName, 2e-4, 1 / batch.trainedTokens);
    if (step === 0) loss = (await value.data())[0] / batch.trainedTokens;
    else await value.data();
    tf.dispose([value, ...Object.values(grads)]);
    seconds.push((performance.now() - start) / 1000);
  }
  optimizer.dispose();
  const timed = seconds.slice(1).sort((a, b) => a - b);
  const at = (share: number) => Math.round(batch.ids.length / timed[Math.floor(share * (timed.length - 1))]);
  return { loss, tokensPerSecond: at(0.5), fastest: at(0), slowest: at(1) };
}

async function decodingRate(model: MistralModel, tokens: number) {
  const prompt = Array.from({ length: 32 }, (_, i) => 3 + ((i * 37) % 900));
  let start = performance.now();
  let count = -4;
  for await (const _ of generate(model, prompt, { maxNewTokens: tokens + 4 })) {
    if (++count === 0) start = performance.now();
  }
  return { tokens: count, tokensPerSecond: +((count / (performance.now() - start)) * 1000).toFixed(1) };
}

/** The same random frozen weights on every backend: made once, on disk. */
async function frozenModel(dir: string): Promise<MistralModel> {
  return attachLora(quantize(await loadModel(dir)), { r: 8, alpha: 16, dropout: 0.05 });
}

const CASES: [count: number, length: number][] = [
  [1, 512],
  [4, 256],
];

/** What plain tfjs trains of the 135 M shape in a tolerable time. */
const SMALL_CASE: [count: number, length: number] = [1, 64];

/** Tokens a second of this package, by work. */
type Rates = Map<string, number>;

/** The peers train the same batches from the same checkpoint; a line says why where they are not there. */
function measurePeers(name: string, config: MistralConfig, dir: string, losses: number[], own: Rates): void {
  const python = process.env.PYTHON ?? "python3";
  const imports = ["-c", "import torch, transformers, peft, bitsandbytes"];
  const trial = spawnSync(python, imports, { encoding: "utf8" });
  if (trial.status !== 0) {
    const why = trial.error?.message ?? trial.stderr.trim().split("\n").at(-1);
    say({ model: name, work: "peers", skipped: `${python}: ${why}` });
    return;
  }
  const batches = join(dir, "batches.json");
  const cases = CASES.map(([rows, length]) => ({
    rows,
    length,
    ids: [...batchOf(config, rows, length).ids],
  }));
  writeFileSync(batches, JSON.stringify({ cases, tokens: 48 }));
  const run = spawnSync(python, ["bench/peers/loraCpu.py", dir, batches, String(threadCount())], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (run.status !== 0) throw new Error("bench/peers/loraCpu.py failed");
  const lines = run.stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as { work: string; tokensPerSecond: number; loss?: number });
  for (const line of lines) {
    say({ model: name, ...line });
    const aim = line.work === "decode" ? 5 : 2;
    const peer = "transformers + PEFT + bitsandbytes";
    const ours = own.get(line.work) ?? 0;
    // The aims are for the 135 M shape.
    noteRate(`${name}, ${line.work}`, ours, peer, line.tokensPerSecond, name === "135m" ? aim : undefined);
  }
  // The same weights and tokens: bfloat16 and quantised twice there, so a loss of 11 is off by some thousandths.
  const off = Math.abs((lines[0]?.loss ?? Number.NaN) - losses[0]);
  if (!(off < 0.05))
    throw new Error(`the peers start at loss ${lines[0]?.loss}, this package at ${losses[0]}`);
}

/** `aim`: how many times the peer's rate is wanted; absent: only shown. */
function noteRate(what: string, ours: number, peer: string, rate: number, aim?: number): void {
  note({
    what: `${what}, ${threadCount()} threads`,
    value: `${ours} tokens/s`,
    beside: `${peer}: ${rate}`,
    ratio: ours / rate,
    aim,
  });
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string" },
    "no-tfjs": { type: "boolean", default: false },
    "no-peers": { type: "boolean", default: false },
  },
});
const say = (fields: object) => console.log(JSON.stringify(fields));
const names = positionals.length > 0 ? positionals : ["mini", "135m"];
const tokenizer = await Tokenizer.load("data/models/mini");
for (const name of names) {
  const config = shapes[name];
  if (!config) throw new Error(`model bench: expected ${Object.keys(shapes).join(" or ")}, got "${name}"`);
  // A random model never says its EOS by itself often; the rate is over what it says.
  const base = { ...config, eosIds: [config.vocabSize - 1] };
  const dir = join(mkdtempSync(join(tmpdir(), "mistral-lab-bench-")), name);
  await useDevice("native");
  const made = randomModel(base, tokenizer);
  saveModel(made, dir);
  made.dispose();
  const model = await frozenModel(dir);
  const losses: number[] = [];
  const small = name === "mini" ? CASES[0] : SMALL_CASE;
  const cases = [...new Set([...CASES, ...(values["no-tfjs"] ? [] : [small])])];
  // In bfloat16, as the peers compute and as the command line trains.
  const own: Rates = new Map();
  for (const compute of ["float32", "bfloat16"] as const) {
    const { description } = await useDevice("native", { compute });
    if (values.threads) loadAddon()?.setThreads(Number(values.threads));
    for (const [count, length] of cases) {
      const rate = await trainingRate(model, batchOf(base, count, length), name === "mini" ? 12 : 4, false);
      losses.push(rate.loss);
      own.set(`train ${count}x${length}`, rate.tokensPerSecond);
      say({ model: name, work: `train ${count}x${length}`, device: description, ...rate });
    }
    if (compute === "float32") {
      const rate = await decodingRate(model, 64);
      own.set("decode", rate.tokensPerSecond);
      say({ model: name, work: "decode", device: description, ...rate });
    }
  }
  model.dispose();
  if (!values["no-peers"]) measurePeers(name, base, dir, losses, own);
  if (values["no-tfjs"]) {
    rmSync(dir, { recursive: true });
    continue;
  }
  // TensorFlow multiplies fast enough for the same cases at every size.
  for (const place of ["wasm", ...(findTensorflow().length > 0 ? ["tensorflow" as const] : [])]) {
    let device = `plain tfjs, wasm with SIMD, ${threadCount()} threads`;
    if (place === "tensorflow") device = (await useDevice(place)).description;
    else await useThreadedWasm(threadCount());
    const plain = await frozenModel(dir);
    const [count, length] = place === "tensorflow" ? CASES[0] : small;
    const rate = await trainingRate(plain, batchOf(base, count, length), 3, false);
    if (length === 512 && !(Math.abs(rate.loss - losses[0]) < 1e-3)) {
      throw new Error(`the backends disagree: loss ${losses[0]} on native, ${rate.loss} on ${place}`);
    }
    say({ model: name, work: `train ${count}x${length}`, device, ...rate });
    const aim = place === "wasm" ? 10 : undefined;
    const ours = (work: string) => own.get(work) ?? 0;
    const train = `train ${count}x${length}`;
    noteRate(`${name}, ${train}`, ours(train), device, rate.tokensPerSecond, aim);
    const decoded = await decodingRate(plain, place === "tensorflow" ? 32 : 4);
    const rss = process.resourceUsage().maxRSS;
    say({ model: name, work: "decode", device, ...decoded, peakGB: +(rss / 1e6).toFixed(2) });
    noteRate(`${name}, decode`, ours("decode"), device, decoded.tokensPerSecond);
    plain.dispose();
  }
  rmSync(dir, { recursive: true });
}
process.exit(); // wasm workers would keep the process alive
