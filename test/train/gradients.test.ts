import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { makeBatch, packRows } from "../../sdk/data/batches.ts";
import { Accumulator, activationBytes, dropoutSeed, microBatchGradients } from "../../sdk/train/gradients.ts";
import { train } from "../../sdk/train/train.ts";
import { assertClose } from "../compare.ts";
import { disposeTiny, tinyExamples, tinyLoraModel, tinyTrainableModel } from "../tinyModel.ts";

describe("gradients of micro batches", () => {
  it("sum up to the gradient of all in one, for every variable, and leave nothing behind", async () => {
    const model = await tinyTrainableModel();
    const variables = model.trainableVariables();
    const before = tf.memory().numTensors;
    const rows = packRows(tinyExamples(12), { maxSeqLength: 40 });
    const whole = microBatchGradients(model, variables, makeBatch(rows), {});
    const sum = new Accumulator();
    for (const row of rows) {
      const batch = makeBatch([row]);
      const { lossSum, gradients } = microBatchGradients(model, variables, batch, {});
      sum.add(lossSum.dataSync()[0], gradients, batch);
      lossSum.dispose();
    }
    assert.ok(rows.length > 2);
    assert.deepEqual([...sum.gradients.keys()].sort(), [...variables.keys()].sort());
    // float32 sums of some hundred terms in another order.
    assertClose([sum.lossSum], [whole.lossSum.dataSync()[0]], { what: "loss", rtol: 1e-5 });
    for (const [name, gradient] of whole.gradients) {
      assertClose(sum.gradients.get(name)!.dataSync(), gradient.dataSync(), {
        what: name,
        rtol: 1e-3,
        atol: 1e-5,
      });
    }
    whole.lossSum.dispose();
    tf.dispose([...whole.gradients.values()]);
    sum.dispose();
    assert.equal(tf.memory().numTensors, before);
    disposeTiny(model);
  });

  it("have a dropout seed of their own in each step", () => {
    const seeds = new Set<number>();
    for (let seed = 0; seed < 10; seed++) {
      for (let step = 0; step < 1600; step++) {
        const value = dropoutSeed(seed, step);
        assert.ok(Number.isInteger(value) && value >= 0 && value <= 0xffffffff);
        seeds.add(value);
      }
    }
    // Of 16000 random 32-bit numbers, 0.03 pairs are expected to be equal.
    assert.ok(seeds.size >= 15_998, `${seeds.size}`);
  });

  it("are recomputed by themselves only when the activations are large", async () => {
    const model = await tinyLoraModel();
    const asked = async (options: object) => {
      const run = train(model, tinyExamples(2), options);
      const { value } = await run.next();
      await run.return();
      assert.ok(value?.type === "start");
      return value.gradientCheckpointing;
    };
    assert.equal(await asked({}), false);
    assert.equal(await asked({ gradientCheckpointing: true }), true);
    const large = Object.create(model) as typeof model;
    // The 7B shape at 512 tokens on the native backend: 32 layers of about 100 k values a token, 4 bytes each.
    Object.defineProperty(large, "config", {
      value: {
        ...model.config,
        hiddenSize: 4096,
        heads: 32,
        kvHeads: 8,
        headDim: 128,
        intermediateSize: 14336,
      },
    });
    Object.defineProperty(large, "weights", { value: { ...model.weights, layers: new Array(32) } });
    if (tf.getBackend() === "native") {
      assertClose([activationBytes(large, 512) / 2 ** 30], [5.7], { what: "GiB", rtol: 0.05 });
    } else assert.ok(activationBytes(large, 512) / 2 ** 30 > 5.7);
    disposeTiny(model);
  });
});
