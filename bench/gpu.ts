// `npm run bench:gpu [-- 7b|4x4096|tiny] [--dir FOLDER] [--case 1x512@5.38,16x512]`: a model of random weights in
// Mistral-7B's shape on the GPU, NF4 with double quantisation and LoRA r 8: load and quantise, train, prefill, decode,
// beside the limits of the same card, and beside the peers that are installed (bench/gpu/peers.ts), all in one run.
// Every kernel is checked before the first measurement, and the peers' first losses are compared with ours. Prints JSON
// lines, then a table. FOLDER (14.5 GB) is written at the first run.
// `--curve 100` trains so many steps beside transformers + PEFT + bitsandbytes instead, and fails beyond 1 %.
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs";
import type { CudaBackend } from "../sdk/backend/cuda/backend.ts";
import { useDevice } from "../sdk/backend/device.ts";
import { packageRoot } from "../sdk/backend/packageRoot.ts";
import { KEEPINGS } from "../sdk/model/keeping.ts";
import { loadModel } from "../sdk/model/load.ts";
import { attachLora } from "../sdk/model/lora.ts";
import { quantize } from "../sdk/model/quantize.ts";
import { checkOps } from "../sdk/ops/check.ts";
import { availableBytes, choosePlan } from "../sdk/train/gpuMemory.ts";
import { microBatchGradients } from "../sdk/train/gradients.ts";
import { batchOf } from "./gpu/batch.ts";
import { compareCurves } from "./gpu/curve.ts";
import { GIB, Measurements } from "./gpu/measure.ts";
import { measureLlamaCpp, measureQlora, type PeerLine, qloraVersions } from "./gpu/peers.ts";
import { SHAPES } from "./gpu/shapes.ts";
import { table } from "./gpu/table.ts";
import { writeRandomCheckpoint } from "./randomCheckpoint.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dir: { type: "string" },
    /** Rows x tokens of a micro batch, @ the GiB that it may take: the peers' peaks; without, the whole card. */
    case: { type: "string", default: "1x512@5.38,16x512@12.46,1x4096@8.57,1x512,16x512,1x4096" },
    /** Of each training; the first eight warm up the card, the allocator and the host's compiler. */
    steps: { type: "string", default: "24" },
    /** Also the device time of each kernel. */
    profile: { type: "boolean", default: false },
    /** Without the other programs. */
    alone: { type: "boolean", default: false },
    /** Only the comparison of so many training steps. */
    curve: { type: "string" },
  },
});
const shape = positionals[0] ?? (values.curve ? "4x4096" : "7b");
const config = SHAPES[shape];
if (!config) throw new Error(`bench:gpu: expected one of ${Object.keys(SHAPES).join(", ")}, got "${shape}"`);
const dir = values.dir ?? join(tmpdir(), `mistral-lab-bench-${shape}`);
const steps = Number(values.steps);

const lines: PeerLine[] = [];
const say = (fields: PeerLine) => {
  lines.push(fields);
  console.log(JSON.stringify(fields));
};
const attempt = async (fields: PeerLine, work: () => unknown) => {
  try {
    say({ ...fields, ...((await work()) as object) });
  } catch (error) {
    say({ ...fields, error: (error as Error).message.slice(0, 300) });
    process.exitCode = 1;
  }
};

function commit(): string {
  try {
    const options = { cwd: packageRoot(), encoding: "utf8", stdio: "pipe" } as const;
    return execFileSync("git", ["describe", "--always", "--dirty"], options).trim();
  } catch {
    return "unknown";
  }
}

const { description, note } = await useDevice("cuda");
const { cuda } = tf.backend() as CudaBackend;
const { driver } = cuda;
const peers = values.alone ? { problem: "left out" } : qloraVersions();
const { driver: driverVersion } = cuda.device;
say({
  ...{ work: "machine", device: description, note, driver: driverVersion, cublasLt: driver.blas() },
  ...{ node: process.version, commit: commit(), peers: peers.versions ?? peers.problem },
});

async function comparison(): Promise<void> {
  const result = await compareCurves(config, dir, 512, Number(values.curve));
  say({ work: "training beside transformers + PEFT + bitsandbytes", shape, ...result });
  if (!(result.relativeDifference < 0.01)) {
    throw new Error(
      `bench:gpu: the ends differ by ${(100 * result.relativeDifference).toFixed(2)} %, expected less than 1`,
    );
  }
}

