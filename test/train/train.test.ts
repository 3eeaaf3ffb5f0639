import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { trainableParameters } from "../../sdk/model/lora.ts";
import { train } from "../../sdk/train/train.ts";
import { assertClose } from "../compare.ts";
import { disposeTiny, tinyExamples, tinyLoraModel, tinyTrainableModel, trainedValues } from "../tinyModel.ts";
import { collect, losses, steps } from "./support.ts";

describe("train", () => {
  it("tells a start, every step and an end, and learns a rule by heart", async () => {
    const model = await tinyTrainableModel();
    const examples = tinyExamples(20);
    const options = { epochs: 10, learningRate: 2e-2, maxSeqLength: 64, gradientAccumulationSteps: 1 };
    const events = await collect(train(model, examples, options));
    const [start] = events;
    const done = events.at(-1)!;
    assert.ok(start.type === "start" && done.type === "done");
    assert.equal(start.trainableParameters, trainableParameters(model));
    assert.equal(
      start.tokensPerEpoch,
      examples.reduce((sum, { ids }) => sum + ids.length, 0),
    );
    assert.equal(steps(events).length, start.steps);
    assert.equal(done.reason, "finished");
    assert.equal(done.steps, start.steps);
    // Before training all 64 ids are about equally likely.
    assert.ok(Math.abs(steps(events)[0].loss - Math.log(64)) < 0.3, `first loss ${steps(events)[0].loss}`);
    assert.ok(done.loss! < 0.2, `last loss ${done.loss}`);
    assert.equal(steps(events).at(-1)!.epoch, 10);
    disposeTiny(model);
  });

  for (const dropout of [0, 0.2]) {
    it(`gives one curve for 1 × 8, 2 × 4 and 8 × 1, dropout ${dropout}`, () => oneCurve(dropout));
  }

  async function oneCurve(dropout: number): Promise<void> {
    const examples = tinyExamples(60);
    const curves: number[][] = [];
    const values: Map<string, Float32Array>[] = [];
    for (const [microBatchSize, gradientAccumulationSteps] of [
      [1, 8],
      [2, 4],
      [8, 1],
    ]) {
      const model = await tinyLoraModel({ dropout });
      const options = {
        microBatchSize,
        gradientAccumulationSteps,
        maxSeqLength: 32,
        epochs: 2,
        learningRate: 1e-2,
      };
      curves.push(losses(await collect(train(model, examples, options))));
      values.push(trainedValues(model));
      disposeTiny(model);
    }
    assert.ok(curves[0].length >= 8 && curves[0].at(-1)! < curves[0][0] - 0.05, `${curves[0]}`);
    for (const other of [1, 2]) {
      // float32 sums in another order: 2^-24 for each of some hundred additions, grown over the steps by AdamW.
      assertClose(curves[other], curves[0], { what: `curve ${other}`, rtol: 1e-4 });
      for (const [name, value] of values[0]) {
        assertClose(values[other].get(name)!, value, {
          what: `${name} of curve ${other}`,
          rtol: 1e-2,
          atol: 1e-3,
        });
      }
    }
  }

  it("takes other dropout masks at every step, and the same in a second run", async () => {
    const examples = tinyExamples(8);
    const run = async (dropout: number, seed: number) => {
      const model = await tinyLoraModel({ dropout });
      const options = { epochs: 4, maxSeqLength: 32, gradientAccumulationSteps: 1, learningRate: 1e-2, seed };
      const curve = losses(await collect(train(model, examples, options)));
      disposeTiny(model);
      return curve;
    };
    const [first, again, without] = [await run(0.5, 3), await run(0.5, 3), await run(0, 3)];
    assert.deepEqual(first, again);
    assert.notDeepEqual(first.slice(3), without.slice(3));
  });

  it("keeps the same values with gradient checkpointing", async () => {
    const examples = tinyExamples(10);
    const results: Map<string, Float32Array>[] = [];
    for (const gradientCheckpointing of [false, true]) {
      const model = await tinyLoraModel({ dropout: 0.2 });
      await collect(
        train(model, examples, { epochs: 2, maxSeqLength: 32, learningRate: 1e-2, gradientCheckpointing }),
      );
      results.push(trainedValues(model));
      disposeTiny(model);
    }
    assert.deepEqual(results[1], results[0]);
  });

  it("holds tensors and bytes flat over 500 steps", async function () {
    this.timeout(120_000);
    const model = await tinyLoraModel({ dropout: 0.1 });
    const before = tf.memory();
    const counts = new Set<string>();
    const rss: number[] = [];
    const options = { epochs: 500, maxSteps: 500, maxSeqLength: 32, gradientAccumulationSteps: 2 };
    for await (const event of train(model, tinyExamples(4), options)) {
      if (event.type !== "step") continue;
      const { numTensors, numBytes, numDataBuffers } = tf.memory();
      counts.add(`${numTensors} tensors, ${numDataBuffers} buffers, ${numBytes} bytes`);
      rss.push(event.memoryBytes);
    }
    assert.equal(rss.length, 500);
    assert.equal(counts.size, 1, [...counts].join("; "));
    const after = tf.memory();
    assert.deepEqual(
      [after.numTensors, after.numBytes, after.numDataBuffers],
      [before.numTensors, before.numBytes, before.numDataBuffers],
    );
    // What grows with the steps would show here. The collector's own waves are some tens of megabytes high, so the
    // lowest value of a hundred steps is compared with the lowest of another hundred.
    const lowest = (from: number) => Math.min(...rss.slice(from, from + 100));
    const growth = (lowest(400) - lowest(100)) / 2 ** 20;
    assert.ok(growth < 64, `resident memory grew by ${growth.toFixed(0)} MiB in 300 steps`);
    disposeTiny(model);
  });

  it("lets the event loop turn within a step", async () => {
    const model = await tinyLoraModel();
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const options = { maxSteps: 1, maxSeqLength: 20, gradientAccumulationSteps: 50, epochs: 1 };
    await collect(train(model, tinyExamples(50), options));
    clearInterval(timer);
    assert.ok(turns >= 5, `${turns} turns`);
    disposeTiny(model);
  });

  it("reports the validation loss, token-weighted, at every epoch's end or every evalSteps", async () => {
    const model = await tinyLoraModel();
    const examples = tinyExamples(12);
    const evalExamples = tinyExamples(5, { seed: 99 });
    const options = { epochs: 2, maxSeqLength: 32, gradientAccumulationSteps: 2, evalExamples };
    const events = await collect(train(model, examples, options));
    const evaluations = events.filter((event) => event.type === "eval");
    assert.equal(evaluations.length, 2);
    assert.equal(evaluations[1].step, steps(events).length);
    let sum = 0;
    let tokens = 0;
    for (const { ids, labels } of evalExamples) {
      const trained = labels.filter((label) => label !== -100).length;
      const batch = {
        ids,
        labels,
        positions: ids.map((_, i) => i),
        cuSeqlens: Int32Array.of(0, ids.length),
        trainedTokens: trained,
      };
      sum += tf.tidy(() => model.loss(batch).lossSum.dataSync()[0]);
      tokens += trained;
    }
    // One float32 sum a sequence on either side.
    assertClose([evaluations[1].loss], [sum / tokens], { what: "validation loss", rtol: 1e-6 });
    assert.equal(evaluations[1].perplexity, Math.exp(evaluations[1].loss));
    const second = await collect(train(model, examples, { ...options, evalSteps: 2, maxSteps: 5 }));
    assert.deepEqual(
      second.filter((event) => event.type === "eval").map(({ step }) => step),
      [2, 4, 5],
    );
    disposeTiny(model);
  });

  it("stops at a loss that is not a number and keeps the last good values", async () => {
    const model = await tinyLoraModel();
    const examples = tinyExamples(6);
    let good = trainedValues(model);
    let last: unknown;
    const broken = Object.create(model) as typeof model;
    let calls = 0;
    broken.loss = (batch, options) => {
      const result = model.loss(batch, options);
      return ++calls <= 4 ? result : { ...result, lossSum: tf.mul(result.lossSum, Number.NaN) };
    };
    const run = train(broken, examples, {
      maxSeqLength: 20,
      gradientAccumulationSteps: 2,
      epochs: 5,
      scheduler: "constant",
    });
    await assert.rejects(async () => {
      for await (const event of run) {
        last = event;
        if (event.type === "step") good = trainedValues(model);
      }
    }, /^Error: train: stopped at step 3 of \d+: the loss of micro batch 1 is NaN \(learning rate 2\.00e-4\)\. The model keeps the values of step 2\. Likely causes: .*learning rate.* Next: begin again with learningRate 0\.000050/);
    assert.ok((last as { type: string; reason: string }).reason === "nan", JSON.stringify(last));
    assert.deepEqual(trainedValues(model), good);
    disposeTiny(model);
  });

  it("stops at a gradient that is not finite", async () => {
    const model = await tinyLoraModel();
    const broken = Object.create(model) as typeof model;
    // The loss is finite, its slope is not: sqrt at 0.
    broken.loss = (batch, options) => {
      const result = model.loss(batch, options);
      return { ...result, lossSum: tf.sqrt(tf.mul(result.lossSum, 0)) as tf.Scalar };
    };
    const before = trainedValues(model);
    await assert.rejects(collect(train(broken, tinyExamples(4), {})), /the gradient norm is NaN/);
    assert.deepEqual(trainedValues(model), before);
    disposeTiny(model);
  });

  it("clips the gradient to maxGradNorm and tells the norm before", async () => {
    const examples = tinyExamples(4);
    const run = async (maxGradNorm: number) => {
      const model = await tinyTrainableModel();
      // eps far above the gradients makes AdamW's update proportional to them, so that clipping shows.
      const options = { maxSteps: 1, maxGradNorm, warmupRatio: 0, eps: 1e3, weightDecay: 0, learningRate: 1 };
      const before = trainedValues(model);
      const [event] = steps(await collect(train(model, examples, options)));
      const after = trainedValues(model);
      const moved = [...before].map(([name, value]) => value.map((x, i) => after.get(name)![i] - x));
      disposeTiny(model);
      return { norm: event.gradNorm, distance: Math.hypot(...moved.flatMap((delta) => [...delta])) };
    };
    const [free, clipped] = [await run(0), await run(0.1)];
    assert.equal(clipped.norm, free.norm);
    assert.ok(free.norm > 0.2, `${free.norm}`);
    // Updates of 1e-4 on values of 1e-2 keep about four digits in float32.
    assertClose([clipped.distance / free.distance], [0.1 / free.norm], { what: "clipping", rtol: 0.02 });
  });

  it("refuses wrong options at the call, and names them", async () => {
    const model = await tinyLoraModel();
    const examples = tinyExamples(2);
    const wrong = { learningrate: 1, epochs: 0 } as Record<string, number>;
    assert.throws(
      () => train(model, examples, wrong),
      /option "epochs".*unknown option "learningrate" \(did you mean "learningRate"\?\)/,
    );
    assert.throws(() => train(model, examples, { resume: true }), /resume: true looks in outputDir/);
    assert.throws(() => train(model, examples, { evalSteps: 5 }), /evalSteps needs evalExamples/);
    assert.throws(() => train(model, [], {}), /there is no example/);
    assert.throws(
      () => train(model, tinyExamples(2), { epochs: 1e9 }),
      /^RangeError: train: option "epochs": 1000000000 epochs are some 1000000000 steps, expected at most 2000000; lower epochs, or set maxSteps$/,
    );
    train(model, tinyExamples(2), { epochs: 1e9, maxSteps: 3 });
    const masked = examples.map((example) => ({ ...example, labels: example.labels.map(() => -100) }));
    assert.throws(() => train(model, masked, {}), /none of the 2 examples has a token to train on/);
    disposeTiny(model);
  });
});
