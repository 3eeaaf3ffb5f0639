/** End to end: stopping cells, asking in cells, and answering while a cell is busy. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { KernelClient } from "../../kernel-ext/client.ts";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";
import { inFolder } from "../inFolder.ts";
import { printed, result, sleep, startTestKernel, until } from "./kernelProcess.ts";

describe("kernel, while a cell runs", function () {
  this.timeout(30_000);
  let kernel: KernelClient;

  before(async () => {
    kernel = await startTestKernel();
    await kernel.execute('let alive = "yes"');
  });
  after(() => kernel.shutdown());
  afterEach(() => {
    kernel.onInput = undefined;
  });

  /** Runs a cell that prints when it is under way, then does something, and waits for its end. */
  async function during(code: string, act: () => Promise<unknown> | unknown) {
    let under = false;
    const answer = kernel.execute(code, {}, ({ header }) => {
      if (header.msg_type === "stream") under = true;
    });
    await until(() => under);
    try {
      await act();
    } catch (error) {
      // The next test needs the kernel.
      await kernel.interrupt();
      throw error;
    }
    return answer;
  }

  async function stops(code: string, act = (): unknown => kernel.interrupt()) {
    const answer = await during(code, act);
    assert.equal(answer.reply.content.status, "error");
    assert.equal(answer.reply.content.ename, "Interrupted");
    assert.equal(answer.reply.content.evalue, "The cell was interrupted.");
    // The kernel goes on, with its variables.
    assert.equal(result(await kernel.execute("alive")), "'yes'");
  }

  it("stops a busy loop", () => stops('console.log("go"); while (true) {}'));

  it("stops a busy loop that catches everything", () =>
    stops('console.log("go"); while (true) { try { while (true) {} } catch {} finally {} }'));

  it("stops a busy loop after an await", () => stops('await null; console.log("go"); while (true) {}'));

  it("stops a busy loop in a function of an earlier cell, in a promise's callback", async () => {
    await kernel.execute("const spin = () => { while (true) {} }");
    await stops('console.log("go"); await Promise.resolve().then(spin)');
  });

  it("stops a loop that awaits and never sleeps", () => stops('console.log("go"); while (true) await null'));

  it("stops a busy loop in a timer", () =>
    stops(
      'console.log("go"); await new Promise(() => setTimeout(() => { while (true) {} }, 10))',
      async () => {
        await sleep(200);
        await kernel.interrupt();
      },
    ));

  it("stops a cell that waits", () => stops('console.log("go"); await new Promise(() => {})'));

  it("stops at a signal to its process as at a message", async () => {
    await stops('console.log("go"); while (true) {}', () => kernel.process.kill("SIGINT"));
    await stops('console.log("go"); await new Promise(() => {})', () => kernel.process.kill("SIGINT"));
  });

  it("lets nothing of a stopped loop go on behind the prompt", async () => {
    await stops(
      'var rounds = 0; console.log("go"); while (true) { rounds++; await new Promise((r) => setTimeout(r, 20)); }',
    );
    const rounds = result(await kernel.execute("rounds"));
    await sleep(200);
    assert.equal(result(await kernel.execute("rounds")), rounds);
  });

  it("runs the finally blocks of a cell that sleeps", async () => {
    await stops(
      'import { setTimeout as pause } from "node:timers/promises";\nvar tidied = false; console.log("go");\ntry { while (true) await pause(50) } finally { tidied = true }',
    );
    assert.equal(result(await kernel.execute("tidied")), "true");
  });

  it("does nothing between cells", async () => {
    assert.equal((await kernel.interrupt()).reply.content.status, "ok");
    assert.equal(result(await kernel.execute("alive")), "'yes'");
  });

  it("does not run what waits behind a stopped cell", async () => {
    const first = kernel.execute('console.log("go"); while (true) {}');
    const second = kernel.execute('var ran = "second"');
    await sleep(300);
    await kernel.interrupt();
    assert.equal((await first).reply.content.status, "error");
    assert.equal((await second).reply.content.status, "aborted");
  });

  const SIGNAL = 'const { signal } = globalThis[Symbol.for("mistral-lab.frontEnd")];';

  it("lets a cell that looks at the signal end in order, even one that never waits", async () => {
    const answer = await during(
      `// @ts-nocheck\n${SIGNAL} console.log("go"); let n = 0; while (!signal.aborted) n++; ["saved", n > 0]`,
      () => kernel.interrupt(),
    );
    assert.equal(answer.reply.content.status, "ok");
    assert.equal(result(answer), "[ 'saved', true ]");
  });

  it("does not cut a long step of a cell that looks at the signal", async () => {
    const answer = await during(
      `// @ts-nocheck\n${SIGNAL} console.log("go"); const end = Date.now() + 1500; while (Date.now() < end) {}\nsignal.aborted ? "saved" : "went on"`,
      () => kernel.interrupt(),
    );
    assert.equal(result(answer), "'saved'");
  });

  it("ends a cell that ignores its signal at the second interrupt", () =>
    stops(`// @ts-nocheck\n${SIGNAL} console.log("go"); while (true) {}`, async () => {
      await kernel.interrupt();
      await kernel.interrupt();
    }));

  it("stops a training between two steps, with a checkpoint and the model alive; others are answered meanwhile", () =>
    inFolder(async (dir) => {
      const data = join(packageRoot(), "data");
      const setUp = await kernel.execute(`
        import { attachLora, loadCsv, loadModel, prepareDataset, quantize, train } from "mistral-lab";
        const model = attachLora(quantize(await loadModel(${JSON.stringify(join(data, "models/mini"))})), { r: 4 });
        const table = await loadCsv(${JSON.stringify(join(data, "support.en.csv"))});
        const { train: examples } = prepareDataset(table, model.tokenizer);
        let steps = 0;`);
      assert.equal(setUp.reply.content.status, "ok", JSON.stringify(setUp.reply.content));
      const answer = await during(
        `for await (const event of train(model, examples, { epochs: 1000, figure: false, outputDir: ${JSON.stringify(dir)}, overwrite: true }))
           if (event.type === "step") { steps = event.step; if (steps === 2) console.log("go"); }`,
        async () => {
          const started = Date.now();
          await kernel.request("kernel_info_request", {}, { channel: "control" });
          assert.ok(Date.now() - started < 1000);
          await kernel.interrupt();
        },
      );
      assert.equal(answer.reply.content.status, "ok", JSON.stringify(answer.reply.content));
      const after = await kernel.execute("[model.config.layers > 0, steps] as const");
      const [alive, steps] = JSON.parse(result(after) as string) as [boolean, number];
      assert.ok(alive && steps >= 2);
      assert.ok(
        existsSync(join(dir, `checkpoint-${steps}`)),
        `checkpoint-${steps} among ${readdirSync(dir)}`,
      );
    }));

  it("answers heart, control, completion, inspection and history in the middle of a busy loop", async () => {
    let over = false;
    const answers: string[] = [];
    const cell = during('console.log("go"); while (true) {}', async () => {
      answers.push(await kernel.beat());
      for (const [type, content, channel] of [
        ["kernel_info_request", {}, "control"],
        ["kernel_info_request", {}, "shell"],
        ["complete_request", { code: "JSON.str", cursor_pos: 8 }, "shell"],
        ["inspect_request", { code: "JSON", cursor_pos: 2, detail_level: 0 }, "shell"],
        ["is_complete_request", { code: "1" }, "shell"],
        ["history_request", { hist_access_type: "tail", n: 1 }, "shell"],
        ["comm_info_request", {}, "shell"],
      ] as const) {
        const { reply, output } = await kernel.request(type, content, { channel });
        answers.push(reply.header.msg_type);
        assert.notEqual(reply.content.status, "error");
        assert.deepEqual(
          output.map((message) => message.content.execution_state),
          ["busy", "idle"],
        );
      }
      assert.equal(over, false);
      await kernel.interrupt();
    });
    await cell;
    over = true;
    assert.equal(answers.length, 8);
  });

  describe("input", () => {
    it("prompt and password ask the front end, each with its own kind of field", async () => {
      const asked: [string, boolean][] = [];
      kernel.onInput = (prompt, password, reply) => {
        asked.push([prompt, password]);
        reply(`answer ${asked.length}`);
      };
      const answer = await kernel.execute('[await prompt("Name? "), await password("Key? ")]');
      assert.equal(result(answer), "[ 'answer 1', 'answer 2' ]");
      assert.deepEqual(asked, [
        ["Name? ", false],
        ["Key? ", true],
      ]);
    });

    it("confirm asks until it hears yes or no", async () => {
      const answers = ["perhaps", "oui"];
      kernel.onInput = (_, __, reply) => reply(answers.shift()!);
      assert.equal(result(await kernel.execute('await confirm("Go on?")')), "true");
      assert.deepEqual(answers, []);
    });

    it("is shown after what was printed before it", async () => {
      let printedBefore = "";
      kernel.onIopub = (message) => {
        printedBefore += printed([message]);
      };
      let seen = "";
      kernel.onInput = async (_, __, reply) => {
        await sleep(100);
        seen = printedBefore;
        reply("");
      };
      await kernel.execute('console.log("question 1"); await prompt("")');
      kernel.onIopub = () => {};
      assert.equal(seen, "question 1\n");
    });

    it("that is waited for can be interrupted", async () => {
      kernel.onInput = () => void kernel.interrupt();
      const { reply } = await kernel.execute('await prompt("Never answered")');
      assert.equal(reply.content.status, "error");
      assert.equal(result(await kernel.execute("alive")), "'yes'");
    });

    it("throws where the front end allows none", async () => {
      for (const call of ['prompt("Name? ")', 'password("Name? ")']) {
        const { reply } = await kernel.execute(`await ${call}`);
        assert.equal(
          reply.content.evalue,
          'This front end allows no input, so the question "Name? " cannot be asked: run the notebook in JupyterLab, Jupyter Notebook or VS Code, or give the value in a variable.',
        );
      }
      const { reply } = await kernel.execute('await confirm("Sure?")');
      assert.match(String(reply.content.evalue), /^This front end allows no input/);
    });
  });
});