/** One line a peer's result; ours and theirs began with the same weights and tokens, so with the same loss. */
function measurePeers(cases: readonly string[]): void {
  if (values.alone) return;
  const llama = measureLlamaCpp();
  for (const line of llama.lines) say({ peer: "llama.cpp", ...line });
  if (llama.problem) say({ peer: "llama.cpp", problem: llama.problem });
  if (!peers.versions) return;
  const plan = cases.map((name) => {
    const [rows, length] = name.split("x").map(Number);
    return { name, rows, length, ids: [...batchOf(config.vocabSize, rows, length).ids] };
  });
  const { lines: theirs, problem } = measureQlora(dir, { learningRate: 2e-4, steps, cases: plan });
  for (const line of theirs) say({ peer: "transformers + PEFT + bitsandbytes", ...line });
  if (problem) say({ peer: "transformers + PEFT + bitsandbytes", problem });
  const first = (all: readonly PeerLine[]) =>
    all.find(({ work }) => work?.startsWith("train "))?.firstLoss as number;
  const [ours, other] = [first(lines.filter(({ peer }) => !peer)), first(theirs)];
  // Both round to bfloat16 on the way: a few in a thousand at most.
  if (!(Math.abs(ours - other) < 0.01 * other)) {
    say({ work: "check of the first loss", error: `ours ${ours}, theirs ${other}` });
    process.exitCode = 1;
  }
}

async function measureAll(): Promise<void> {
  const measure = new Measurements();
  for await (const { op, ok, errors, problem } of checkOps()) {
    if (!ok) throw new Error(`bench:gpu: ${op} is wrong on this GPU: ${problem ?? JSON.stringify(errors)}`);
  }
  say({ work: "limits", ...measure.limits(shape !== "tiny") });
  writeRandomCheckpoint(dir, config, join(packageRoot(), "data/models/mini"));
  const start = performance.now();
  const quantized = quantize(await loadModel(dir));
  driver.synchronize();
  say({
    work: "load and quantise",
    seconds: +((performance.now() - start) / 1000).toFixed(2),
    gpuGiB: +(cuda.memory.bytes.used / GIB).toFixed(2),
    hostGiB: +(process.memoryUsage.rss() / GIB).toFixed(2),
  });
  const model = attachLora(quantized, { r: 8, alpha: 16, dropout: 0.05 });
  const cases = values.case.split(",").filter((one) => one !== "");
  // Training first: its first loss is that of an adapter at its start, as the peers'.
  for (const one of cases) {
    const [size, gib] = one.split("@");
    const [count, length] = size.split("x").map(Number);
    cuda.keepDequantized = false;
    const batch = batchOf(config.vocabSize, count, length);
    const workload = {
      tokens: batch.ids.length,
      longest: length,
      trainedTokens: batch.trainedTokens,
      accumulates: false,
    };
    const optimizer = measure.newOptimizer(model); // its moments are there before a step is planned
    const room = gib ? Number(gib) * GIB : availableBytes(cuda);
    const plan = choosePlan(cuda, model, workload, room);
    optimizer.dispose();
    const work = `train ${size}${gib ? `, at most ${gib} GiB` : ", whole card"}`;
    if (!plan) {
      say({ work, error: "no plan fits" });
      continue;
    }
    const { keeping, keptCopies } = plan;
    cuda.keepDequantized = keptCopies;
    const predictedGiB = +(plan.peakBytes / GIB).toFixed(2);
    const counts = KEEPINGS.map((kept) => [kept, keeping.filter((other) => other === kept).length] as const);
    const layers = Object.fromEntries(counts.filter(([, n]) => n > 0));
    await attempt({ work, layers, keptCopies, predictedGiB }, () =>
      measure.training(model, batch, keeping, steps),
    );
    if (!values.profile) continue;
    await attempt({ work: `kernels of ${work}` }, () =>
      measure.profiled(() => {
        const options = { dropoutSeed: 1, keeping };
        const result = microBatchGradients(model, model.trainableVariables(), batch, options);
        tf.dispose([result.lossSum, ...result.gradients.values()]);
      }),
    );
  }
  cuda.keepDequantized = false;
  const isTiny = shape === "tiny";
  await attempt({ work: "decode" }, () => measure.decoding(model, isTiny ? 8 : 128));
  await attempt({ work: "recorded step" }, () => measure.recordedStep(model, isTiny ? 16 : 256));
  if (values.profile)
    await attempt({ work: "kernels of 1 token" }, () => measure.profiled(() => measure.oneToken(model)));
  await attempt({ work: "prefill 512" }, () => measure.prefill(model, 512));
  model.dispose();
  cuda.memory.trim(); // the peers need the card
  measurePeers([...new Set(cases.map((one) => one.split("@")[0]))]);
  console.log(table(lines));
}

await (values.curve ? comparison() : measureAll());
