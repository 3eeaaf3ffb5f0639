/** The command as a real child process, in a temporary folder with a tiny random model. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { useDevice } from "../../sdk/backend/device.ts";
import { randomModel, saveModel } from "../../sdk/model/fullTraining.ts";
import { Tokenizer } from "../../sdk/text/tokenizer.ts";
import { HOST } from "../host.ts";
import { tinyConfig } from "../tinyModel.ts";

export const root = join(import.meta.dirname, "..", "..");
export const main = join(root, "sdk", "cli", "main.ts");
// By its full address: the child's working directory is elsewhere.
const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Running extends Promise<Ended> {
  child: ChildProcess;
  /** Resolves when stdout and stderr together match. */
  says(pattern: RegExp): Promise<void>;
}

export interface RunOptions {
  /** Working directory. */
  cwd?: string;
  /** What is piped in; without it stdin is closed at once. */
  input?: string;
  env?: Record<string, string>;
}

/** Still at work: what a failed test leaves behind must not keep the test run alive. */
const running = new Set<ChildProcess>();

/** Starts `mistral-lab` with these words. */
export function cli(words: readonly string[], { cwd, input, env }: RunOptions = {}): Running {
  const child = spawn(process.execPath, ["--import", tsx, main, ...words], {
    cwd: cwd ?? root,
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined, MISTRAL_LAB_DEBUG: undefined, ...env },
    stdio: "pipe",
  });
  running.add(child);
  child.on("close", () => running.delete(child));
  let stdout = "";
  let stderr = "";
  const listeners = new Set<() => void>();
  const heard = () => {
    for (const listen of listeners) listen();
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    heard();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    heard();
  });
  child.stdin.end(input ?? "");
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
  const says = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const listen = () => {
        if (pattern.test(stdout + stderr)) resolve();
      };
      listeners.add(listen);
      listen();
      ended.then(() => reject(new Error(`ended without saying ${pattern}:\n${stdout}${stderr}`)));
    });
  return Object.assign(ended, { child, says });
}

/** Runs `mistral-lab` to its end and asks for an exit code. */
export async function expectExit(
  code: number,
  words: readonly string[],
  options?: RunOptions,
): Promise<Ended> {
  const ended = await cli(words, options);
  assert.equal(ended.code, code, `exit code of ${words.join(" ")}\n${ended.stdout}${ended.stderr}`);
  return ended;
}

/** Every line of stdout as JSON; a line that is none fails. */
export function jsonLines({ stdout }: Ended): { type: string; [key: string]: unknown }[] {
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

export interface Workplace {
  dir: string;
  /** A model of random weights. */
  model: string;
  /** 12 rows, one of them repaired, and a rejected one. */
  csv: string;
  /** Two held-out rows with facts. */
  test: string;
}

/** A new folder with a model and data. */
export async function makeWorkplace(): Promise<Workplace> {
  const dir = mkdtempSync(join(tmpdir(), "mistral-lab-cli-"));
  const model = join(dir, "model");
  await useDevice(HOST);
  const tokenizer = await Tokenizer.load(join(root, "test", "fixtures", "tokenizer", "byteLevel"));
  const config = { ...tinyConfig, vocabSize: tokenizer.vocabSize, maxPositions: 1024 };
  const ids = { bosId: tokenizer.bosId ?? 1, eosIds: [tokenizer.eosId] };
  const random = randomModel({ ...config, ...ids }, tokenizer, 1);
  saveModel(random, model);
  random.dispose();

  const csv = join(dir, "data.csv");
  const rows = Array.from({ length: 11 }, (_, i) => `Question ${i} ?,"Le délai est de ${i} jours."`);
  rows.push("Et le retour ?,Il est gratuit, sous trente jours.", ",sans question");
  writeFileSync(csv, `instruction,response\n${rows.join("\n")}\n`);
  const test = join(dir, "test.csv");
  writeFileSync(
    test,
    'instruction,response,expected\nQuel délai ?,"Le délai est de 3 jours.",3 jours\nRetour ?,Gratuit.,Gratuit\n',
  );
  return { dir, model, csv, test };
}

export function removeWorkplace({ dir }: Workplace): void {
  for (const child of running) child.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
}
