// What the build scripts share: finding a compiler, running it, files that are whole or not there.
import { spawn, spawnSync } from "node:child_process";
import { readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";

/** Whether the program can be started: words, the first of which is its path or name. */
const starts = ([command, ...words]) =>
  spawnSync(command, [...words, "--version"], { stdio: "ignore" }).status === 0;

/**
 * The first of `candidates` that can be started, as words; undefined where there is none. The environment variable goes
 * before them and may hold several words (CXX="ccache g++"); where it names nothing that starts, that is said.
 */
export function findTool(variable, candidates) {
  const value = process.env[variable]?.trim();
  if (value) {
    // A path may have spaces.
    for (const words of [[value], value.split(/\s+/)]) if (starts(words)) return words;
    console.log(`mistral-lab: ${variable}="${value}" cannot be started; another compiler is looked for`);
  }
  const found = candidates.find((name) => starts([name]));
  return found && [found];
}

export const findCompiler = () => findTool("CXX", ["c++", "g++", "clang++"]);

/** Runs a program of several words; `code` is 0 where it went well, `output` and `text` are what it printed. */
export function run([command, ...words], args, verbose = false) {
  if (verbose) console.log([command, ...words, ...args].join(" "));
  return new Promise((resolve) => {
    const child = spawn(command, [...words, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let [output, text] = ["", ""];
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (text += data));
    child.on("error", (error) => resolve({ code: 1, output, text: `${command}: ${error.message}` }));
    child.on("close", (code, signal) => {
      // Compilers start others, whose death they report themselves.
      if (signal) text += `${command} was killed (${signal}): was there enough memory?`;
      resolve({ code, output, text });
    });
  });
}

/**
 * Calls `work` for each job, on all processors; no further ones after the first that throws.
 *
 * @throws what that one threw
 */
export async function onAllProcessors(jobs, work) {
  const queue = [...jobs];
  let failure;
  const worker = async () => {
    for (let job = queue.shift(); job && !failure; job = queue.shift()) {
      await work(job).catch((error) => (failure ??= error));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  if (failure) throw failure;
}

/**
 * Makes a file under a name of this process' own and renames it: whoever builds at the same time, or is interrupted,
 * leaves no half of one.
 *
 * @param make gets the path to write to, in `folder`
 */
export async function replaceFile(target, folder, make) {
  const path = join(folder, `${process.pid}-${counter++}.tmp`);
  try {
    await make(path);
    renameSync(path, target); // a process that has the old file open keeps it
  } finally {
    rmSync(path, { force: true });
  }
}
let counter = 0;

/** Removes what interrupted builds have left behind: nothing takes an hour. */
export function removeLeftovers(folder) {
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".tmp"))) {
    const age = Date.now() - (statSync(join(folder, file), { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (age > 3_600_000) rmSync(join(folder, file), { force: true });
  }
}
