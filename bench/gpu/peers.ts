/**
 * The programs that this package is measured beside, where they are installed. None of them is part of it. Each is a
 * process whose results are told as they come, so one that fails, hangs or is slow loses what it had not said yet, and
 * nothing else.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";
import type { Line } from "./report.ts";

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

const SCRIPT = join(packageRoot(), "bench", "peers", "qlora.py");

const running = new Set<ChildProcess>();

/** Ends the peers that run; for a run that is stopped. */
export function killPeers(): void {
  for (const child of running) kill(child);
}

/** With all that it started: a wrapper's program would keep the card, and our end of its stdout open. */
function kill({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // it has ended by itself
  }
}

/**
 * Runs a program for at most so many seconds.
 *
 * @param tell each line of its stdout
 * @returns why it did not come to its end; undefined when it did
 */
async function runPeer(
  program: string,
  args: readonly string[],
  seconds: number,
  tell: (line: string) => void,
): Promise<string | undefined> {
  if (seconds <= 0) return "left out: the run's time is over (--seconds)";
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  running.add(child);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill(child);
  }, 1000 * seconds);
  let last = "";
  createInterface({ input: child.stderr }).on("line", (line) => {
    if (line.trim() !== "") last = line.trim();
  });
  const ended = new Promise<string | undefined>((resolve) => {
    child.on("error", ({ message }) => resolve(message));
    child.on("close", (code) => {
      if (late) resolve(`stopped after ${seconds.toFixed(0)} s: the run's time is over (--seconds)`);
      else resolve(code === 0 ? undefined : last || `exit code ${code}`);
    });
  });
  createInterface({ input: child.stdout }).on("line", tell);
  try {
    return await ended;
  } finally {
    clearTimeout(timer);
    running.delete(child);
  }
}

/** One of the JSON lines of qlora.py; other programs may write between them. */
async function runQlora(
  command: string,
  args: readonly string[],
  plan: PeerPlan,
  seconds: number,
  tell: (line: Line) => void,
): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "mistral-lab-peers-"));
  try {
    const file = join(folder, "batches.json");
    writeFileSync(file, JSON.stringify(plan));
    const words = [SCRIPT, command, ...args, file];
    return await runPeer(process.env.PYTHON ?? "python3", words, seconds, (line) => {
      if (line.startsWith("{")) tell(JSON.parse(line) as Line);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Versions of transformers, PEFT, bitsandbytes and torch, then load, decode and each training of the plan. */
export function measureQlora(
  model: string,
  plan: PeerPlan,
  seconds: number,
  tell: (line: Line) => void,
): Promise<string | undefined> {
  return runQlora("measure", [model], plan, seconds, tell);
}

/** The losses of a run over the cases of the plan, one a step, from the adapter in `adapter`, as far as it came. */
export async function qloraCurve(
  model: string,
  adapter: string,
  plan: PeerPlan,
  seconds: number,
): Promise<{ losses: number[]; versions?: Line; problem?: string }> {
  const losses: number[] = [];
  let versions: Line | undefined;
  const problem = await runQlora("curve", [model, adapter], plan, seconds, (line) => {
    if (line.work === "versions") versions = line;
    else losses.push(line.loss as number);
  });
  return { losses, versions, problem };
}

/** llama.cpp's own benchmark of a GGUF file: LLAMA_BENCH names the program, LLAMA_MODEL the file. */
export async function measureLlamaCpp(
  seconds: number,
  tell: (line: Line) => void,
): Promise<string | undefined> {
  const { LLAMA_BENCH: program, LLAMA_MODEL: file } = process.env;
  if (!program || !file) return "LLAMA_BENCH and LLAMA_MODEL are not set";
  if (!existsSync(file)) return `${file} is not there`;
  const args = ["-m", file, "-p", "512", "-n", "128", "-ngl", "99", "-o", "jsonl"];
  return runPeer(program, args, seconds, (line) => {
    if (!line.startsWith("{")) return;
    const { n_prompt, n_gen, avg_ts } = JSON.parse(line) as Record<string, number>;
    tell({ work: n_gen > 0 ? "decode" : `prefill ${n_prompt}`, tokensPerSecond: +avg_ts.toFixed(1) });
  });
}
