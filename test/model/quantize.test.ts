import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { makeBatch } from "../../sdk/data/batches.ts";
import { type Layer, PROJECTIONS } from "../../sdk/model/layers.ts";
import { withoutLora } from "../../sdk/model/lora.ts";
import { MistralModel } from "../../sdk/model/mistral.ts";
import { quantize, weightBytes } from "../../sdk/model/quantize.ts";
import { NF4Weight } from "../../sdk/weights/nf4.ts";
import { DenseWeight } from "../../sdk/weights/weight.ts";
import { assertClose } from "../compare.ts";
import { disposeTiny, tinyExamples, tinyLoraModel, tinyTrainableModel } from "../tinyModel.ts";

const batch = makeBatch([{ examples: tinyExamples(3), tokens: 0 }]);

function hidden(model: MistralModel): Float32Array {
  return tf.tidy(() => (model.forward(batch).dataSync() as Float32Array).slice());
}

/** The same model with its 4-bit matrices written out in float32. */
function dequantized({ config, weights, tokenizer, source }: MistralModel): MistralModel {
  const layers = weights.layers.map((layer) => {
    const dense: Layer = { ...layer };
    for (const name of PROJECTIONS) {
      const { weight } = layer[name];
      assert.ok(weight instanceof NF4Weight, name);
      dense[name] = { weight: new DenseWeight(weight.shape, weight.dequantize()) };
    }
    return dense;
  });
  return new MistralModel(config, { ...weights, layers }, tokenizer, source);
}

describe("quantize", () => {
  let adapted: MistralModel;
  let base: MistralModel;
  before(async () => {
    adapted = await tinyLoraModel();
    base = withoutLora(adapted);
  });
  after(() => disposeTiny(adapted));

  for (const doubleQuant of [true, false]) {
    it(`computes with the values that the 4 bits stand for, double quantisation ${doubleQuant}`, () => {
      const model = quantize(base, { doubleQuant });
      // The same products in another order: float32 rounding of sums of 48 terms through two layers.
      assertClose(hidden(model), hidden(dequantized(model)), { rtol: 1e-5, atol: 1e-5, what: "hidden" });
      assert.notDeepEqual(hidden(model), hidden(base));
    });
  }

  it("leaves embedding, norms and head as they are, and the base too", () => {
    const before = hidden(base);
    const { weights } = quantize(base);
    assert.equal(weights.embedding, base.weights.embedding);
    assert.equal(weights.head, base.weights.head);
    assert.equal(weights.norm, base.weights.norm);
    assert.equal(weights.layers[1].inputNorm, base.weights.layers[1].inputNorm);
    assert.deepEqual(hidden(base), before);
  });

  it("leaves what is in 4 bits alone", () => {
    const once = quantize(base, { doubleQuant: false });
    const twice = quantize(once);
    assert.equal(twice.weights.layers[0].q_proj.weight, once.weights.layers[0].q_proj.weight);
  });

  it("counts bytes: half a byte a value, and the scales", () => {
    // Per layer q 32·32, k and v 16·32, o 32·32, gate and up 48·32, down 32·48 = 7680 values in 120 blocks, whose
    // scales take (by matrix 16, 8, 8, 16, 24, 24, 24 blocks) 1 byte each and 4 + 4 for group and offset.
    const values = 2 * 7680;
    const rest = 2 * 64 * 32 * 4 + 5 * 32 * 4;
    const parameters = values + 2 * 64 * 32 + 5 * 32;
    const sizes = (model: MistralModel) => weightBytes(model);
    assert.deepEqual(sizes(base), { bytes: parameters * 4, bfloat16Bytes: parameters * 2, parameters });
    const nested = values / 2 + 2 * (120 + 7 * 8) + rest;
    assert.deepEqual(sizes(quantize(base)), { bytes: nested, bfloat16Bytes: parameters * 2, parameters });
    const single = values / 2 + 2 * 120 * 4 + rest;
    assert.equal(sizes(quantize(base, { doubleQuant: false })).bytes, single);
  });

  it("refuses an adapter, variables and unknown options", async () => {
    assert.throws(() => quantize(adapted), {
      message: "quantize: the model has an adapter; quantise its base, then attachLora",
    });
    const trainable = await tinyTrainableModel();
    assert.throws(() => quantize(trainable), {
      message: "quantize: layer 0 q_proj is a trainable variable; save the model and load it again",
    });
    disposeTiny(trainable);
    const call: (model: MistralModel, options: object) => MistralModel = quantize;
    assert.throws(() => call(base, { doubleQuantt: true }), {
      name: "TypeError",
      message: 'quantize: unknown option "doubleQuantt" (did you mean "doubleQuant"?); known: doubleQuant',
    });
    assert.throws(() => call(base, { doubleQuant: "yes" }), /option "doubleQuant": .*boolean.*, got "yes"/);
  });
});
