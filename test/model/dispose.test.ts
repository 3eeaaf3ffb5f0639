import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { generate } from "../../sdk/generate/generate.ts";
import { makeTrainable } from "../../sdk/model/fullTraining.ts";
import { loadModel } from "../../sdk/model/load.ts";
import { attachLora } from "../../sdk/model/lora.ts";
import { quantize } from "../../sdk/model/quantize.ts";
import { train } from "../../sdk/train/train.ts";
import { tinyExamples } from "../tinyModel.ts";
import { collect } from "../train/support.ts";

const MINI = "data/models/mini";

function held(): string {
  const { numTensors, numDataBuffers, numBytes } = tf.memory();
  return `${numTensors} tensors, ${numDataBuffers} buffers, ${numBytes} bytes`;
}

describe("dispose", () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), "dispose-"));
  });
  after(() => rmSync(dir, { recursive: true }));

  it("of all models leaves nothing behind on the road from loading to the answer", async () => {
    const before = held();
    const model = await loadModel(MINI);
    const loaded = held();
    assert.notEqual(loaded, before);
    const tuned = attachLora(quantize(model));
    await collect(train(tuned, tinyExamples(4), { maxSteps: 2, maxSeqLength: 64 }));
    for await (const _ of generate(tuned, [1, 5, 6], { maxNewTokens: 3 }));
    await tuned.save(dir);
    tuned.dispose();
    assert.equal(held(), loaded, "the base is still there");
    const full = makeTrainable(model);
    full.dispose();
    assert.equal(held(), loaded);
    model.dispose();
    model.dispose();
    assert.equal(held(), before);
  });

  it("of a model with its adapter frees the base that came with it", async () => {
    const before = held();
    const tuned = await loadModel(dir);
    tuned.dispose();
    tuned.dispose();
    assert.equal(held(), before);
  });

  it("is not needed where the adapter does not fit its base", async () => {
    const before = held();
    const file = join(dir, "adapter_config.json");
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), r: 9 }));
    await assert.rejects(loadModel(dir), /lora_A: expected \[9, /);
    assert.equal(held(), before);
  });
});
