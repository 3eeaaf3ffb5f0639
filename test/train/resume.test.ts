import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as tf from "@tensorflow/tfjs";
import { type Device, useDevice } from "../../sdk/backend/device.ts";
import type { TrainEvent } from "../../sdk/train/events.ts";
import type { TrainOptions } from "../../sdk/train/options.ts";
import { readRunLog } from "../../sdk/train/runLog.ts";
import { train } from "../../sdk/train/train.ts";
import { skipWithoutGpu } from "../gpuHere.ts";
import { HOST } from "../host.ts";
import { inFolder } from "../inFolder.ts";
import { disposeTiny, tinyExamples, tinyLoraModel, tinyTrainableModel, trainedValues } from "../tinyModel.ts";
import { collect, losses, resumeLora, resumeOptions, steps } from "./support.ts";

const examples = tinyExamples(12);

/** Runs with a fresh model until `stopAfter` steps; gives events and trained values. */
async function run(options: TrainOptions, stopAfter = Number.POSITIVE_INFINITY, device: Device = HOST) {
  const model = await tinyLoraModel(resumeLora);
  await useDevice(device);
  const stop = new AbortController();
  const events: TrainEvent[] = [];
  for await (const event of train(model, examples, { ...resumeOptions, ...options, signal: stop.signal })) {
    events.push(event);
    if (event.type === "step" && event.step === stopAfter) stop.abort();
  }
  const values = trainedValues(model);
  disposeTiny(model);
  return { events, values };
}

function assertSame(
  actual: Awaited<ReturnType<typeof run>>,
  expected: Awaited<ReturnType<typeof run>>,
): void {
  const tail = losses(expected.events).slice(-losses(actual.events).length);
  assert.ok(tail.length > 0);
  for (const [i, loss] of losses(actual.events).entries())
    assert.ok(Object.is(loss, tail[i]), `${loss} is not ${tail[i]}`);
  assert.deepEqual([...actual.values.keys()], [...expected.values.keys()]);
  for (const [name, value] of actual.values) {
    const other = expected.values.get(name)!;
    assert.ok(
      value.every((x, i) => Object.is(x, other[i])),
      `${name} differs`,
    );
  }
}

/** The log without what depends on the clock. */
function history(dir: string): unknown[] {
  return readRunLog(dir)
    .filter((event) => event.type === "step")
    .map(({ step, loss, learningRate, gradNorm }) => ({ step, loss, learningRate, gradNorm }));
}

