// `npm run bench:cpu`: every CPU benchmark in one run, each in a process of its own: linear layers on one thread and on
// all, ops, what an op costs besides its work, whole models beside plain tfjs and the peers that Python has. Ends with
// one table of everything that has an aim.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { SUMMARY_FILE, summaryTable } from "./summary.ts";

const RUNS = [
  ["linear.bench.ts", "1"],
  ["linear.bench.ts"],
  ["overhead.bench.ts"],
  ["ops.bench.ts"],
  ["model.bench.ts"],
];
const folder = mkdtempSync(join(tmpdir(), "mistral-lab-bench-"));
const summary = join(folder, "summary.jsonl");
writeFileSync(summary, "");
const failed: string[] = [];
for (const [file, ...args] of RUNS) {
  console.log(`\n== ${[file, ...args].join(" ")}`);
  const { status } = spawnSync(process.execPath, ["--import", "tsx", `bench/${file}`, ...args], {
    stdio: "inherit",
    env: { ...process.env, [SUMMARY_FILE]: summary },
  });
  if (status !== 0) failed.push([file, ...args].join(" "));
}
console.log(
  `\n== ${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, Node ${process.version}; shares of limits and ` +
    "multiples of peers, all of this run\n",
);
console.log(summaryTable(summary));
if (failed.length > 0) {
  console.error(
    `\nended early, so their figures are missing or incomplete (see above): ${failed.join(", ")}`,
  );
  process.exitCode = 1;
}
rmSync(folder, { recursive: true });
