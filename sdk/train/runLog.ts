/** `training.jsonl`: every event of a run, one JSON object a line, on the disk before the event is told. */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { TrainEvent } from "./events.ts";

export const LOG_FILE = "training.jsonl";

export class RunLog {
  private descriptor: number | undefined;
  private readonly file: string;

  /**
   * Opens the log of a run's folder for appending.
   *
   * @param keepBytes length of the history to keep: what came after a checkpoint is run again, and told again
   */
  constructor(dir: string, keepBytes: number) {
    this.file = join(dir, LOG_FILE);
    this.descriptor = openSync(this.file, "a");
    if (fstatSync(this.descriptor).size > keepBytes) ftruncateSync(this.descriptor, keepBytes);
  }

  /** Present length. */
  get bytes(): number {
    return this.descriptor === undefined ? 0 : fstatSync(this.descriptor).size;
  }

  /** @throws with the path when the disk is full */
  append(event: TrainEvent): void {
    if (this.descriptor === undefined) throw new Error(`${this.file}: written after close()`);
    const line = Buffer.from(`${JSON.stringify(event)}\n`);
    try {
      let done = 0;
      while (done < line.length) done += writeSync(this.descriptor, line, done);
      // Steps may be a few milliseconds apart: only what is rare waits for the disk.
      if (event.type !== "step") fsyncSync(this.descriptor);
    } catch (error) {
      throw new Error(`${this.file}: could not be written (${(error as Error).message})`, { cause: error });
    }
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }
}

/** The events of a run's folder; [] when it has none. A last line that a kill cut short is left out. */
export function readRunLog(dir: string): TrainEvent[] {
  const file = join(dir, LOG_FILE);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  // What follows the last line feed is empty, or an event that was never told.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as TrainEvent);
}
