/** End to end: what goes wrong in a cell, and what a cell can import. A real kernel process, a real ZeroMQ client. */
import assert from "node:assert/strict";
import type { KernelClient } from "../../kernel-ext/client.ts";
import { ofType, printed, result, startTestKernel, traceback } from "./kernelProcess.ts";

describe("cells of a kernel", function () {
  this.timeout(120_000);
  let kernel: KernelClient;
  const run = (code: string, options = {}) => kernel.execute(code, options);

  before(async () => {
    kernel = await startTestKernel();
  });
  after(() => kernel.shutdown());

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

    it("end their cell also where they cannot be looked at, and leave its variables", async () => {
      await run("const there = 1");
      for (const code of [
        'throw new Proxy({}, { get() { throw new Error("mine") } })',
        'throw { get message(): string { throw new Error("mine") }, stack: "s" }',
        'throw { [Symbol.for("nodejs.util.inspect.custom")]() { throw new Error("mine") } }',
        'throw Object.assign(new Error(), { message: { toString() { throw new Error("mine") } } })',
      ]) {
        const { reply } = await run(code);
        assert.equal(reply.content.evalue, "a value that cannot be shown: Error: mine", code);
      }
      const late = await run(
        'setTimeout(() => { throw new Proxy({}, { get() { throw new Error("mine") } }) }); await new Promise((r) => setTimeout(r, 100))',
      );
      assert.match(printed(late.output, "stderr"), /^Uncaught: .*a value that cannot be shown: Error: mine/);
      assert.equal(result(await run("there")), "1");
    });

    it("tell a cause that comes round once, and the errors of an AggregateError", async () => {
      const circle = await run(
        'const a: Error = new Error("a", { cause: new Error("b") });\n(a.cause as Error).cause = a;\nthrow a',
      );
      assert.match(traceback(circle), /^Error: a\n.*Caused by:\nError: b\n/s);
      assert.equal(traceback(circle).match(/Caused by/g)?.length, 1);
      const all = await run('await Promise.any([Promise.reject(new Error("one")), Promise.reject(5)])');
      assert.match(
        traceback(all),
        /promises were rejected\n.*Error 1 of 2:\nError: one\n.*Error 2 of 2:\nUncaught 5$/s,
      );
      const many = await run(
        'throw new AggregateError(Array.from({ length: 1000 }, (_, i) => new Error(String(i))), "many")',
      );
      assert.match(traceback(many), /Error 5 of 1000:\nError: 4\n.*\n\nand more$/s);
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
});
