import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const interrupt = pathToFileURL(join(import.meta.dirname, "..", "..", "sdk", "cli", "interrupt.ts")).href;

describe("mistral-lab: Ctrl-C", () => {
  it("announces the end once, and the second time ends at once with 130", async () => {
    const script = `
      import { catchInterrupt } from ${JSON.stringify(interrupt)};
      const { signal } = catchInterrupt(() => console.log("announced", signal.aborted));
      setInterval(() => {}, 1000);
      console.log("ready");`;
    const child = spawn(process.execPath, ["--import", tsx, "--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    child.stdout.setEncoding("utf8");
    assert.deepEqual(await once(child.stdout, "data"), ["ready\n"]);
    child.kill("SIGINT");
    assert.deepEqual(await once(child.stdout, "data"), ["announced true\n"]);
    assert.equal(child.exitCode, null, "still at work");
    child.kill("SIGINT");
    assert.deepEqual(await once(child, "exit"), [130, null]);
  });

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
