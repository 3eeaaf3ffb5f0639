/** End to end: a real kernel process, a real ZeroMQ client, signed messages. What cells show and answer. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { KernelClient } from "../../kernel-ext/client.ts";
import type { Message } from "../../kernel-ext/messages.ts";
import { pack, Signer } from "../../kernel-ext/wire.ts";
import { ofType, printed, result, sleep, startTestKernel, traceback, types, until } from "./kernelProcess.ts";

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
  });

  describe("errors", () => {
    it("carry name, message and the TypeScript line of every frame", async () => {
      const answer = await run(
        [
          "interface Point { x: number }",
          "type Unused = string",
          "function check(point: Point): number {",
          "  if (point.x > 1) {",
          '    throw new RangeError("too far");',
          "  }",
          "  return point.x;",
          "}",
          "",
          "check({ x: 3 });",
        ].join("\n"),
      );
      const { content } = answer.reply;
      assert.equal(content.status, "error");
      assert.equal(content.ename, "RangeError");
      assert.equal(content.evalue, "too far");
      const number = content.execution_count;
      const text = traceback(answer);
      assert.match(text, new RegExp(`at check \\(In\\[${number}\\]:5:11\\)`));
      assert.match(text, new RegExp(`at In\\[${number}\\]:10:1\\n`));
      assert.match(text, /5 \| {5}throw new RangeError\("too far"\);\n {2}\| {11}\^/);
      assert.doesNotMatch(text, /node:internal|kernel-ext|tslab/);
      const { content: shown } = ofType(answer.output, "error")[0];
      assert.deepEqual(shown, { ename: content.ename, evalue: content.evalue, traceback: content.traceback });
    });

    it("name the cell in which the code stands, not the one that calls it", async () => {
      const { reply } = await run('const fail = (): never => {\n  throw new Error("from afar");\n};');
      const answer = await run("fail()");
      assert.match(
        traceback(answer),
        new RegExp(
          `In\\[${reply.content.execution_count}\\]:2:9[^]*In\\[${answer.reply.content.execution_count}\\]:1:1`,
        ),
      );
    });

    it("keep their lines after an await, and tell their cause", async () => {
      const answer = await run(
        'await null;\ntype T = 1;\nthrow new Error("outer", { cause: new TypeError("inner") })',
      );
      assert.match(traceback(answer), /In\[\d+\]:3:7/);
      assert.match(traceback(answer), /Caused by:\nTypeError: inner/);
    });

    it("may be any value", async () => {
      const { reply } = await run("throw { code: 5 }");
      assert.equal(reply.content.ename, "Thrown");
      assert.equal(reply.content.evalue, "{ code: 5 }");
    });

    it("leave what the cell has done before alive, and earlier variables too", async () => {
      await run("let before = 1; let again = 'kept'");
      await run('before = 2; const made = 3; throw new Error("stop"); let again = "lost"');
      assert.equal(result(await run("[before, made, again]")), "[ 2, 3, 'kept' ]");
    });

    it("of types are shown with line and column, and a switch runs the cell all the same", async () => {
      const code = 'const word = "x";\nconst count: number = word;\ncount';
      const wrong = await run(code);
      assert.equal(wrong.reply.content.ename, "TypeError");
      assert.equal(wrong.reply.content.evalue, "2:7 - Type 'string' is not assignable to type 'number'.");
      assert.match(traceback(wrong), /2 \| const count: number = word;\n {2}\| {7}\^/);
      assert.match(traceback(wrong), /begin it with \/\/ @ts-nocheck/);
      assert.equal(result(await run(`// @ts-nocheck\n${code}`)), "'x'");
      assert.equal(result(await run("// @ts-nocheck\nglobalThis.loose = 4; loose")), "4");
    });

    it("of syntax are told as such, also where types are not checked", async () => {
      const { reply } = await run("// @ts-nocheck\nconst = 5");
      assert.equal(reply.content.ename, "SyntaxError");
      assert.match(String(reply.content.evalue), /^2:7 - /);
    });
  });

  describe("imports", () => {
    it("the SDK by its name, with its types", async () => {
      assert.equal(
        result(await run('import { domainNames } from "mistral-lab";\ntypeof domainNames')),
        "'function'",
      );
      const { reply } = await run("const wrong: number = domainNames;");
      assert.match(String(reply.content.evalue), /^1:7 - Type '.*' is not assignable to type 'number'\.$/m);
    });

    it("CommonJS, ES modules and native addons", async () => {
      assert.equal(
        result(await run('import Papa from "papaparse";\nPapa.parse("a,b").data[0]')),
        "[ 'a', 'b' ]",
      );
      assert.equal(
        result(
          await run(
            'import { Template } from "@huggingface/jinja";\nnew Template("{{ x }}").render({ x: 5 })',
          ),
        ),
        "'5'",
      );
      assert.equal(result(await run('import { Router } from "zeromq";\ntypeof Router')), "'function'");
    });

    it("a module that awaits at its top level", async () => {
      await run(
        'import { writeFileSync, mkdtempSync } from "node:fs";\nconst folder = mkdtempSync("/tmp/mistral-lab-test-");\nwriteFileSync(folder + "/slow.mjs", "export const answer = await Promise.resolve(42);");',
      );
      const folder = String(result(await run("folder"))).replaceAll("'", "");
      const { answer, text } = await run(
        `// @ts-nocheck\nimport { answer } from "${folder}/slow.mjs";\nanswer`,
      ).then((got) => ({ answer: result(got), text: got.reply.content.evalue }));
      assert.equal(answer, "42", String(text));
    });

    it("says which module is not there", async () => {
      const { reply } = await run('import x from "no-such-package";');
      assert.match(String(reply.content.evalue), /^1:15 - Cannot find module 'no-such-package'/);
    });
  });

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
