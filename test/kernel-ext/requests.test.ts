/** End to end: requests beside cells, comms, and what is not signed rightly. A real kernel process, a real ZeroMQ client. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { KernelClient } from "../../kernel-ext/client.ts";
import type { Message } from "../../kernel-ext/messages.ts";
import { pack, Signer } from "../../kernel-ext/wire.ts";
import { result, sleep, startTestKernel, types, until } from "./kernelProcess.ts";

describe("requests to a kernel", function () {
  this.timeout(120_000);
  let kernel: KernelClient;
  const run = (code: string, options = {}) => kernel.execute(code, options);

  before(async () => {
    kernel = await startTestKernel();
  });
  after(() => kernel.shutdown());

  describe("requests beside cells", () => {
    it("is_complete tells complete, incomplete and invalid apart", async () => {
      const status = async (code: string) =>
        (await kernel.request("is_complete_request", { code })).reply.content;
      assert.deepEqual(await status("1 + 1"), { status: "complete" });
      assert.deepEqual(await status("function f() {"), { status: "incomplete", indent: "  " });
      assert.equal((await status("const a = `text")).status, "incomplete");
      assert.equal((await status("let x = ];")).status, "invalid");
    });

    it("completes members, variables of earlier cells, and counts the cursor in characters", async () => {
      await run("const camembert = { flavour: 1, colour: 2 }");
      const code = "'🧀'; camembert.fl";
      const { reply } = await kernel.request("complete_request", { code, cursor_pos: [...code].length });
      const { matches, cursor_start, cursor_end } = reply.content;
      assert.deepEqual(matches, ["flavour"]);
      assert.deepEqual([cursor_start, cursor_end], [[...code].length - 2, [...code].length]);
    });

    it("inspects with type and documentation", async () => {
      await run(
        "/** Adds one.\n * @param n what is added to */\nfunction increment(n: number) { return n + 1; }",
      );
      const { reply } = await kernel.request("inspect_request", {
        code: "increment(5)",
        cursor_pos: 4,
        detail_level: 0,
      });
      assert.equal(reply.content.found, true);
      const text = (reply.content.data as Record<string, string>)["text/plain"];
      assert.match(text, /function increment\(n: number\): number/);
      assert.match(text, /Adds one\./);
      await run('import { loadCsv } from "mistral-lab"');
      const imported = await kernel.request("inspect_request", { code: "loadCsv", cursor_pos: 7 });
      const shown = (imported.reply.content.data as Record<string, string>)["text/markdown"];
      assert.match(shown, /^```typescript\nfunction loadCsv\([^`]*Promise<[^`]*>\n```\n\n\w/);
      const nothing = await kernel.request("inspect_request", { code: "  ", cursor_pos: 1 });
      assert.deepEqual([nothing.reply.content.found, nothing.reply.content.status], [false, "ok"]);
    });

    it("keeps history, and finds in it", async () => {
      await run("'needle one'");
      await run("'needle two'");
      const find = async (content: Record<string, unknown>) =>
        (await kernel.request("history_request", { output: false, raw: true, ...content })).reply.content
          .history as [number, number, string][];
      const tail = await find({ hist_access_type: "tail", n: 2 });
      assert.deepEqual(
        tail.map(([, , code]) => code),
        ["'needle one'", "'needle two'"],
      );
      assert.equal((await find({ hist_access_type: "search", pattern: "*needle*" })).length, 2);
      const [, line] = tail[1];
      const outputs = await find({
        hist_access_type: "range",
        session: 0,
        start: line,
        stop: line + 1,
        output: true,
      });
      assert.deepEqual(outputs, [[1, line, ["'needle two'", "'needle two'"]]]);
    });

    it("evaluates user_expressions after the cell", async () => {
      const { reply } = await run("const base = 20", {
        user_expressions: { twice: "base * 2", bad: "nothing" },
      });
      const { twice, bad } = reply.content.user_expressions as Record<string, Record<string, unknown>>;
      assert.deepEqual(twice, { status: "ok", data: { "text/plain": "40" }, metadata: {} });
      assert.equal(bad.status, "error");
      assert.equal(bad.evalue, "1:2 - Cannot find name 'nothing'.");
    });

    it("silent runs without input, result, count and history; store_history only without the last two", async () => {
      const { reply } = await run("1");
      const count = reply.content.execution_count;
      const silent = await run("var hidden = 3; hidden", { silent: true });
      assert.deepEqual(types(silent.output), ["busy", "idle"]);
      const unstored = await run("hidden", { store_history: false });
      assert.equal(result(unstored), "3");
      assert.equal(unstored.reply.content.execution_count, count);
      const { reply: next } = await run("2");
      assert.equal(next.content.execution_count, Number(count) + 1);
    });

    it("an error aborts the cells behind it, unless stop_on_error is false", async () => {
      const failing = 'await new Promise((r) => setTimeout(r, 100)); throw new Error("x")';
      const [, second] = await Promise.all([run(failing), run("1")]);
      assert.equal(second.reply.content.status, "aborted");
      assert.deepEqual(types(second.output), ["busy", "idle"]);
      const [, going] = await Promise.all([run(failing, { stop_on_error: false }), run("1")]);
      assert.equal(going.reply.content.status, "ok");
      assert.equal((await run("3")).reply.content.status, "ok");
    });

    it("name? opens the pager", async () => {
      const { reply } = await run("JSON.stringify?");
      const [page] = reply.content.payload as { source: string; data: Record<string, string> }[];
      assert.equal(page.source, "page");
      assert.match(page.data["text/plain"], /stringify/);
    });
  });

  describe("comms", () => {
    it("open from a cell, carry messages both ways, and are listed", async () => {
      const seen: Message[] = [];
      kernel.onIopub = (message) => {
        if (message.header.msg_type.startsWith("comm_")) seen.push(message);
      };
      await run(
        'const channel = comms.open("meter", { start: 1 }); channel.onMessage = (data) => channel.send({ got: data.value });',
      );
      const [opened] = seen;
      assert.equal(opened.header.msg_type, "comm_open");
      assert.equal(opened.content.target_name, "meter");
      assert.deepEqual(opened.content.data, { start: 1 });
      const id = opened.content.comm_id;
      const { reply } = await kernel.request("comm_info_request", { target_name: "meter" });
      assert.deepEqual(reply.content.comms, { [String(id)]: { target_name: "meter" } });
      await kernel.tell("comm_msg", { comm_id: id, data: { value: 9 } });
      await until(() => seen.length === 2);
      assert.deepEqual(seen[1].content, { comm_id: id, data: { got: 9 } });
      await kernel.tell("comm_close", { comm_id: id, data: {} });
      const after = await kernel.request("comm_info_request", {});
      assert.deepEqual(after.reply.content.comms, {});
      kernel.onIopub = () => {};
    });

    it("to a target that nobody knows are closed at once", async () => {
      const closed = new Promise<Message>((resolve) => {
        kernel.onIopub = (message) => {
          if (message.header.msg_type === "comm_close") resolve(message);
        };
      });
      await kernel.tell("comm_open", { comm_id: "stray", target_name: "nobody", data: {} });
      assert.equal((await closed).content.comm_id, "stray");
      kernel.onIopub = () => {};
    });
  });

  describe("signatures", () => {
    it("a forged message is dropped without a word, and runs nothing", async () => {
      const said: Message[] = [];
      kernel.onIopub = (message) => said.push(message);
      const content = { code: "globalThis.forged = true", silent: false, allow_stdin: false };
      const message = kernel.message("execute_request", content);
      await kernel.sendFrames("shell", pack(message, new Signer("not the key")));
      await kernel.sendFrames("control", pack(kernel.message("shutdown_request", {}), new Signer("")));
      await kernel.sendFrames("shell", [Buffer.from("<IDS|MSG>"), Buffer.from("{"), Buffer.from("nonsense")]);
      await sleep(500);
      assert.deepEqual(said, []);
      kernel.onIopub = () => {};
      assert.equal(result(await run("// @ts-nocheck\ntypeof forged")), "'undefined'");
    });

    it("a signed request with wrong content is answered with an error", async () => {
      const { reply } = await kernel.request("execute_request", { code: 5 });
      assert.equal(reply.content.status, "error");
      assert.equal(reply.content.evalue, 'execute_request has 5 for "code", expected a string.');
    });
  });
});
