/** End to end: start, crash and end of a kernel; nothing may be left behind. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KernelClient } from "../../kernel-ext/client.ts";
import {
  descendants,
  isAlive,
  MAIN,
  ofType,
  result,
  startTestKernel,
  traceback,
  types,
  until,
} from "./kernelProcess.ts";

const SPIN = 'console.log("go"); while (true) {}';

describe("kernel process", function () {
  this.timeout(120_000);
  let kernel: KernelClient;

  beforeEach(async () => {
    kernel = await startTestKernel();
  });
  afterEach(() => kernel.shutdown());

  async function spin(): Promise<number[]> {
    let under = false;
    kernel
      .execute(
        `import { spawn } from "node:child_process";\nspawn("sleep", ["1000"]);\n${SPIN}`,
        {},
        (message) => {
          if (message.header.msg_type === "stream") under = true;
        },
      )
      .catch(() => {});
    await until(() => under);
    const below = descendants(kernel.process.pid!);
    // The process of the cells, and what the cell has started.
    assert.equal(below.length, 2);
    return below;
  }

  it("ends at a shutdown, in the middle of a busy loop, and leaves no process", async () => {
    const below = await spin();
    const { reply, output } = await kernel.request(
      "shutdown_request",
      { restart: true },
      { channel: "control" },
    );
    assert.deepEqual(reply.content, { status: "ok", restart: true });
    assert.deepEqual(types(output), ["busy", "shutdown_reply", "idle"]);
    await until(() => kernel.process.exitCode !== null);
    assert.equal(kernel.process.exitCode, 0);
    assert.deepEqual(below.filter(isAlive), []);
  });

  it("that is killed takes the process of the cells and what it started with it", async () => {
    const below = await spin();
    kernel.process.kill("SIGKILL");
    await until(() => !below.some(isAlive));
  });

  it("ends at SIGTERM and leaves no process", async () => {
    const below = await spin();
    kernel.process.kill("SIGTERM");
    await until(() => !below.some(isAlive));
    await until(() => kernel.process.exitCode !== null);
  });

  it("tells of a cell that crashes its process, and goes on with an empty one", async () => {
    await kernel.execute("let precious = 1");
    const answer = await kernel.execute('console.log("last words"); process.kill(process.pid, "SIGSEGV")');
    assert.equal(answer.reply.content.ename, "KernelDied");
    assert.equal(
      traceback(answer),
      "The process of the cells was killed by SIGSEGV. Its variables are gone; the next cell begins anew.",
    );
    assert.equal(ofType(answer.output, "stream")[0].content.text, "last words\n");
    const { reply } = await kernel.execute("precious");
    assert.equal(reply.content.evalue, "1:1 - Cannot find name 'precious'.");
    assert.equal(result(await kernel.execute("2 + 2")), "4");
  });

  it("tells of a cell that ends the process itself", async () => {
    const { reply } = await kernel.execute("process.exit(3)");
    assert.match(String(reply.content.evalue), /^The process of the cells ended with exit code 3\./);
    assert.equal(result(await kernel.execute("1")), "1");
  });

  it("survives promises and callbacks that nobody catches, and says so in their cell", async () => {
    const answer = await kernel.execute(
      'Promise.reject(new Error("lost")); setTimeout(() => { throw new Error("thrown") }, 10); await new Promise((r) => setTimeout(r, 100))',
    );
    assert.equal(answer.reply.content.status, "ok");
    const text = ofType(answer.output, "stream")
      .map(({ content }) => `${content.name}: ${content.text}`)
      .join("");
    assert.match(text, /stderr: Uncaught \(in promise\): .*Error: lost/);
    assert.match(text, /Uncaught: .*Error: thrown/);
  });
});

describe("kernel in another folder", function () {
  this.timeout(120_000);

  it("knows Node and the SDK with their types, without any node_modules", async () => {
    const cwd = mkdtempSync(join(tmpdir(), "mistral-lab-elsewhere-"));
    const kernel = await startTestKernel({ cwd });
    try {
      assert.equal(
        result(
          await kernel.execute(
            'import { readdirSync } from "node:fs";\nimport { domainNames } from "mistral-lab";\n[readdirSync(".").length, typeof domainNames, process.cwd()]',
          ),
        ),
        `[ 0, 'function', '${cwd}' ]`,
      );
      const { reply } = await kernel.execute("const wrong: string = readdirSync;");
      assert.match(String(reply.content.evalue), /is not assignable to type 'string'/);
    } finally {
      await kernel.shutdown();
      rmSync(cwd, { recursive: true });
    }
  });

  it("says what is wrong with a connection file", async () => {
    await assert.rejects(
      KernelClient.start({ command: [process.execPath, MAIN, "/no/such/file.json"] }),
      /Cannot read the connection file \/no\/such\/file\.json: ENOENT/,
    );
  });
});
