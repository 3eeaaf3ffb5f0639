/** One run at a time in a folder: a lock file with the process id of its holder. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { isRunning, startTime } from "../processes.ts";

const FILE = "train.lock";

export interface Lock {
  /** Set when the lock of a dead process was taken over. */
  note?: string;
  release(): void;
}

interface Holder {
  pid: number;
  host: string;
  /** Its start time: a later process with the same number is another one. */
  started: string;
}

/**
 * Locks `dir` for this process.
 *
 * @throws when a living process holds it, or one on another host, of which nothing can be known
 */
export function lockFolder(dir: string): Lock {
  const file = join(dir, FILE);
  const mine = JSON.stringify(describe(process.pid));
  let note: string | undefined;
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(file, mine, { flag: "wx" });
      return { note, release: () => release(file, mine) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt === 3) throw error;
      note = takeOver(dir, file) ?? note;
    }
  }
}

/** Removes a dead holder's file; undefined when someone else was quicker. */
function takeOver(dir: string, file: string): string | undefined {
  const text = read(file);
  if (text === undefined) return undefined;
  const holder = parse(text);
  if (holder && (holder.host !== hostname() || isAlive(holder))) {
    throw new Error(
      `${dir}: another run is writing there (process ${holder.pid} on ${holder.host}). Wait for its end or choose another outputDir; if that process is surely gone, delete ${file}`,
    );
  }
  // Between reading and renaming, another process may have taken the lock over: then the file is its own, and goes back.
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  if (read(aside) !== text) {
    renameSync(aside, file);
    return undefined;
  }
  rmSync(aside, { force: true });
  return `took over the lock of a run that did not end properly (process ${holder?.pid ?? "unknown"})`;
}

function release(file: string, mine: string): void {
  if (read(file) === mine) rmSync(file, { force: true });
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** undefined for an empty or broken file: its writer died in the act. */
function parse(text: string): Holder | undefined {
  try {
    const { pid, host, started } = JSON.parse(text) as Partial<Holder>;
    return typeof pid === "number" && typeof host === "string"
      ? { pid, host, started: String(started) }
      : undefined;
  } catch {
    return undefined;
  }
}

function describe(pid: number): Holder {
  return { pid, host: hostname(), started: startTime(pid) };
}

function isAlive({ pid, started }: Holder): boolean {
  // Where no start time is known the number alone must do.
  return isRunning(pid) && startTime(pid) === started;
}
