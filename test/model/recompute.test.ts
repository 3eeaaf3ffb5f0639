import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { useDevice } from "../../sdk/backend/device.ts";
import { makeBatch } from "../../sdk/data/batches.ts";
import type { MistralModel } from "../../sdk/model/mistral.ts";
import { recompute } from "../../sdk/model/recompute.ts";
import { microBatchGradients } from "../../sdk/train/gradients.ts";
import { HOST } from "../host.ts";
import { disposeTiny, tinyExamples, tinyLoraModel, tinyTrainableModel } from "../tinyModel.ts";

const batch = makeBatch([{ examples: tinyExamples(4), tokens: 0 }]);

function gradientsOf(
  model: MistralModel,
  gradientCheckpointing: boolean | number,
): Map<string, Float32Array> {
  const options = { dropoutSeed: 11, gradientCheckpointing };
  const { lossSum, gradients } = microBatchGradients(model, model.trainableVariables(), batch, options);
  const values = new Map([...gradients].map(([name, g]) => [name, (g.dataSync() as Float32Array).slice()]));
  values.set("loss", (lossSum.dataSync() as Float32Array).slice());
  tf.dispose([lossSum, ...gradients.values()]);
  return values;
}

describe("gradient checkpointing", () => {
  afterEach(() => useDevice(HOST));

  for (const device of [HOST, "cpu"] as const) {
    it(`gives the same gradients bit for bit with LoRA and dropout, device ${device}`, async () => {
      const model = await tinyLoraModel({ dropout: 0.3 });
      await useDevice(device);
      for (const [name, variable] of model.trainableVariables()) {
        // B is zero at first, which would make the gradient of A zero too.
        if (name.endsWith("lora_B")) variable.assign(tf.randomNormal(variable.shape, 0, 0.05, "float32", 5));
      }
      const kept = gradientsOf(model, false);
      assert.equal(kept.size, 2 * 7 * 2 + 1);
      for (const values of kept.values()) assert.ok(values.some((value) => value !== 0));
      for (const layers of [true, 1, 2]) assert.deepEqual(gradientsOf(model, layers), kept);
      disposeTiny(model);
    });
  }

  it("gives the same gradients bit for bit with all weights", async () => {
    const model = await tinyTrainableModel();
    const kept = gradientsOf(model, false);
    assert.equal(kept.size, 2 * 9 + 3 + 1);
    assert.deepEqual(gradientsOf(model, true), kept);
    disposeTiny(model);
  });

  it("runs f again in backward only, and leaves no tensor behind", async () => {
    await useDevice(HOST);
    let runs = 0;
    const square = (x: tf.Tensor1D) => {
      runs++;
      return tf.square(x) as tf.Tensor1D;
    };
    const x = tf.tensor1d([1, 2, 3]);
    const before = tf.memory().numTensors;
    recompute(square, x, []).dispose();
    assert.equal(runs, 1);
    // d/dx sum(3 (2x)²) = 24 x: what lies before and after the recomputed part has its gradient too.
    const gradient = tf.grad((t: tf.Tensor) =>
      tf.sum(tf.mul(recompute(square, tf.mul(t, 2) as tf.Tensor1D, []), 3)),
    )(x);
    assert.equal(runs, 3);
    assert.deepEqual([...gradient.dataSync()], [24, 48, 72]);
    gradient.dispose();
    assert.equal(tf.memory().numTensors, before);
    x.dispose();
  });

  it("leaves the outer tape in place when the second run fails", async () => {
    await useDevice(HOST);
    let runs = 0;
    const once = (x: tf.Tensor1D) => {
      if (++runs > 1) throw new Error("second run");
      return tf.square(x) as tf.Tensor1D;
    };
    const x = tf.tensor1d([1, 2]);
    assert.throws(() => tf.grad((t: tf.Tensor) => tf.sum(recompute(once, t as tf.Tensor1D, [])))(x), {
      message: "second run",
    });
    const gradient = tf.grad((t: tf.Tensor) => tf.sum(tf.square(t)))(x);
    assert.deepEqual([...gradient.dataSync()], [2, 4]);
    tf.dispose([x, gradient]);
  });
});
