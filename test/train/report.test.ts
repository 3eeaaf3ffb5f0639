import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { StepEvent, TrainEvent } from "../../sdk/train/events.ts";
import { reportClientPath, reportHtml, reportProblem, writeReport } from "../../sdk/train/report.ts";
import { reportData } from "../../sdk/train/reportData.ts";
import type { RunSettings } from "../../sdk/train/settings.ts";
import { train } from "../../sdk/train/train.ts";
import { smooth } from "../../sdk/views/chart.ts";
import { assertClose } from "../compare.ts";
import { inFolder } from "../inFolder.ts";
import { disposeTiny, tinyExamples, tinyLoraModel } from "../tinyModel.ts";
import { collect, resumeOptions } from "./support.ts";

const settings: RunSettings = {
  startedAt: "2024-05-06T07:08:09.000Z",
  node: "v20.19.0",
  baseModel: 'a <b> & "c" </script>',
  trainableParameters: 10,
  lora: { r: 8, alpha: 16, dropout: 0.05, targetModules: ["q_proj", "v_proj"] },
  options: { epochs: 3, maxSteps: undefined, evalExamples: 0 },
  dataset: "",
  model: "",
};

function step(n: number, loss: number): StepEvent {
  const rest = {
    learningRate: 1e-4,
    gradNorm: n,
    tokensPerSecond: 100 * n,
    secondsLeft: 0,
    memoryBytes: 2 ** 20,
  };
  return { type: "step", step: n, steps: 3, epoch: n / 3, loss, ...rest };
}

const events: TrainEvent[] = [
  {
    type: "start",
    steps: 3,
    startStep: 0,
    epochs: 1,
    examples: 1234,
    trainableParameters: 10,
    tokensPerEpoch: 20,
    trainedTokensPerEpoch: 15,
    gradientCheckpointing: false,
    device: "native",
    notes: [],
  },
  step(1, 4),
  step(2, 3),
  { type: "eval", step: 2, loss: 3.5, perplexity: Math.exp(3.5) },
  step(3, 2),
  { type: "done", reason: "finished", steps: 3, seconds: 61, loss: 2 },
];

describe("report", () => {
  it("draws loss, validation loss, learning rate and throughput over the steps", () => {
    const { charts, tables, facts } = reportData(events, settings);
    assert.deepEqual(
      charts.map(({ title }) => title),
      ["Loss", "Learning rate", "Throughput", "Memory"],
    );
    assert.deepEqual(
      charts[0].series.map(({ name }) => name),
      ["each step", "smoothed", "validation"],
    );
    assert.deepEqual(
      [charts[0].series[0].x, charts[0].series[0].y],
      [
        [1, 2, 3],
        [4, 3, 2],
      ],
    );
    assert.deepEqual([charts[0].series[2].x, charts[0].series[2].y], [[2], [3.5]]);
    assert.deepEqual(charts[2].series[0].y, [100, 200, 300]);
    const results = Object.fromEntries(tables[0].rows);
    assert.equal(results.end, "finished");
    assert.equal(results["time of the last session"], "1:01 min");
    assert.equal(results["best validation loss"], "3.5 at step 2");
    assert.equal(Object.fromEntries(tables[1].rows).examples, "1,234");
    assert.equal(Object.fromEntries(facts)["validation perplexity"], "33.1155");
    assert.throws(() => reportData([], settings), /the log holds no run/);
  });

  it("smooths without a lag at the start, and thins long curves but keeps their ends", () => {
    assertClose(smooth([2, 2, 2, 2]), [2, 2, 2, 2], { what: "constant", rtol: 1e-12 });
    const noisy = Array.from({ length: 400 }, (_, i) => 5 + (i % 2 ? 1 : -1));
    assertClose(smooth(noisy).slice(100), new Array(300).fill(5), { what: "noise", atol: 0.1 });
    const long = [events[0], ...Array.from({ length: 5000 }, (_, i) => step(i + 1, i))];
    const [{ x }] = reportData(long, settings).charts[0].series;
    assert.ok(x.length <= 2001 && x[0] === 1 && x.at(-1) === 5000, `${x.length}`);
  });

  it("lets no text or script end an element, and loads nothing", () => {
    const data = reportData(events, settings);
    data.charts[0].title = "</script><b>";
    const html = reportHtml(data, 'const a = "</SCRIPT>", b = "<!--";');
    assert.equal(html.match(/<\/script/gi)?.length, 2);
    assert.ok(!html.includes("<!--") && !html.includes("<b>"));
    assert.ok(html.includes("a &lt;b&gt; &amp; &quot;c&quot; &lt;/script&gt;"));
    assert.match(html, /default-src 'none'/);
    const json = html.match(/id="data">(.*)<\/script>/)![1];
    assert.equal(JSON.parse(json)[0].title, "</script><b>");
  });

  it("is written at the end of a run where it was built, and says what to do where it was not", () =>
    inFolder(async (dir) => {
      const model = await tinyLoraModel();
      const [start] = await collect(
        train(model, tinyExamples(4), { ...resumeOptions, maxSteps: 2, outputDir: dir }),
      );
      disposeTiny(model);
      assert.ok(start.type === "start");
      const file = join(dir, "report.html");
      if (existsSync(reportClientPath())) {
        assert.equal(reportProblem(), undefined);
        assert.deepEqual(start.notes, []);
        const html = readFileSync(file, "utf8");
        assert.ok(html.length > 1_000_000 && html.includes("<h1>Training report</h1>"));
        assert.equal(html.match(/<\/script/gi)?.length, 2);
        assert.throws(() => writeReport(join(dir, "checkpoint-2")), /holds no run \(run\.json is missing\)/);
      } else {
        assert.ok(!existsSync(file));
        assert.match(start.notes.join(), /no report\.html: .*client\.js is not there: run `npm run build`/);
        assert.throws(() => writeReport(dir), /run `npm run build`/);
      }
    }));
});
