import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const interrupt = pathToFileURL(join(import.meta.dirname, "..", "..", "sdk", "cli", "interrupt.ts")).href;

describe("mistral-lab: Ctrl-C", () => {
  for (const [name, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    it(`announces the end at the first ${name}, and ends at once with ${code} at the second`, async () => {
      const script = `
      import { catchInterrupt } from ${JSON.stringify(interrupt)};
      const caught = catchInterrupt(() => console.log("announced", caught.signal.aborted, caught.exitCode));
      setInterval(() => {}, 1000);
      console.log("ready");`;
      const child = spawn(process.execPath, ["--import", tsx, "--input-type=module", "-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      child.stdout.setEncoding("utf8");
      assert.deepEqual(await once(child.stdout, "data"), ["ready\n"]);
      child.kill(name);
      assert.deepEqual(await once(child.stdout, "data"), [`announced true ${code}\n`]);
      assert.equal(child.exitCode, null, "still at work");
      child.kill(name);
      assert.deepEqual(await once(child, "exit"), [code, null]);
    });
  }

  it("leaves Ctrl-C its usual meaning after release", async () => {
    const script = `
      import { catchInterrupt } from ${JSON.stringify(interrupt)};
      catchInterrupt(() => console.log("announced")).release();
      setInterval(() => {}, 1000);
      console.log("ready");`;
    const child = spawn(process.execPath, ["--import", tsx, "--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    child.kill("SIGINT");
    assert.deepEqual(await once(child, "exit"), [null, "SIGINT"]);
  });
});
