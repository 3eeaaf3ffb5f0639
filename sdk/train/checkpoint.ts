/**
 * Checkpoints: `checkpoint-{step}/` with the trained values (`trainable.safetensors`, fp32), AdamW's moments
 * (`optimizer.safetensors`) and `trainer_state.json`. A folder of that name is always whole: it is written under
 * another name, flushed to the disk and renamed. The order of the examples and the dropout masks are functions of
 * seed, epoch and step, so these three are the whole state of randomness.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { makeFolder, writeWhole } from "../files.ts";
import { openSafetensors, type TensorToWrite, toFloat32, writeSafetensors } from "../weights/safetensors.ts";
import type { OptimizerState } from "./optimizer.ts";

const TRAINABLE = "trainable.safetensors";
const OPTIMIZER = "optimizer.safetensors";
const STATE = "trainer_state.json";
/** How many checkpoints a folder keeps: were the newest lost with the disk's last seconds, one more is there. */
const KEPT = 2;

const trainerState = z.object({
  format: z.literal(1),
  /** Optimizer steps done. */
  step: z.int().min(0),
  /** Epoch of the next step, from 0, and how many of its steps are done. */
  epoch: z.int().min(0),
  stepInEpoch: z.int().min(0),
  seed: z.int().min(0),
  /** Of the last step, in nats; null before the first. */
  loss: z.number().nullable(),
  /** The options that change the numbers of the run. */
  options: z.record(z.string(), z.union([z.number(), z.string(), z.null()])),
  /** Fingerprints. */
  dataset: z.string(),
  model: z.string(),
  /** The tfjs backend: another one rounds differently. */
  device: z.string(),
  /** Length of `training.jsonl` when this was saved: the history up to here. */
  logBytes: z.int().min(0),
});

export type TrainerState = z.output<typeof trainerState>;

/** A trained value by its name in `trainableVariables()`. */
export interface TrainedValue {
  shape: readonly number[];
  data: Float32Array;
}

export interface Checkpoint {
  trainable: ReadonlyMap<string, TrainedValue>;
  optimizer: OptimizerState;
  state: TrainerState;
}

/**
 * Writes `dir/checkpoint-{step}` whole or not at all, then removes all but the newest two.
 *
 * @returns its path
 * @throws with the path and the reason (full disk, no permission); older checkpoints are as they were
 */
export function writeCheckpoint(dir: string, { trainable, optimizer, state }: Checkpoint): string {
  const path = join(dir, `checkpoint-${state.step}`);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    rmSync(temporary, { recursive: true, force: true });
    makeFolder(temporary);
    writeSafetensors(
      join(temporary, TRAINABLE),
      tensors(
        trainable,
        (name) => name,
        (value) => value.data,
      ),
    );
    const moments = new Map([
      ...tensors(
        trainable,
        (name) => `m.${name}`,
        (_, name) => optimizer.m.get(name)!,
      ),
      ...tensors(
        trainable,
        (name) => `v.${name}`,
        (_, name) => optimizer.v.get(name)!,
      ),
    ]);
    writeSafetensors(join(temporary, OPTIMIZER), moments, { step: String(optimizer.step) });
    writeWhole(join(temporary, STATE), `${JSON.stringify(state, null, 2)}\n`);
    flushFolder(temporary);
    // A resumed run comes past the steps of the run before it; a folder cannot be renamed onto a full one.
    if (existsSync(path)) discard(path);
    renameSync(temporary, path);
    flushFolder(dir);
  } catch (error) {
    const leftover = remove(temporary);
    throw new Error(`checkpoint ${path} could not be written: ${(error as Error).message}${leftover}`, {
      cause: error,
    });
  }
  for (const old of listCheckpoints(dir).slice(0, -KEPT)) discard(old);
  return path;
}

/** Paths of the whole checkpoints in a folder, oldest first; none when there is no such folder. */
export function listCheckpoints(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((name) => /^checkpoint-\d+$/.test(name) && existsSync(join(dir, name, STATE)))
    .sort((a, b) => stepOf(a) - stepOf(b))
    .map((name) => join(dir, name));
}

/** Removes what a killed process left half-written or half-deleted. Only for who holds the folder's lock. */
export function removeLeftovers(dir: string): void {
  for (const name of readdirSync(dir)) {
    if (/^checkpoint-\d+\.\d+\.tmp$/.test(name)) rmSync(join(dir, name), { recursive: true, force: true });
  }
}

/**
 * Reads a checkpoint, or the newest one of a run's folder.
 *
 * @throws when there is none, or a file is missing or damaged
 */
export function readCheckpoint(path: string): Checkpoint & { path: string } {
  const dir = existsSync(join(path, STATE)) ? path : listCheckpoints(path).at(-1);
  if (dir === undefined) {
    throw new Error(
      `resume: expected a checkpoint folder or a run's folder with one, got ${path}, which has no ${STATE} and no checkpoint-N`,
    );
  }
  const state = readState(join(dir, STATE));
  const trainable = new Map<string, TrainedValue>();
  const optimizer: OptimizerState = { step: state.step, m: new Map(), v: new Map() };
  eachTensor(join(dir, TRAINABLE), (name, value) => trainable.set(name, value));
  eachTensor(join(dir, OPTIMIZER), (name, { data }) => {
    (name.startsWith("m.") ? optimizer.m : optimizer.v).set(name.slice(2), data);
  });
  return { path: dir, trainable, optimizer, state };
}

function readState(file: string): TrainerState {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}; resume from another checkpoint`, { cause: error });
  }
  const result = trainerState.safeParse(json);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `"${issue.path.join(".")}": ${issue.message}`);
  throw new Error(`${file}: ${problems.join("; ")}; resume from another checkpoint`);
}

function eachTensor(file: string, visit: (name: string, value: TrainedValue) => void): void {
  const source = openSafetensors(file);
  try {
    for (const [name, { shape }] of source.tensors) {
      visit(name, { shape, data: toFloat32(source.read(name), `${file}: ${name}`) });
    }
  } finally {
    source.close();
  }
}

function tensors(
  trainable: ReadonlyMap<string, TrainedValue>,
  rename: (name: string) => string,
  data: (value: TrainedValue, name: string) => Float32Array,
): Map<string, TensorToWrite> {
  const entries = [...trainable].map(([name, value]): [string, TensorToWrite] => [
    rename(name),
    { dtype: "F32", shape: value.shape, data: data(value, name) },
  ]);
  return new Map(entries);
}

/** For an error that is on its way: "", or what could not be removed. */
function remove(path: string): string {
  try {
    rmSync(path, { recursive: true, force: true });
    return "";
  } catch (error) {
    return `; ${path} could not be removed either (${(error as Error).message})`;
  }
}

/** Renamed first, so that a kill in the middle leaves no folder that looks whole. */
function discard(path: string): void {
  const doomed = `${path}.${process.pid}.tmp`;
  const free = existsSync(doomed) ? `${path}.${process.pid}0.tmp` : doomed;
  renameSync(path, free);
  rmSync(free, { recursive: true, force: true });
}

/** A rename is on the disk only when its folder is. */
function flushFolder(dir: string): void {
  if (process.platform === "win32") return; // folders cannot be opened there
  const descriptor = openSync(dir, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function stepOf(name: string): number {
  return Number(basename(name).slice("checkpoint-".length));
}
