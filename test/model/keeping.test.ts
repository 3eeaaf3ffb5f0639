import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { useDevice } from "../../sdk/backend/device.ts";
import { makeBatch } from "../../sdk/data/batches.ts";
import { KEEPINGS, type Keeping } from "../../sdk/model/keeping.ts";
import type { MistralModel } from "../../sdk/model/mistral.ts";
import { microBatchGradients } from "../../sdk/train/gradients.ts";
import { HOST } from "../host.ts";
import { disposeTiny, tinyExamples, tinyLoraModel, tinyTrainableModel } from "../tinyModel.ts";

const batch = makeBatch([{ examples: tinyExamples(4), tokens: 0 }]);

function gradientsOf(model: MistralModel, keeping: Keeping | Keeping[]): Map<string, Float32Array> {
  const options = { dropoutSeed: 11, keeping };
  const { lossSum, gradients } = microBatchGradients(model, model.trainableVariables(), batch, options);
  const values = new Map([...gradients].map(([name, g]) => [name, (g.dataSync() as Float32Array).slice()]));
  values.set("loss", (lossSum.dataSync() as Float32Array).slice());
  tf.dispose([lossSum, ...gradients.values()]);
  return values;
}

describe("what layers keep for backward", () => {
  afterEach(() => useDevice(HOST));

  for (const device of [HOST, "cpu"] as const) {
    it(`gives the same gradients bit for bit with LoRA and dropout, device ${device}`, async () => {
      const model = await tinyLoraModel({ dropout: 0.3 });
      await useDevice(device);
      for (const [name, variable] of model.trainableVariables()) {
        // B is zero at first, which would make the gradient of A zero too.
        if (name.endsWith("lora_B")) variable.assign(tf.randomNormal(variable.shape, 0, 0.05, "float32", 5));
      }
      const kept = gradientsOf(model, "all");
      assert.equal(kept.size, 2 * 7 * 2 + 1);
      for (const values of kept.values()) assert.ok(values.some((value) => value !== 0));
      const mixed: Keeping[] = ["input", "lean"];
      for (const keeping of [...KEEPINGS, mixed]) assert.deepEqual(gradientsOf(model, keeping), kept);
      disposeTiny(model);
    });
  }

  it("gives the same gradients bit for bit with all weights", async () => {
    const model = await tinyTrainableModel();
    const kept = gradientsOf(model, "all");
    assert.equal(kept.size, 2 * 9 + 3 + 1);
    for (const keeping of KEEPINGS) assert.deepEqual(gradientsOf(model, keeping), kept);
    disposeTiny(model);
  });

  it("makes nothing again that no backward reads, and leaves no tensor behind", async () => {
    const model = await tinyLoraModel({ dropout: 0.3 });
    const ran = (keeping: Keeping) => {
      const counts: Record<string, number> = {};
      const { runKernel } = tf.engine();
      tf.engine().runKernel = function (name: string, ...rest) {
        counts[name] = (counts[name] ?? 0) + 1;
        return runKernel.call(this, name, ...rest) as never;
      };
      try {
        gradientsOf(model, keeping);
      } finally {
        tf.engine().runKernel = runKernel;
      }
      return counts;
    };
    const before = tf.memory().numTensors;
    const { layers } = model.config;
    const all = ran("all");
    const more = Object.fromEntries(
      KEEPINGS.map((keeping) => {
        const counts = ran(keeping);
        const names = ["RmsNorm", "Swiglu", "Linear", "Rope", "Attention"];
        return [keeping, names.map((name) => (counts[name] - all[name]) / layers)];
      }),
    );
    // Of a layer's four groups of products the last one, down, is never made again.
    assert.deepEqual(more, {
      all: [0, 0, 0, 0, 0],
      lean: [2, 1, 0, 0, 0],
      attention: [2, 1, 3, 1, 0],
      input: [2, 1, 3, 1, 1],
    });
    assert.equal(tf.memory().numTensors, before);
    disposeTiny(model);
  });
});
