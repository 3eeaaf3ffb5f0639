/** End to end: what front ends do besides running cells. VS Code's requests are those that its Jupyter extension sends. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { KernelClient } from "../../kernel-ext/client.ts";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";
import {
  descendants,
  ensureBuilt,
  isAlive,
  MAIN,
  result,
  startTestKernel,
  types,
  until,
} from "./kernelProcess.ts";

describe("kernel whose front end is killed", function () {
  this.timeout(120_000);

  it("ends by itself, with the process of its cells", async () => {
    ensureBuilt();
    const client = pathToFileURL(join(packageRoot(), "dist/kernel-ext/client.js")).href;
    const script = `const { KernelClient } = await import("${client}");
      const command = ${JSON.stringify([process.execPath, MAIN])};
      console.log((await KernelClient.start({ command })).process.pid);
      setInterval(() => {}, 1000);`;
    const frontEnd = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = await new Promise<number>((resolve) => {
      frontEnd.stdout.once("data", (text) => resolve(Number(text)));
    });
    const all = [pid, ...descendants(pid)];
    assert.equal(all.length, 2);
    assert.ok(all.every(isAlive));
    frontEnd.kill("SIGKILL");
    await until(() => !all.some(isAlive));
  });
});

describe("kernel in VS Code", function () {
  this.timeout(120_000);
  let kernel: KernelClient;
  /** As it runs the cells of a notebook. */
  const cell = { silent: false, stop_on_error: false, allow_stdin: true, store_history: true };
  /** As it asks for something of its own. */
  const aside = { ...cell, store_history: false };

  before(async () => {
    kernel = await startTestKernel();
  });
  after(() => kernel.shutdown());

  it("tells the language that a notebook's cells get, and how it is to be stopped", async () => {
    const { reply } = await kernel.request("kernel_info_request", {});
    const language = reply.content.language_info as Record<string, unknown>;
    assert.equal(language.name, "typescript");
    assert.equal(language.file_extension, ".ts");
  });

  it("runs the cells behind one that fails", async () => {
    const [failed, next] = await Promise.all([
      kernel.execute('throw new Error("first")', cell),
      kernel.execute("'second'", cell),
    ]);
    assert.equal(failed.reply.content.evalue, "first");
    assert.equal(result(next), "'second'");
  });

  it("gives an answer on the side its output, without a number of its own", async () => {
    const before = await kernel.execute("1", cell);
    const side = await kernel.execute("2", aside);
    const after = await kernel.execute("3", cell);
    assert.equal(result(side), "2");
    const [first, second] = [before, after].map(({ reply }) => Number(reply.content.execution_count));
    assert.equal(second, first + 1);
  });

  it("answers in the middle of a busy loop, closes a comm that nobody knows, and stops at a message", async () => {
    let started = false;
    const loop = kernel.execute('console.log("go"); while (true) {}', cell, ({ header }) => {
      started ||= header.msg_type === "stream";
    });
    await until(() => started);
    const info = await kernel.request("kernel_info_request", {});
    assert.equal(info.reply.content.status, "ok");
    // Its icon shows the latest status: the cell is still running.
    assert.deepEqual(types(info.output), ["busy", "idle"]);
    const widgets = await kernel.request("comm_info_request", { target_name: "jupyter.widget" });
    assert.deepEqual(widgets.reply.content.comms, {});
    await kernel.tell("comm_open", { comm_id: "one", target_name: "jupyter.widget.control", data: {} });
    await kernel.interrupt();
    assert.equal((await loop).reply.content.ename, "Interrupted");
    const closed = await kernel.request("comm_info_request", {});
    assert.deepEqual(closed.reply.content.comms, {});
    assert.equal(result(await kernel.execute("1 + 1", cell)), "2");
  });
});
