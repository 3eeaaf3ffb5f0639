import assert from "node:assert/strict";
import { tensorShapes } from "../../sdk/model/baseWeights.ts";
import { loadModel } from "../../sdk/model/load.ts";
import { attachLora, trainableParameters } from "../../sdk/model/lora.ts";
import { modelMemory } from "../../sdk/model/memory.ts";
import { quantize, weightBytes } from "../../sdk/model/quantize.ts";

/** mistralai/Mistral-7B-Instruct-v0.3's config.json. */
const MISTRAL_7B = {
  hiddenSize: 4096,
  intermediateSize: 14336,
  heads: 32,
  kvHeads: 8,
  headDim: 128,
  layers: 32,
  vocabSize: 32768,
  tieEmbeddings: false,
};

describe("modelMemory", () => {
  it("counts what Mistral-7B is published with", () => {
    const { parameters, trainable, stored, nf4 } = modelMemory(MISTRAL_7B);
    // The checkpoint's index says 14,496,047,104 bytes in bfloat16.
    assert.equal(stored, 14_496_047_104);
    assert.equal(parameters, 7_248_023_552);
    // PEFT prints it for r 8 on all seven projections.
    assert.equal(trainable, 20_971_520);
    assert.ok(nf4 > 3.7 * 2 ** 30 && nf4 < 3.9 * 2 ** 30, `${nf4}`);
  });

  it("agrees with a model that is there", async () => {
    const base = await loadModel("data/models/mini");
    const { parameters, trainable, nf4 } = modelMemory(base.config, { r: 4 });
    const sizes = [...tensorShapes(base.config).values()].map((shape) => shape.reduce((a, b) => a * b, 1));
    assert.equal(
      parameters,
      sizes.reduce((a, b) => a + b, 0),
    );
    const tuned = attachLora(quantize(base), { r: 4 });
    assert.equal(trainable, trainableParameters(tuned));
    // A block of 64 or of 256 that is not full takes a whole scale: rounding up in each matrix.
    assert.ok(Math.abs(weightBytes(tuned).bytes / nf4 - 1) < 0.01, `${weightBytes(tuned).bytes} and ${nf4}`);
  });

  it("grows with rank and length, and names a wrong option", () => {
    const [small, large] = [modelMemory(MISTRAL_7B), modelMemory(MISTRAL_7B, { r: 16, tokens: 1024 })];
    assert.equal(large.adapter, 2 * small.adapter);
    assert.ok(large.train > small.train && large.chat > small.chat);
    assert.throws(
      () => modelMemory(MISTRAL_7B, { r: 0 }),
      /modelMemory: option "r": expected number to be >0, got 0/,
    );
    const { layers: _, ...rest } = MISTRAL_7B;
    assert.throws(
      () => modelMemory({ ...rest, heads: Number.NaN } as never),
      /modelMemory: shape: expected numbers above 0 for heads, layers; see ModelShape/,
    );
    assert.throws(() => modelMemory(MISTRAL_7B, { rank: 8 } as never), /modelMemory: .*"rank"/);
  });
});
