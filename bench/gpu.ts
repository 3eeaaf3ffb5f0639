// `npm run bench:gpu`: this package on the GPU beside the limits of the card and the peers that are installed, in one
// run. What it measures and its options: `npm run bench:gpu -- --help` (bench/gpu/options.ts).
import { execFileSync } from "node:child_process";
import * as tf from "@tensorflow/tfjs";
import type { CudaBackend } from "../sdk/backend/cuda/backend.ts";
import { useDevice } from "../sdk/backend/device.ts";
import { packageRoot } from "../sdk/backend/packageRoot.ts";
import { batchOf } from "./gpu/batch.ts";
import { compareCurves } from "./gpu/curve.ts";
import { type BenchOptions, HELP, readOptions } from "./gpu/options.ts";
import { measureOwn } from "./gpu/own.ts";
import { killPeers, measureLlamaCpp, measureQlora } from "./gpu/peers.ts";
import { type Line, Report } from "./gpu/report.ts";

const QLORA = "transformers + PEFT + bitsandbytes";

function commit(): string {
  try {
    const options = { cwd: packageRoot(), encoding: "utf8", stdio: "pipe" } as const;
    return execFileSync("git", ["describe", "--always", "--dirty"], options).trim();
  } catch {
    return "unknown";
  }
}

async function openCard(report: Report): Promise<void> {
  const { description, note } = await useDevice("cuda");
  const { cuda } = tf.backend() as CudaBackend;
  report.say({
    ...{
      work: "machine",
      device: description,
      note,
      driver: cuda.device.driver,
      cublasLt: cuda.driver.blas(),
    },
    ...{ node: process.version, commit: commit() },
  });
}

/** One line a peer's result; ours and theirs began with the same weights and tokens, so with the same loss. */
async function measurePeers(
  { config, dir, cases, steps, peers }: BenchOptions,
  report: Report,
): Promise<void> {
  const told = (peer: string) => (line: Line) => report.say({ peer, ...line });
  if (peers.includes("llama.cpp")) {
    const problem = await measureLlamaCpp(report.left, told("llama.cpp"));
    if (problem) report.say({ peer: "llama.cpp", problem });
  }
  if (!peers.includes("transformers")) return;
  const sizes = new Map(cases.map((one) => [one.size, one]));
  const plan = [...sizes].map(([name, { count, length }]) => {
    return { name, rows: count, length, ids: [...batchOf(config.vocabSize, count, length).ids] };
  });
  const theirs: Line[] = [];
  const problem = await measureQlora(dir, { learningRate: 2e-4, steps, cases: plan }, report.left, (line) => {
    theirs.push(line);
    told(QLORA)(line);
  });
  if (problem) report.say({ peer: QLORA, problem });
  const first = (lines: readonly Line[]) => lines.find(({ firstLoss }) => firstLoss !== undefined)?.firstLoss;
  const [ours, other] = [first(report.own()), first(theirs)] as (number | undefined)[];
  if (ours === undefined || other === undefined) return;
  // Both round to bfloat16 on the way: a few in a thousand at most.
  if (!(Math.abs(ours - other) < 0.01 * other)) {
    report.fail({ work: "check of the first loss", error: `ours ${ours}, theirs ${other}` });
  }
}

async function main(options: BenchOptions): Promise<void> {
  const report = new Report(options.seconds);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      killPeers();
      report.printTable();
      process.exit(signal === "SIGINT" ? 130 : 143);
    });
  }
  await openCard(report);
  if (options.curve !== undefined) {
    await compareCurves(options, options.curve, report);
    return;
  }
  await measureOwn(options, report);
  await measurePeers(options, report);
  report.printTable();
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options) await main(options);
  else console.log(HELP);
} catch (error) {
  console.error(`bench:gpu: ${(error as Error).message}`);
  process.exitCode = 1;
}
