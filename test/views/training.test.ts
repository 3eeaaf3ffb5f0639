import assert from "node:assert/strict";
import { join } from "node:path";
import { live } from "../../sdk/train/live.ts";
import { train } from "../../sdk/train/train.ts";
import { DISPLAY, type Displayable } from "../../sdk/views/bundle.ts";
import { inFolder } from "../inFolder.ts";
import { disposeTiny, tinyExamples, tinyLoraModel } from "../tinyModel.ts";
import { collect, resumeOptions } from "../train/support.ts";
import { inNotebook, TestNotebook } from "./notebook.ts";

const examples = tinyExamples(12);
/** A question that the tiny model can be asked. */
const evalExamples = tinyExamples(3, { seed: 9 }).map((example) => ({
  ...example,
  instruction: "ab",
  response: "cd",
  prompt: [{ role: "user" as const, content: "ab" }],
}));

/** With an id for every token that the tokenizer can make. */
const askable = () => tinyLoraModel({}, 1, { vocabSize: 512 });

describe("training in a notebook", () => {
  it("shows one figure, updated in place, and ends with the still one in all forms", async () => {
    const model = await askable();
    const notebook = new TestNotebook();
    const history = await inNotebook(notebook, () =>
      live(train(model, examples, { ...resumeOptions, evalExamples, evalSteps: 4 })),
    );
    disposeTiny(model);
    const { shown } = notebook;
    // The start, three evaluations at least, and the end.
    assert.ok(shown.length >= 5, `${shown.length} drawings`);
    assert.equal(new Set(shown.map(({ id }) => id)).size, 1);
    assert.deepEqual(
      shown.map(({ update }) => update),
      shown.map((_, i) => i > 0),
    );
    const last = shown.at(-1)!.bundle;
    assert.deepEqual(Object.keys(last), [
      "text/plain",
      "text/html",
      "image/svg+xml",
      "application/vnd.plotly.v1+json",
    ]);
    const page = String(last["text/html"]);
    assert.match(page, /finished<\/span> <b>/);
    assert.match(page, /<img src="data:image\/svg/);
    assert.match(page, /What it answers at step 12.*<td[^>]*>ab<\/td>/s);
    assert.match(page, /What it answered before/);
    // Inline while it is drawn again and again: a new image would flicker.
    assert.match(String(shown[2].bundle["text/html"]), /<div class="mlab-figure"><svg /);
    const names = (last["application/vnd.plotly.v1+json"] as { data: { name: string }[] }).data.map(
      ({ name }) => name,
    );
    assert.deepEqual(names, [
      "each step",
      "smoothed",
      "validation",
      "learning rate",
      "each step",
      "smoothed",
      "memory",
    ]);
    assert.equal(history.steps.length, 12);
    assert.equal(history.evaluations.length, 3);
    assert.equal(history.evaluations[0].samples?.[0].question, "ab");
    assert.equal(history.loss, history.steps.at(-1)!.loss);
    assert.match(history[DISPLAY]()["text/plain"], /^finished .* · step 12 of 12 · epoch 2\.40 · loss /);
  });

  it("says in plotly's form what stands around the figure", async () => {
    const model = await askable();
    const notebook = new TestNotebook();
    await inNotebook(notebook, () =>
      live(train(model, examples, { ...resumeOptions, evalExamples, evalSteps: 4 })),
    );
    disposeTiny(model);
    const { layout } = notebook.shown.at(-1)!.bundle["application/vnd.plotly.v1+json"] as {
      layout: { annotations: { text: string }[] };
    };
    const text = layout.annotations.map((note) => note.text).join("\n");
    assert.match(text, /finished .* · step 12 of 12 · .* tokens\/s /);
    assert.match(text, /What it answers at step 12:<br>« ab » → /);
  });

  it("leaves plotly's form to the last drawing where the front end's plotly draws only once", async () => {
    const drawings = async (redraws: boolean) => {
      const model = await askable();
      const notebook = new TestNotebook();
      notebook.redrawsPlotly = redraws;
      await inNotebook(notebook, () =>
        live(train(model, examples, { ...resumeOptions, evalExamples, evalSteps: 4 })),
      );
      disposeTiny(model);
      const drawn = notebook.shown.filter(({ bundle }) => "image/svg+xml" in bundle);
      return drawn.map(({ bundle }) => "application/vnd.plotly.v1+json" in bundle);
    };
    const [always, last] = [await drawings(true), await drawings(false)];
    assert.ok(always.length >= 2 && always.every(Boolean), `${always}`);
    assert.ok(last.length >= 2 && last.at(-1) && !last.slice(0, -1).some(Boolean), `${last}`);
  });

  it("shows it for a plain loop too, and nothing where that is not wanted or in a script", async () => {
    const options = { ...resumeOptions, maxSteps: 2 };
    const draws = async (figure: boolean) => {
      const model = await tinyLoraModel();
      const notebook = new TestNotebook();
      const events = await inNotebook(notebook, () =>
        collect(train(model, examples, { ...options, figure })),
      );
      disposeTiny(model);
      const step = events[1] as unknown as Displayable;
      assert.match(step[DISPLAY]()["text/plain"], /^step: step 1, steps 2, /);
      return notebook.shown.length;
    };
    assert.ok((await draws(true)) >= 2);
    assert.equal(await draws(false), 0);
  });

  it("draws a stopped run as stopped, and a resumed one from its beginning", () =>
    inFolder(async (dir) => {
      const outputDir = join(dir, "run");
      const notebook = new TestNotebook();
      await inNotebook(notebook, async () => {
        const model = await tinyLoraModel();
        for await (const event of train(model, examples, { ...resumeOptions, outputDir }))
          if (event.type === "step" && event.step === 5) break;
        disposeTiny(model);
      });
      assert.match(String(notebook.shown.at(-1)!.bundle["text/plain"]), /^stopped .* step 5 of 12/);
      const second = new TestNotebook();
      await inNotebook(second, async () => {
        const model = await tinyLoraModel();
        await live(train(model, examples, { ...resumeOptions, outputDir, resume: true }));
        disposeTiny(model);
      });
      const { data } = second.shown.at(-1)!.bundle["application/vnd.plotly.v1+json"] as {
        data: { x: number[] }[];
      };
      assert.deepEqual(data[0].x, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    }));

  it("prints a line now and then in a script", async () => {
    const model = await tinyLoraModel();
    const written: string[] = [];
    const write = process.stdout.write;
    process.stdout.write = ((text: string) => written.push(text) > 0) as typeof write;
    try {
      await live(train(model, examples, { ...resumeOptions, maxSteps: 4 }));
    } finally {
      process.stdout.write = write;
    }
    disposeTiny(model);
    const lines = written.join("").split("\n");
    assert.match(
      lines[0],
      /^step 1 of 4 · epoch 0\.\d\d · loss \d\.\d+ · tokens\/s [\d,]+ · memory .* · left \d:\d\d$/,
    );
    assert.match(lines.at(-2)!, /^finished /);
  });

  it("answers as many held-out questions as it is asked to", async () => {
    const model = await askable();
    const options = { ...resumeOptions, maxSteps: 2, evalSteps: 2, evalExamples };
    const samples = async (sampleAnswers: number) => {
      const events = await collect(train(model, examples, { ...options, sampleAnswers }));
      const evaluation = events.find((event) => event.type === "eval");
      return evaluation?.samples?.length;
    };
    assert.deepEqual([await samples(2), await samples(0)], [2, undefined]);
    disposeTiny(model);
  });
});
