/** What the commands know of folders before the SDK is loaded: models, and the output of earlier commands. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { packageRoot } from "../backend/packageRoot.ts";
import { readable } from "../files.ts";
import { bytes } from "../views/numbers.ts";
import { parseHubSource } from "../weights/hub/source.ts";

/** The bundled model, for messages and the demo. */
export const BUNDLED_MODEL = "data/models/mini";

/** Where a training writes, and a chat looks, unless told otherwise. */
export const OUTPUT_DIR = "mistral-finetuned";

/** A file of the package, whatever the working directory is. */
export function bundled(path: string): string {
  // Where the package is the working directory, the short path is what a person wants to read.
  return existsSync(path) && resolve(path) === join(packageRoot(), path) ? path : join(packageRoot(), path);
}

/**
 * Fails at once for a model that is not here: everything else would be in vain.
 *
 * @throws with the next step
 */
export function requireModel(model: string): void {
  const dir = [resolve(model), join(packageRoot(), model)].find((path) => existsSync(path));
  if (dir !== undefined) {
    if (statSync(dir).isFile()) return;
    const marks = runMarks(dir);
    const unfinished = marks.includes("run.json") && !marks.includes("adapter_config.json");
    if (!unfinished || existsSync(join(dir, "config.json"))) return;
    throw new Error(
      `model "${model}": its training has not come to its end, so there is no adapter yet. Run the same finetune command again with --resume`,
    );
  }
  // A model of the hub is fetched when it is loaded.
  if (parseHubSource(model)) return;
  if (model === OUTPUT_DIR) {
    throw new Error(
      `model "${model}": there is no such folder in ${process.cwd()}. Train one first: npx mistral-lab demo (the bundled model and data), or finetune; or give the folder of another model`,
    );
  }
  throw new Error(
    `model "${model}": there is no such folder. Give a folder with config.json, such as ${BUNDLED_MODEL}, or a model of the Hugging Face hub, such as mistralai/Mistral-7B-Instruct-v0.3`,
  );
}

/** @throws when there is no such file; before anything heavy is loaded */
export function requireFile(path: string, what: string): void {
  if (existsSync(path)) {
    if (statSync(path).isFile()) return;
    throw new Error(`${path}: expected ${what}, got a folder`);
  }
  throw new Error(
    `${path}: the file is missing. Give the path of ${what}; it is relative to ${process.cwd()}`,
  );
}

/** Which command made an output folder, and from what: `job.json`. */
export interface Job {
  command: "finetune" | "demo";
  model: string;
  csv: string;
  test?: string;
}

const JOB_FILE = "job.json";

export function writeJob(dir: string, job: Job): void {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, JOB_FILE), `${JSON.stringify(job, null, 2)}\n`);
}

/** undefined where there is none, or none that can be read: then the folder is not known to be ours. */
export function readJob(dir: string): Job | undefined {
  try {
    return JSON.parse(readFileSync(join(dir, JOB_FILE), "utf8")) as Job;
  } catch {
    return undefined;
  }
}

const RUN_FILES = ["run.json", "training.jsonl", "adapter_config.json"];

/** Files in `dir` that say that another run lies there. @throws when it is a file */
export function runMarks(dir: string): string[] {
  if (!existsSync(dir)) return [];
  if (!statSync(dir).isDirectory()) throw new Error(`${dir}: expected a folder, got a file`);
  return readable(dir, () => readdirSync(dir)).filter(
    (name) => RUN_FILES.includes(name) || /^checkpoint-\d+$/.test(name),
  );
}

/** The adapter of an earlier run: beside the log of a new one it would pass for its result. */
export function removeAdapter(dir: string): void {
  for (const name of ["adapter_config.json", "adapter_model.safetensors", "mistral_lab.json"])
    rmSync(join(dir, name), { force: true });
}

const RESULTS: Record<string, string> = {
  "adapter_model.safetensors": "PEFT adapter",
  "adapter_config.json": "its settings",
  "tokenizer.json": "the tokenizer",
  "run.json": "every option",
  "training.jsonl": "every event",
  "report.html": "the curves",
};

/** The files that a person may want to open, with a word on each. */
export function writtenFiles(dir: string): { path: string; text: string; size: string }[] {
  return Object.entries(RESULTS)
    .map(([name, text]) => ({ path: join(dir, name), text }))
    .filter(({ path }) => existsSync(path))
    .map(({ path, text }) => ({ path, text, size: bytes(statSync(path).size) }));
}

/**
 * The domain that goes with a model: that of the data it was tuned on, where one of that name ships; else the
 * shop of the bundled data, with a note for a model that was tuned on other data.
 */
export function domainOf(modelDir: string, shipped: readonly string[]): { name: string; note?: string } {
  const job = readJob(modelDir);
  const data = job ? basename(job.csv) : undefined;
  const name = data === undefined ? "" : basename(data, ".csv");
  if (shipped.includes(name)) return { name };
  const shop = "ecommerce.fr";
  if (data === undefined) return { name: shop };
  return {
    name: shop,
    note: `No domain ships for ${data}, which the model was tuned on: the reasoning knows the shop of ${shop}. Name yours with --domain, or leave the reasoning out with --no-reasoning.`,
  };
}
