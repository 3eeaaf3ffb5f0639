import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setImmediate as breathe } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs";
import { saveModel } from "../../sdk/model/fullTraining.ts";
import { lockFolder } from "../../sdk/train/lock.ts";
import type { TrainOptions } from "../../sdk/train/options.ts";
import { readRunLog } from "../../sdk/train/runLog.ts";
import { train } from "../../sdk/train/train.ts";
import { inFolder } from "../inFolder.ts";
import { disposeTiny, tinyExamples, tinyLoraModel, tinyTrainableModel, trainedValues } from "../tinyModel.ts";
import { inNotebook, TestNotebook } from "../views/notebook.ts";
import { collect, resumeOptions, steps } from "./support.ts";

const examples = tinyExamples(12);

async function run(options: TrainOptions) {
  const model = await tinyLoraModel();
  try {
    return await collect(train(model, examples, { ...resumeOptions, ...options }));
  } finally {
    disposeTiny(model);
  }
}

describe("train, output folder", () => {
  it("writes nothing without an outputDir", () =>
    inFolder(async (dir) => {
      const before = process.cwd();
      process.chdir(dir);
      try {
        const events = await run({ maxSteps: 2 });
        assert.deepEqual(
          events.map(({ type }) => type),
          ["start", "step", "step", "done"],
        );
      } finally {
        process.chdir(before);
      }
      assert.deepEqual(readdirSync(dir), []);
    }));

  it("logs every event and the resolved settings", () =>
    inFolder(async (dir) => {
      const events = await run({ outputDir: dir, maxSteps: 4 });
      assert.deepEqual(readRunLog(dir), events);
      const settings = JSON.parse(readFileSync(join(dir, "run.json"), "utf8"));
      assert.equal(settings.options.weightDecay, 0.01);
      assert.equal(settings.options.maxSteps, 4);
      assert.deepEqual(settings.lora.r, 4);
      // A line that a kill cut short is no event.
      writeFileSync(join(dir, "training.jsonl"), '{"type":"step"', { flag: "a" });
      assert.deepEqual(readRunLog(dir), events);
    }));

  it("saves when the consumer leaves the loop, and frees everything", () =>
    inFolder(async (dir) => {
      const model = await tinyLoraModel();
      const before = tf.memory().numTensors;
      for await (const event of train(model, examples, { ...resumeOptions, outputDir: dir })) {
        if (event.type === "step" && event.step === 2) break;
      }
      assert.equal(tf.memory().numTensors, before);
      assert.ok(existsSync(join(dir, "checkpoint-2")));
      assert.ok(!existsSync(join(dir, "train.lock")));
      const last = readRunLog(dir).at(-1)!;
      assert.ok(last.type === "done" && last.reason === "stopped" && last.steps === 2);
      disposeTiny(model);
    }));

  it("tells one end only when the consumer leaves at the end", () =>
    inFolder(async (dir) => {
      const model = await tinyLoraModel();
      for await (const event of train(model, examples, { ...resumeOptions, maxSteps: 2, outputDir: dir })) {
        if (event.type === "done") break;
      }
      const ends = readRunLog(dir).filter((event) => event.type === "done");
      assert.deepEqual(
        ends.map(({ reason }) => reason),
        ["finished"],
      );
      disposeTiny(model);
    }));

  it("stops after the current micro batch when the signal is aborted", () =>
    inFolder(async (dir) => {
      const model = await tinyLoraModel();
      const stop = new AbortController();
      const watched = Object.create(model) as typeof model;
      let micro = 0;
      watched.loss = (batch, options) => {
        // The 8th micro batch is the second of three of the third step.
        if (++micro === 8) stop.abort();
        return model.loss(batch, options);
      };
      const options = { ...resumeOptions, gradientAccumulationSteps: 3, maxSeqLength: 20, saveSteps: 100 };
      const events = await collect(
        train(watched, examples, { ...options, outputDir: dir, signal: stop.signal }),
      );
      assert.equal(micro, 8);
      const done = events.at(-1)!;
      assert.ok(done.type === "done" && done.reason === "stopped");
      assert.equal(done.steps, 2);
      assert.equal(done.path, join(dir, "checkpoint-2"));
      disposeTiny(model);
    }));

  it("stops after the current micro batch when the notebook's cell is interrupted, though the next has begun", () =>
    inFolder((dir) =>
      inNotebook(new TestNotebook(), async (notebook) => {
        const model = await tinyLoraModel();
        const watched = Object.create(model) as typeof model;
        let micro = 0;
        watched.loss = (batch, options) => {
          if (++micro === 8) notebook.interrupt();
          return model.loss(batch, options);
        };
        const options = { ...resumeOptions, gradientAccumulationSteps: 3, maxSeqLength: 20, saveSteps: 100 };
        const events = await collect(train(watched, examples, { ...options, outputDir: dir }));
        assert.equal(micro, 8);
        const done = events.at(-1)!;
        assert.ok(done.type === "done" && done.reason === "stopped");
        assert.equal(done.path, join(dir, "checkpoint-2"));
        disposeTiny(model);
      }),
    ));

  it("saves the last good values before it throws at a NaN", () =>
    inFolder(async (dir) => {
      const model = await tinyLoraModel();
      const broken = Object.create(model) as typeof model;
      let calls = 0;
      broken.loss = (batch, options) => {
        const result = model.loss(batch, options);
        return ++calls < 5
          ? result
          : { ...result, lossSum: tf.mul(result.lossSum, Number.POSITIVE_INFINITY) };
      };
      await assert.rejects(
        collect(train(broken, examples, { ...resumeOptions, outputDir: dir })),
        /stopped at step 5 of 12: the loss of micro batch 1 is Infinity .*The model keeps the values of step 4 and is saved in .*checkpoint-4\./,
      );
      assert.ok(existsSync(join(dir, "checkpoint-4")));
      const last = readRunLog(dir).at(-1)!;
      assert.ok(last.type === "done" && last.reason === "nan");
      disposeTiny(model);
    }));

  it("refuses a folder that holds another run; overwrite deletes that run and nothing else", () =>
    inFolder(async (dir) => {
      writeFileSync(join(dir, "notes.txt"), "mine");
      await run({ outputDir: dir, maxSteps: 4 });
      const before = readFileSync(join(dir, "training.jsonl"), "utf8");
      await assert.rejects(
        run({ outputDir: dir, maxSteps: 2 }),
        /outputDir .* holds another run \(run\.json, training\.jsonl, checkpoint-3, checkpoint-4\): resume: true goes on from .*checkpoint-4; overwrite: true deletes it; or choose another folder/,
      );
      assert.equal(readFileSync(join(dir, "training.jsonl"), "utf8"), before);
      assert.throws(
        () => train({} as never, examples, { outputDir: dir, resume: true, overwrite: true }),
        /choose one/,
      );
      await run({ outputDir: dir, maxSteps: 2, overwrite: true });
      assert.deepEqual(
        readdirSync(dir).filter((name) => name.startsWith("checkpoint")),
        ["checkpoint-2"],
      );
      assert.equal(readFileSync(join(dir, "notes.txt"), "utf8"), "mine");
      assert.equal(steps(readRunLog(dir)).length, 2);
    }));

  it("refuses the folder of a base model, with overwrite too", () =>
    inFolder(async (dir) => {
      const base = await tinyTrainableModel();
      saveModel(base, dir);
      base.dispose();
      const before = readdirSync(dir);
      for (const overwrite of [false, true]) {
        await assert.rejects(
          run({ outputDir: dir, overwrite }),
          /outputDir .* holds a model \(config\.json, model\.safetensors\): choose another folder$/,
        );
      }
      assert.deepEqual(readdirSync(dir), before);
    }));

  it("refuses a folder that cannot be made", () =>
    inFolder(async (dir) => {
      writeFileSync(join(dir, "file"), "");
      await assert.rejects(
        run({ outputDir: join(dir, "file", "out") }),
        /outputDir .*out: cannot be written \(.*\); choose another folder/,
      );
    }));

  it("stops with an error when a checkpoint cannot be written, with the model in memory", () =>
    inFolder(async (parent) => {
      const dir = join(parent, "out");
      const model = await tinyLoraModel();
      const tensors = tf.memory().numTensors;
      let last = new Map<string, Float32Array>();
      await assert.rejects(async () => {
        for await (const event of train(model, examples, { ...resumeOptions, outputDir: dir })) {
          if (event.type !== "step") continue;
          last = trainedValues(model);
          if (event.step < 5) continue;
          // Even root cannot write into a folder that has become a file.
          rmSync(dir, { recursive: true, force: true });
          writeFileSync(dir, "");
        }
      }, /train: stopped after step 6: checkpoint .*checkpoint-6 could not be written: .*The last good checkpoint is .*checkpoint-3\. The model in memory has the values of step 6: save it elsewhere/);
      assert.deepEqual(trainedValues(model), last);
      assert.equal(tf.memory().numTensors, tensors);
      disposeTiny(model);
    }));

  it("survives a full disk: a clear error, the older checkpoint whole, the model in memory", async function () {
    await inFolder(async (dir) => {
      const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=100k", "tmpfs", dir]).status === 0;
      if (!mounted) this.skip(); // needs the right to mount a small file system
      const model = await tinyLoraModel();
      try {
        let last = 0;
        await assert.rejects(async () => {
          for await (const event of train(model, examples, { ...resumeOptions, outputDir: dir })) {
            if (event.type === "step") last = event.step;
          }
        }, /train: stopped after step 6: checkpoint .*checkpoint-6 could not be written: .*the disk is full: \d+ bytes needed, \d+ free.* The last good checkpoint is .*checkpoint-3\. The model in memory has the values of step 6/);
        assert.equal(last, 6);
        assert.deepEqual(readdirSync(dir).sort(), ["checkpoint-3", "run.json", "training.jsonl"]);
        const values = trainedValues(model);
        const second = await tinyLoraModel();
        const resumed = await collect(
          train(second, examples, { ...resumeOptions, maxSteps: 12, resume: dir }),
        );
        assert.equal(steps(resumed).length, 9);
        assert.equal(values.size, model.trainableVariables().size);
        disposeTiny(second);
      } finally {
        disposeTiny(model);
        spawnSync("umount", [dir]);
      }
    });
  });
});

