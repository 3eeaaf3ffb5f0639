/** The programs that this package is measured beside, where they are installed. None of them is part of it. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";

/** One batch of random tokens, `rows` sequences of `length`. */
export interface PeerCase {
  name: string;
  rows: number;
  length: number;
  ids: number[];
}

export interface PeerPlan {
  learningRate: number;
  steps: number;
  cases: PeerCase[];
}

export type PeerLine = Record<string, unknown> & { work?: string };

const SCRIPT = join(packageRoot(), "bench", "peers", "qlora.py");
const PYTHON = process.env.PYTHON ?? "python3";

function python(args: string[]): { lines: PeerLine[]; problem?: string } {
  const { status, stdout, stderr, error } = spawnSync(PYTHON, [SCRIPT, ...args], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  const lines = (stdout ?? "")
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as PeerLine);
  if (status === 0) return { lines };
  const last = (stderr ?? "").trim().split("\n").at(-1);
  return { lines, problem: error?.message ?? last ?? `exit code ${status}` };
}

/** Versions of transformers, PEFT, bitsandbytes and torch; or why they are not measured. */
export function qloraVersions(): { versions?: PeerLine; problem?: string } {
  const { lines, problem } = python(["versions"]);
  return problem ? { problem } : { versions: lines[0] };
}

function planFile(plan: PeerPlan): string {
  const file = join(mkdtempSync(join(tmpdir(), "mistral-lab-peers-")), "batches.json");
  writeFileSync(file, JSON.stringify(plan));
  return file;
}

export function measureQlora(model: string, plan: PeerPlan): { lines: PeerLine[]; problem?: string } {
  return python(["measure", model, planFile(plan)]);
}

/** The losses of a run over the cases of the plan, one a step, from the adapter in `adapter`. */
export function qloraCurve(model: string, adapter: string, plan: PeerPlan): number[] {
  const { lines, problem } = python(["curve", model, adapter, planFile(plan)]);
  const losses = lines.at(-1)?.losses;
  if (problem || !Array.isArray(losses)) throw new Error(`qlora.py curve: ${problem ?? "no losses"}`);
  return losses as number[];
}

/** llama.cpp's own benchmark of a GGUF file: LLAMA_BENCH names the program, LLAMA_MODEL the file. */
export function measureLlamaCpp(): { lines: PeerLine[]; problem?: string } {
  const { LLAMA_BENCH: program, LLAMA_MODEL: file } = process.env;
  if (!program || !file) return { lines: [], problem: "LLAMA_BENCH and LLAMA_MODEL are not set" };
  if (!existsSync(file)) return { lines: [], problem: `${file} is not there` };
  const args = ["-m", file, "-p", "512", "-n", "128", "-ngl", "99", "-o", "json"];
  const { status, stdout, error } = spawnSync(program, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status !== 0) return { lines: [], problem: error?.message ?? `exit code ${status}` };
  const tests = JSON.parse(stdout) as { n_prompt: number; n_gen: number; avg_ts: number }[];
  return {
    lines: tests.map(({ n_prompt, n_gen, avg_ts }) => ({
      work: n_gen > 0 ? "decode" : `prefill ${n_prompt}`,
      tokensPerSecond: +avg_ts.toFixed(1),
    })),
  };
}
