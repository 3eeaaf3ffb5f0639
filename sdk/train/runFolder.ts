/** The folder of one run: its lock, its settings (`run.json`), its log and its checkpoints. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { makeFolder, writeWhole } from "../files.ts";
import { type Checkpoint, listCheckpoints, removeLeftovers, writeCheckpoint } from "./checkpoint.ts";
import type { TrainEvent } from "./events.ts";
import { type Lock, lockFolder } from "./lock.ts";
import { LOG_FILE, RunLog } from "./runLog.ts";

export const RUN_FILE = "run.json";
export const REPORT_FILE = "report.html";

/** What makes a folder the output of a run or of a save: not to be overwritten unasked. */
const RUN_MARKS = [RUN_FILE, LOG_FILE, "adapter_config.json", "model.safetensors"];

export interface RunFolderOptions {
  /** The checkpoint that the run goes on from. */
  resumeFrom?: { path: string; logBytes: number };
  /** "resume: true": the folder's own run is meant, even where it has no checkpoint yet. */
  resume: boolean;
  overwrite: boolean;
  /** Contents of `run.json`. */
  settings: object;
}

export class RunFolder {
  readonly notes: string[] = [];
  private readonly lock: Lock;
  private readonly log: RunLog;

  /**
   * Makes the folder where needed and takes it for this run.
   *
   * @throws when it cannot be written, when another process is training there, or when it holds another run or a model
   */
  constructor(
    readonly dir: string,
    { resumeFrom, resume, overwrite, settings }: RunFolderOptions,
  ) {
    try {
      makeFolder(dir);
      this.lock = lockFolder(dir);
    } catch (error) {
      // What the file system says, or a folder that cannot be made because of that.
      const reason = [error, (error as Error).cause].find((e) => (e as NodeJS.ErrnoException)?.code);
      if (!reason) throw error;
      const { message } = reason as Error;
      throw new Error(`outputDir ${dir}: cannot be written (${message}); choose another folder`, {
        cause: error,
      });
    }
    try {
      if (this.lock.note) this.notes.push(this.lock.note);
      removeLeftovers(dir);
      const own = resume || (resumeFrom !== undefined && isInside(resumeFrom.path, dir));
      refuseModel(dir);
      if (overwrite) removeRun(dir);
      else if (!own) refuseOtherRun(dir);
      writeWhole(join(dir, RUN_FILE), `${JSON.stringify(settings, null, 2)}\n`);
      this.log = new RunLog(dir, own && resumeFrom ? resumeFrom.logBytes : 0);
    } catch (error) {
      this.lock.release();
      throw error;
    }
  }

  /** Bytes of the log so far, for a checkpoint. */
  get logBytes(): number {
    return this.log.bytes;
  }

  append(event: TrainEvent): void {
    this.log.append(event);
  }

  /** @returns the path. @throws when it cannot be written; what was there stays. */
  save(checkpoint: Checkpoint): string {
    return writeCheckpoint(this.dir, checkpoint);
  }

  /** Closes the log and unlocks. Safe to call twice. */
  release(): void {
    this.log.close();
    this.lock.release();
  }
}

function refuseOtherRun(dir: string): void {
  const marks = RUN_MARKS.filter((name) => existsSync(join(dir, name)));
  const checkpoints = listCheckpoints(dir);
  if (marks.length === 0 && checkpoints.length === 0) return;
  const next =
    checkpoints.length > 0
      ? `resume: true goes on from ${checkpoints.at(-1)}; overwrite: true deletes it`
      : "overwrite: true deletes it";
  throw new Error(
    `outputDir ${dir} holds another run (${[...marks, ...checkpoints.map((path) => readableName(path))].join(", ")}): ${next}; or choose another folder`,
  );
}

/**
 * A base model is nobody's run: nothing in its folder may be overwritten, also where `overwrite` is true. Full training
 * saves its model in the run's own folder, beside `run.json`.
 */
function refuseModel(dir: string): void {
  const model = ["config.json", "model.safetensors", "model.safetensors.index.json"].filter((name) =>
    existsSync(join(dir, name)),
  );
  if (model.length < 2 || existsSync(join(dir, RUN_FILE))) return;
  throw new Error(`outputDir ${dir} holds a model (${model.join(", ")}): choose another folder`);
}

/** Deletes what a run writes, and nothing else that may be in the folder. */
function removeRun(dir: string): void {
  for (const name of readdirSync(dir)) {
    if ([RUN_FILE, LOG_FILE, REPORT_FILE].includes(name) || /^checkpoint-\d+$/.test(name)) {
      rmSync(join(dir, name), { recursive: true, force: true });
    }
  }
}

function isInside(path: string, dir: string): boolean {
  return resolve(path, "..") === resolve(dir);
}

function readableName(path: string): string {
  return path.slice(path.lastIndexOf("checkpoint-"));
}