describe("lockFolder", () => {
  const file = (dir: string) => join(dir, "train.lock");

  it("refuses a second run in the same folder, in this process too", () =>
    inFolder(async (dir) => {
      const model = await tinyLoraModel();
      const first = train(model, examples, { ...resumeOptions, outputDir: dir });
      await first.next();
      await assert.rejects(
        run({ outputDir: dir, overwrite: true }),
        new RegExp(
          `another run is writing there \\(process ${process.pid} on ${hostname()}\\)\\. Wait for its end or choose another outputDir; .* delete `,
        ),
      );
      await first.return();
      await run({ outputDir: dir, overwrite: true, maxSteps: 1 });
      disposeTiny(model);
    }));

  it("takes a dead process's lock over with a word, and one whose number a later process has", () =>
    inFolder(async (dir) => {
      const { pid } = spawnSync(process.execPath, ["-e", ""]);
      writeFileSync(file(dir), JSON.stringify({ pid, host: hostname(), started: "1" }));
      const lock = lockFolder(dir);
      assert.equal(lock.note, `took over the lock of a run that did not end properly (process ${pid})`);
      lock.release();
      assert.ok(!existsSync(file(dir)));
      if (process.platform !== "linux") return;
      writeFileSync(file(dir), JSON.stringify({ pid: process.pid, host: hostname(), started: "1" }));
      lockFolder(dir).release();
    }));

  it("takes the lock of a killed process over that nobody has asked for yet", async function () {
    if (process.platform !== "linux") this.skip(); // only /proc tells such a process from a living one
    await inFolder(async (dir) => {
      // The shell starts a process, and becomes a program that never asks for its end.
      const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      try {
        const [line] = await once(parent.stdout, "data");
        const pid = Number(line);
        // Before it is that other program, the shell would still ask.
        while (readFileSync(`/proc/${parent.pid}/comm`, "latin1") !== "sleep\n") await breathe();
        const stat = () => readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1].split(" ");
        const started = stat()[19];
        writeFileSync(file(dir), JSON.stringify({ pid, host: hostname(), started }));
        assert.throws(() => lockFolder(dir), new RegExp(`process ${pid} on `));
        process.kill(pid, "SIGKILL");
        while (stat()[0] !== "Z") await breathe();
        const lock = lockFolder(dir);
        assert.equal(lock.note, `took over the lock of a run that did not end properly (process ${pid})`);
        lock.release();
      } finally {
        parent.kill("SIGKILL");
      }
    });
  });

  it("takes an empty lock over, but never one of another host", () =>
    inFolder(async (dir) => {
      writeFileSync(file(dir), "");
      lockFolder(dir).release();
      writeFileSync(file(dir), JSON.stringify({ pid: 1, host: "elsewhere", started: "1" }));
      assert.throws(() => lockFolder(dir), /process 1 on elsewhere/);
      assert.ok(existsSync(file(dir)));
    }));
});
