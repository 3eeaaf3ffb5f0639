/**
 * `mistral-lab finetune --device cuda` as a process that is interrupted, killed and short of memory. A run on one GPU
 * is deterministic, so what was resumed must equal the unbroken run bit for bit.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { skipWithoutGpu } from "../gpuHere.ts";
import {
  cli,
  type Ended,
  expectExit,
  jsonLines,
  makeWorkplace,
  removeWorkplace,
  type Workplace,
} from "./support.ts";

const STEPS = 12;

describe("mistral-lab finetune on a GPU", function () {
  this.timeout(300_000); // an emulated GPU on a busy machine
  let place: Workplace;
  let whole: Ended;
  before(async function () {
    skipWithoutGpu(this);
    place = await makeWorkplace();
    whole = await expectExit(0, tuning("whole"), { cwd: place.dir });
  });
  after(() => place && removeWorkplace(place));

  /** 4 epochs of three steps of two micro batches of two rows, a checkpoint every third step. */
  const tuning = (outputDir: string, ...more: string[]) => [
    ...["finetune", "data.csv", "--model", "model", "--output-dir", outputDir, "--device", "cuda", "--json"],
    ...["--epochs", "4", "--max-seq-length", "64", "--learning-rate", "1e-2", "--save-steps", "3"],
    ...["--micro-batch-size", "2", "--gradient-accumulation-steps", "2", ...more],
  ];
  const adapterOf = (dir: string) => readFileSync(join(place.dir, dir, "adapter_model.safetensors"));
  /** What each step of the log says, but for what depends on the clock and on the memory there was. */
  const curveOf = (dir: string) =>
    readFileSync(join(place.dir, dir, "training.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .filter(({ type }) => type === "step")
      .map(({ step, loss, learningRate, gradNorm }) => ({ step, loss, learningRate, gradNorm }));

  function assertWhole(dir: string): void {
    assert.equal(curveOf(dir).length, STEPS);
    assert.deepEqual(curveOf(dir), curveOf("whole"));
    assert.ok(
      adapterOf(dir).equals(adapterOf("whole")),
      "the adapter is that of an unbroken run, bit for bit",
    );
  }

  it("says what memory it will take, and that it ran there", () => {
    const [start, step] = jsonLines(whole);
    assert.ok((start.predictedPeakBytes as number) > 0);
    const ratio = (start.predictedPeakBytes as number) / (step.gpuPeakBytes as number);
    assert.ok(ratio > 0.9 && ratio < 1.1, `predicted ${ratio.toFixed(3)} of what came`);
  });

  it("saves at Ctrl-C, exits with 130, and goes on with the same curve", async () => {
    const run = cli(tuning("interrupted"), { cwd: place.dir });
    await run.says(/"type":"step","step":4,/);
    run.child.kill("SIGINT");
    const ended = await run;
    assert.equal(ended.code, 130, ended.stdout + ended.stderr);
    const { reason, steps } = jsonLines(ended).at(-1)!;
    assert.equal(reason, "stopped");
    assert.ok((steps as number) >= 4 && (steps as number) < STEPS, `stopped after ${steps} steps`);
    assert.ok(existsSync(join(place.dir, "interrupted", `checkpoint-${steps}`)));
    const printed = /npx mistral-lab (.*)/.exec(ended.stderr)?.[1] ?? "";
    const resumed = await expectExit(0, printed.split(" "), { cwd: place.dir });
    assert.equal(jsonLines(resumed)[0].startStep, steps);
    assertWhole("interrupted");
  });

  it("goes on from the last checkpoint after kill -9, with the same curve", async () => {
    const run = cli(tuning("killed"), { cwd: place.dir });
    await run.says(/"type":"step","step":8,/);
    run.child.kill("SIGKILL");
    assert.equal((await run).code, null);
    const resumed = await expectExit(0, tuning("killed", "--resume"), { cwd: place.dir });
    const [start] = jsonLines(resumed);
    assert.ok([6, 9].includes(start.startStep as number), `started at ${start.startStep}`);
    assert.match((start.notes as string[]).join(), /took over the lock of a run that did not end properly/);
    assertWhole("killed");
  });

  it("names the largest micro batch that fits on a card that is too small, and that one runs", async function () {
    if (!process.env.MISTRAL_LAB_CUDA_DRIVER) {
      console.log("      skipped: only an emulated card can be made small");
      this.skip();
    }
    const answer = "Le délai est de trois jours. ".repeat(8);
    const rows = Array.from({ length: 12 }, (_, i) => `Question ${i} ?,${answer}${i}`);
    writeFileSync(join(place.dir, "long.csv"), `instruction,response\n${rows.join("\n")}\n`);
    const options = { cwd: place.dir, env: { MISTRAL_LAB_EMULATOR_MEMORY: "12" } };
    const words = (size: number, steps: number, dir: string) => [
      ...["finetune", "long.csv", "--model", "model", "--output-dir", dir, "--device", "cuda", "--json"],
      ...["--max-seq-length", "256", "--epochs", "1", "--micro-batch-size", String(size)],
      ...["--gradient-accumulation-steps", String(steps)],
    ];
    const { stderr } = await expectExit(1, words(12, 1, "large"), options);
    const found =
      /takes at least [\d.]+ MiB of GPU memory, and [\d.]+ MiB can be had \(12\.0 MiB in all\): the largest --micro-batch-size that fits is (\d+); (?:set|for the same result set --micro-batch-size (\d+) and) --gradient-accumulation-steps (\d+)/.exec(
        stderr,
      );
    assert.ok(found, stderr);
    const size = Number(found[1]);
    const [divisor, accumulation] = [Number(found[2] ?? size), Number(found[3])];
    assert.equal(divisor * accumulation, 12);
    await expectExit(0, words(divisor, accumulation, "fits"), options);
    await expectExit(0, words(size, 1, "largest"), options);
    const refused = await expectExit(1, words(size + 1, 1, "refused"), options);
    assert.match(refused.stderr, new RegExp(`the largest --micro-batch-size that fits is ${size};`));
  });

  it("shares the card with another run", async () => {
    const both = ["left", "right"].map((dir) => expectExit(0, tuning(dir), { cwd: place.dir }));
    await Promise.all(both);
    for (const dir of ["left", "right"]) assertWhole(dir);
  });
});
