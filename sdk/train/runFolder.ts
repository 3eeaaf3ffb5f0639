/** The folder of one run: its lock, its settings (`run.json`), its log and its checkpoints. */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { writeFileAtomically } from "../weights/atomicFile.ts";
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
   * @throws when it cannot be written, when another process is training there, or when it holds another run
   */
  constructor(
    readonly dir: string,
    { resumeFrom, resume, overwrite, settings }: RunFolderOptions,
  ) {
    try {
      mkdirSync(dir, { recursive: true });
      this.lock = lockFolder(dir);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (!code) throw error;
      throw new Error(`outputDir ${dir}: cannot be written (${message}); choose another folder`, {
        cause: error,
      });
    }
    try {
      if (this.lock.note) this.notes.push(this.lock.note);
      removeLeftovers(dir);
      const own = resume || (resumeFrom !== undefined && isInside(resumeFrom.path, dir));
      if (overwrite) removeRun(dir);
      else if (!own) refuseOtherRun(dir);
      const json = Buffer.from(`${JSON.stringify(settings, null, 2)}\n`);
      writeFileAtomically(join(dir, RUN_FILE), [json], json.length);
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
