/** End to end: a real kernel process, a real ZeroMQ client, signed messages. What cells show and answer. */
import assert from "node:assert/strict";
import type { KernelClient } from "../../kernel-ext/client.ts";
import type { Message } from "../../kernel-ext/messages.ts";
import { ofType, printed, result, startTestKernel, types, until } from "./kernelProcess.ts";

describe("kernel", function () {
  this.timeout(120_000);
  let kernel: KernelClient;
  const run = (code: string, options = {}) => kernel.execute(code, options);

  before(async () => {
    kernel = await startTestKernel();
  });
  after(() => kernel.shutdown());

  it("says what it is: protocol 5.4, TypeScript", async () => {
    const { reply } = await kernel.request("kernel_info_request", {});
    assert.equal(reply.content.status, "ok");
    assert.equal(reply.content.protocol_version, "5.4");
    const language = reply.content.language_info as Record<string, unknown>;
    assert.equal(language.name, "typescript");
    assert.equal(language.file_extension, ".ts");
  });

  it("answers on control as on shell", async () => {
    const { reply } = await kernel.request("kernel_info_request", {}, { channel: "control" });
    assert.equal(reply.header.msg_type, "kernel_info_reply");
  });

  it("beats its heart", async () => {
    assert.equal(await kernel.beat("still there?"), "still there?");
  });

  it("shows the last expression as execute_result, between busy and idle", async () => {
    const answer = await run("1 + 1");
    assert.deepEqual(types(answer.output), ["busy", "execute_input", "execute_result", "idle"]);
    assert.equal(result(answer), "2");
    assert.equal(answer.reply.content.status, "ok");
    assert.equal(ofType(answer.output, "execute_input")[0].content.code, "1 + 1");
  });

  it("shows nothing for undefined and for a declaration", async () => {
    assert.deepEqual(types((await run("undefined")).output), ["busy", "execute_input", "idle"]);
    assert.deepEqual(types((await run("const quiet = 5")).output), ["busy", "execute_input", "idle"]);
  });

  it("awaits at the top level, and the last expression where it is a promise", async () => {
    assert.equal(
      result(
        await run("const later = await new Promise<number>((r) => setTimeout(() => r(7), 20));\nlater * 2"),
      ),
      "14",
    );
    assert.equal(result(await run("Promise.resolve('soon')")), "'soon'");
  });

  it("keeps variables, and lets them be declared again with another type", async () => {
    await run("let value = 1");
    await run("value = value + 1");
    assert.equal(result(await run("value")), "2");
    await run('const value = "text"');
    assert.equal(result(await run("value.toUpperCase()")), "'TEXT'");
  });

  it("keeps stdout and stderr apart, in order", async () => {
    const { output } = await run('console.log("a"); console.error("b"); process.stdout.write("c")');
    assert.deepEqual(
      ofType(output, "stream").map(({ content }) => [content.name, content.text]),
      [
        ["stdout", "a\n"],
        ["stderr", "b\n"],
        ["stdout", "c"],
      ],
    );
  });

  it("shows what a program prints that the cell has started", async () => {
    const { output } = await run(
      'import { execFileSync } from "node:child_process";\nexecFileSync("echo", ["from outside"], { stdio: "inherit" });\nawait new Promise((r) => setTimeout(r, 200));',
    );
    assert.equal(printed(output), "from outside\n");
  });

  it("brings 10 MB of output whole", async () => {
    const { output } = await run('console.log("x".repeat(10_000_000))');
    assert.equal(printed(output).length, 10_000_001);
  });

  it("brings 100,000 lines whole, in few messages", async () => {
    const { output } = await run("for (let i = 0; i < 100_000; i++) console.log(i)");
    assert.equal(printed(output), Array.from({ length: 100_000 }, (_, i) => `${i}\n`).join(""));
    assert.ok(ofType(output, "stream").length < 10_000, `${ofType(output, "stream").length} messages`);
  });

  it("shows output of a loop while it still runs", async () => {
    let seen = false;
    const answer = kernel.execute(
      'console.log("first"); const end = Date.now() + 1500; while (Date.now() < end) {}',
      {},
      ({ header }) => {
        if (header.msg_type === "stream") seen = true;
      },
    );
    let done = false;
    void answer.then(() => {
      done = true;
    });
    await until(() => seen);
    assert.equal(done, false);
    await answer;
  });

  it("gives late output to the cell that caused it", async () => {
    const late: Message[] = [];
    kernel.onIopub = (message) => {
      if (message.header.msg_type === "stream") late.push(message);
    };
    const first = await run(
      'import * as files from "node:fs";\nsetTimeout(() => { console.log("late"); files.readFile("/dev/null", () => console.log("later")); }, 300)',
    );
    await run('console.log("second")');
    // Streams are put together: "late" and "later" may come in one message.
    await until(() => printed(late).includes("later"));
    kernel.onIopub = () => {};
    const own = late.filter(({ parent_header }) => parent_header.msg_id === first.reply.parent_header.msg_id);
    assert.equal(printed(own), "late\nlater\n");
  });

  describe("displays", () => {
    it("shows the bundle of Jupyter.display as the last expression and by display", async () => {
      await run(
        'const rich = { [Symbol.for("Jupyter.display")]: () => ({ "text/html": "<b>1</b>", "text/plain": "one" }) }',
      );
      const last = ofType((await run("rich")).output, "execute_result")[0];
      assert.deepEqual(last.content.data, { "text/html": "<b>1</b>", "text/plain": "one" });
      const shown = ofType((await run("display(rich)")).output, "display_data")[0];
      assert.deepEqual(shown.content.data, { "text/html": "<b>1</b>", "text/plain": "one" });
    });

    it("waits for an asynchronous bundle, and encodes bytes", async () => {
      const { output } = await run(
        'display({ [Symbol.for("Jupyter.display")]: async () => { await new Promise((r) => setTimeout(r, 50)); return { "image/png": new Uint8Array([1, 2, 3]) }; } })',
      );
      assert.deepEqual(ofType(output, "display_data")[0].content.data, { "image/png": "AQID" });
    });

    it("replaces a display by its id and by its handle, also from a later cell", async () => {
      const { output } = await run('const bar = display("0 %", { id: "bar" }); bar.update("50 %")');
      assert.deepEqual(types(output), [
        "busy",
        "execute_input",
        "display_data",
        "update_display_data",
        "idle",
      ]);
      for (const message of output.slice(2, 4))
        assert.deepEqual(message.content.transient, { display_id: "bar" });
      const later = await run('display("100 %", { id: "bar" })');
      assert.deepEqual(types(later.output), ["busy", "execute_input", "update_display_data", "idle"]);
    });

    it("clears the output, at once or with the next output", async () => {
      const { output } = await run("clearOutput(); clearOutput(true)");
      assert.deepEqual(
        ofType(output, "clear_output").map(({ content }) => content.wait),
        [false, true],
      );
    });

    it("names what is wrong with a bundle", async () => {
      const { reply } = await run('({ [Symbol.for("Jupyter.display")]: () => ({ html: "x" }) })');
      assert.equal(
        reply.content.evalue,
        'A MIME bundle has a key "html", expected a type such as "text/html"',
      );
    });

    it("says what JSON cannot carry, of a last value and of a display", async () => {
      for (const [value, problem] of [
        ["{ a: 1n }", "Do not know how to serialize a BigInt"],
        ["circle", "Converting circular structure to JSON"],
        ["() => 1", "it has no such value"],
        ['{ toJSON() { throw new Error("mine") } }', "mine"],
      ]) {
        const bundle = `{ "text/plain": "x", "application/json": ${value} }`;
        for (const code of [
          `({ [Symbol.for("Jupyter.display")]: () => (${bundle}) })`,
          `display(${bundle}, { raw: true })`,
        ]) {
          const { reply } = await kernel.execute(`const circle: any = {}; circle.circle = circle;\n${code}`);
          assert.equal(
            reply.content.evalue,
            `A MIME bundle has for "application/json" what JSON cannot carry: ${problem}`,
          );
        }
      }
    });
  });
});