describe("train, resume", () => {
  let straight: Awaited<ReturnType<typeof run>>;
  before(async () => {
    straight = await run({});
    assert.equal(losses(straight.events).length, 12);
  });

  it("gives 12 steps straight = 7, stop, and 5 more, bit for bit", () =>
    inFolder(async (dir) => {
      const first = await run({ outputDir: dir }, 7);
      const done = first.events.at(-1)!;
      assert.ok(done.type === "done" && done.reason === "stopped");
      assert.equal(done.path, join(dir, "checkpoint-7"));
      assert.deepEqual(
        first.events.filter((e) => e.type === "checkpoint").map(({ step }) => step),
        [3, 6, 7],
      );
      const second = await run({ outputDir: dir, resume: true });
      assert.equal(losses(second.events).length, 5);
      assertSame(second, straight);
      assert.deepEqual(
        history(dir),
        steps(straight.events).map(({ step, loss, learningRate, gradNorm }) => ({
          step,
          loss,
          learningRate,
          gradNorm,
        })),
      );
      assert.deepEqual(
        readdirSync(dir)
          .filter((name) => name.startsWith("checkpoint"))
          .sort(),
        ["checkpoint-12", "checkpoint-9"],
      );
      assert.ok(!existsSync(join(dir, "train.lock")));
      // A run that is over has nothing more to do.
      const third = await run({ outputDir: dir, resume: true });
      assert.deepEqual(
        third.events.map(({ type }) => type),
        ["start", "done"],
      );
      assertSame({ ...third, events: straight.events }, straight);
    }));

  it("resumes a named checkpoint in another folder, bit for bit", () =>
    inFolder(async (dir) => {
      await run({ outputDir: join(dir, "a") }, 7);
      const second = await run({ outputDir: join(dir, "b"), resume: join(dir, "a", "checkpoint-6") });
      assert.equal(losses(second.events).length, 6);
      assertSame(second, straight);
      const third = await run({ resume: join(dir, "a") });
      assert.equal(losses(third.events).length, 5);
      assertSame(third, straight);
    }));

  /** A child is killed in its 9th step, and its run goes on here. */
  const killAndResume = (device: Device, expected: Awaited<ReturnType<typeof run>>) =>
    inFolder(async (dir) => {
      const args = ["--import", "tsx", join(import.meta.dirname, "child.ts"), dir, device];
      const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
      const ended = new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)));
      for await (const line of createInterface({ input: child.stdout })) {
        const event = JSON.parse(line) as TrainEvent;
        if (event.type === "step" && event.step === 8) child.kill("SIGKILL");
      }
      assert.equal(await ended, "SIGKILL");
      assert.equal(history(dir).length, 8);
      assert.ok(existsSync(join(dir, "train.lock")));
      const second = await run({ outputDir: dir, resume: true }, Number.POSITIVE_INFINITY, device);
      const [start] = second.events;
      assert.ok(start.type === "start");
      assert.equal(start.startStep, 6);
      assert.match(
        start.notes.join("\n"),
        new RegExp(`took over the lock of a run that did not end properly \\(process ${child.pid}\\)`),
      );
      assertSame(second, expected);
      assert.deepEqual(
        (history(dir) as { step: number }[]).map(({ step }) => step),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
      );
    });

  it("resumes bit-equal after kill -9, takes the dead run's lock over, and tells no step twice", () =>
    killAndResume(HOST, straight));

  it("resumes bit-equal after kill -9 on a GPU", async function () {
    this.timeout(180_000); // an emulated GPU on a busy machine
    skipWithoutGpu(this);
    try {
      const expected = await run({}, Number.POSITIVE_INFINITY, "cuda");
      assert.notDeepEqual(losses(expected.events), losses(straight.events), "it ran on the GPU, in bfloat16");
      await killAndResume("cuda", expected);
    } finally {
      await useDevice(HOST);
    }
  });

  it("resumes full-parameter training bit for bit", () =>
    inFolder(async (dir) => {
      const full = async (options: TrainOptions, stopAfter = 0) => {
        const model = await tinyTrainableModel({ tieEmbeddings: true });
        const stop = new AbortController();
        const events: TrainEvent[] = [];
        const all = { ...resumeOptions, maxSteps: 4, ...options, signal: stop.signal };
        for await (const event of train(model, examples, all)) {
          events.push(event);
          if (event.type === "step" && event.step === stopAfter) stop.abort();
        }
        const values = trainedValues(model);
        disposeTiny(model);
        return { events, values };
      };
      const expected = await full({});
      await full({ outputDir: dir }, 2);
      assertSame(await full({ outputDir: dir, resume: true }), expected);
    }));

  it("refuses other data, another model and other mathematics, and names all of it", () =>
    inFolder(async (dir) => {
      await run({ outputDir: dir }, 3);
      await assert.rejects(
        run({ outputDir: dir, resume: true, learningRate: 2e-2, seed: 5, scheduler: "linear" }),
        /resume: .*checkpoint-3 belongs to another run: learningRate was 0\.01, is 0\.02; scheduler was cosine, is linear; seed was 4, is 5\. Use the same values/,
      );
      const model = await tinyLoraModel({ dropout: 0.2 });
      await assert.rejects(
        collect(train(model, tinyExamples(11), { ...resumeOptions, outputDir: dir, resume: true })),
        /the examples are not the same.*; the model is not the same/,
      );
      disposeTiny(model);
      // What only changes how it is computed or saved may change.
      await run({ outputDir: dir, resume: true, saveSteps: 5, gradientCheckpointing: true });
    }));

  it("refuses a folder without a run, and damaged checkpoints; starts at 0 when the run had saved none", () =>
    inFolder(async (dir) => {
      await assert.rejects(run({ outputDir: dir, resume: true }), /resume: .* holds no run to go on with/);
      await assert.rejects(
        run({ resume: join(dir, "nowhere") }),
        /expected a checkpoint folder or a run's folder/,
      );
      const { events } = await run({ outputDir: dir, saveSteps: 100 }, 2);
      assert.equal(events.at(-1)!.type, "done");
      truncateSync(join(dir, "checkpoint-2", "optimizer.safetensors"), 1000);
      await assert.rejects(run({ outputDir: dir, resume: true }), /optimizer\.safetensors: .*cut short/);
      writeFileSync(join(dir, "checkpoint-2", "trainer_state.json"), '{"format":1,"step":-1}');
      await assert.rejects(
        run({ outputDir: dir, resume: true }),
        /trainer_state\.json: "step": .*; resume from another/,
      );
      rmSync(join(dir, "checkpoint-2"), { recursive: true });
      const again = await run({ outputDir: dir, resume: true });
      const [start] = again.events;
      assert.ok(start.type === "start" && start.startStep === 0);
      assert.match(start.notes.join(), /has no checkpoint yet: begins at step 0/);
      assertSame(again, straight);
    }));

  it("keeps the optimizer's moments and the trained values as fp32 safetensors", () =>
    inFolder(async (dir) => {
      const { values } = await run({ outputDir: dir }, 3);
      const folder = join(dir, "checkpoint-3");
      assert.deepEqual(readdirSync(folder).sort(), [
        "optimizer.safetensors",
        "trainable.safetensors",
        "trainer_state.json",
      ]);
      const state = JSON.parse(readFileSync(join(folder, "trainer_state.json"), "utf8"));
      assert.equal(state.step, 3);
      assert.equal(state.options.learningRate, 0.01);
      assert.equal(state.device, tf.getBackend());
      const bytes = readFileSync(join(folder, "trainable.safetensors"));
      const header = JSON.parse(bytes.toString("utf8", 8, 8 + Number(bytes.readBigUInt64LE())));
      assert.deepEqual(Object.keys(header).sort(), [...values.keys()].sort());
    }));
});
