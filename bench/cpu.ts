// `npm run bench:cpu`: every CPU benchmark in one run, each in a process of its own: linear layers on one thread and on
// all, ops, what an op costs besides its work, whole models beside plain tfjs and the peers that Python has.
import { spawnSync } from "node:child_process";

const RUNS = [
  ["linear.bench.ts", "1"],
  ["linear.bench.ts"],
  ["overhead.bench.ts"],
  ["ops.bench.ts"],
  ["model.bench.ts"],
];
for (const [file, ...args] of RUNS) {
  console.log(`\n== ${[file, ...args].join(" ")}`);
  const { status } = spawnSync(process.execPath, ["--import", "tsx", `bench/${file}`, ...args], {
    stdio: "inherit",
  });
  if (status !== 0) process.exitCode = 1;
}
