/** The addon in worker threads: a process loads it once for each, and they end while its own threads go on. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { addonPath, loadAddon } from "../../sdk/backend/loadAddon.ts";

/** Runs the script in a process of its own, which a fault would kill. `path` is the addon. */
function output(script: string): string {
  const { stdout, stderr, status, signal } = spawnSync(
    process.execPath,
    ["-e", `const path = ${JSON.stringify(addonPath())};\n${script}`],
    { encoding: "utf8", timeout: 60_000 },
  );
  assert.deepEqual({ status, signal }, { status: 0, signal: null }, stderr);
  return stdout.trim();
}

/** Runs in each worker: enough rows for the addon's threads. */
const WORK = `
  const { parentPort, workerData } = require("node:worker_threads");
  const addon = require(workerData);
  addon.setThreads(3);
  const x = new Float32Array(2048 * 64).fill(2), y = new Float32Array(x.length);
  for (let i = 0; i < 200; i++)
    addon.rmsNormForward(2048, 64, 0, x, new Float32Array(64).fill(1), y, new Float32Array(2048));
  parentPort.postMessage(y.every((value) => value === 1));`;

describe("the addon in worker threads", () => {
  if (!loadAddon()) return it("skipped: there is no native addon");

  it("outlives each worker that loaded it, in a process that never did itself", () => {
    const script = `
      const { Worker } = require("node:worker_threads");
      const run = () => new Promise((resolve, reject) => {
        let right = false;
        const worker = new Worker(${JSON.stringify(WORK)}, { eval: true, workerData: path });
        worker.on("message", (message) => (right = message));
        worker.on("error", reject);
        worker.on("exit", () => resolve(right));
      });
      (async () => {
        const rights = [];
        for (let i = 0; i < 4; i++) {
          rights.push(await run());
          await new Promise((resolve) => setTimeout(resolve, 50)); // its pool falls asleep, in code that must be there
        }
        const { existsSync, readFileSync } = require("node:fs");
        const maps = "/proc/self/maps";
        console.log(rights.join(), !existsSync(maps) || readFileSync(maps, "utf8").includes(path));
      })();`;
    // A thread that sleeps in code that is gone seldom shows; on Linux one sees whether the code is there.
    assert.equal(output(script), "true,true,true,true true");
  });

  it("works in several at once, and ends with them when the process does", () => {
    const script = `
      const { Worker } = require("node:worker_threads");
      const addon = require(path);
      let right = 0;
      for (let i = 0; i < 3; i++) {
        const worker = new Worker(${JSON.stringify(WORK)}, { eval: true, workerData: path });
        worker.on("message", (message) => {
          right += message;
          if (right === 3) {
            new Worker(${JSON.stringify(WORK)}, { eval: true, workerData: path }); // still at work
            setTimeout(() => { console.log(right); process.exit(); }, 100);
          }
        });
      }
      const x = new Float32Array(1 << 18).fill(1), y = new Float32Array(x.length);
      for (let i = 0; i < 200; i++) addon.add(x, x, y);`;
    assert.equal(output(script), "3");
  });
});
