// `npm run bench:cpu`: every CPU benchmark in one run, each in a process of its own.
import { spawnSync } from "node:child_process";

for (const [file, ...args] of [["linear.bench.ts"], ["ops.bench.ts"], ["model.bench.ts"]]) {
  console.log(`\n== ${file}`);
  const { status } = spawnSync(process.execPath, ["--import", "tsx", `bench/${file}`, ...args], {
    stdio: "inherit",
  });
  if (status !== 0) process.exitCode = 1;
}
