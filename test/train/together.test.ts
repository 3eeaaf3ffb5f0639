import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { attachLora, scaleAdapter, withoutLora } from "../../sdk/model/lora.ts";
import { train } from "../../sdk/train/train.ts";
import { disposeTiny, tinyExamples, tinyLoraModel } from "../tinyModel.ts";
import { collect, losses } from "./support.ts";

describe("trainings at once", () => {
  it("of two models of one base give what each gives alone", async () => {
    const examples = tinyExamples(12);
    const options = { maxSeqLength: 32, gradientAccumulationSteps: 2, epochs: 2, learningRate: 1e-2 };
    const first = await tinyLoraModel({ dropout: 0.1 });
    const runs = [0, 1].map((seed) => ({
      model: attachLora(withoutLora(first), { dropout: 0.1, seed }),
      seed,
    }));
    const curve = async ({ model, seed }: (typeof runs)[number]) =>
      losses(await collect(train(model, examples, { ...options, seed })));
    const together = await Promise.all(runs.map(curve));
    for (const [i, { seed }] of runs.entries()) {
      const model = attachLora(withoutLora(first), { dropout: 0.1, seed });
      assert.deepEqual(together[i], await curve({ model, seed }));
      model.dispose();
    }
    for (const { model } of runs) model.dispose();
    disposeTiny(first);
  });

  it("of one model: the older one stops, the newer one goes on", async () => {
    const [model, examples] = [await tinyLoraModel(), tinyExamples(12)];
    const options = { maxSeqLength: 32, epochs: 3 };
    const { numTensors } = tf.memory();
    const older = train(model, examples, options);
    for (let seen = 0; seen < 3; seen++) await older.next();
    const newer = collect(train(scaleAdapter(model, 1), examples, options));
    await assert.rejects(
      collect(older),
      /^Error: train: stopped at step 3 of \d+: another training of the same model has begun\. Await the end of one before the next begins, or give each a model of its own \(attachLora on the same base\)$/,
    );
    assert.equal((await newer).at(-1)?.type, "done");
    assert.equal(tf.memory().numTensors, numTensors);
    // An end leaves nothing behind.
    assert.equal((await collect(train(model, examples, options))).at(-1)?.type, "done");
    disposeTiny(model);
  });
});
