import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { makeBatch } from "../../sdk/data/batches.ts";
import { PROJECTIONS } from "../../sdk/model/layers.ts";
import { attachLora, hasLora, trainableParameters, withoutLora } from "../../sdk/model/lora.ts";
import type { MistralModel } from "../../sdk/model/mistral.ts";
import { quantize } from "../../sdk/model/quantize.ts";
import { disposeTiny, tinyConfig, tinyExamples, tinyLoraModel, tinyTrainableModel } from "../tinyModel.ts";

const batch = makeBatch([{ examples: tinyExamples(3), tokens: 0 }]);

function hidden(model: MistralModel, dropoutSeed?: number): Float32Array {
  return tf.tidy(() => (model.forward(batch, { dropoutSeed }).dataSync() as Float32Array).slice());
}

/** layers * sum over targets of r * (in + out), from the table of shapes in the paper's words. */
function formula(r: number, targets: readonly (typeof PROJECTIONS)[number][]): number {
  const { hiddenSize: h, heads, kvHeads, headDim, intermediateSize: m, layers } = tinyConfig;
  const [q, kv] = [heads * headDim, kvHeads * headDim];
  const inAndOut = {
    q_proj: h + q,
    k_proj: h + kv,
    v_proj: h + kv,
    o_proj: q + h,
    gate_proj: h + m,
    up_proj: h + m,
    down_proj: m + h,
  };
  return layers * r * targets.reduce((sum, name) => sum + inAndOut[name], 0);
}

describe("attachLora", () => {
  let base: MistralModel;
  let first: MistralModel;
  before(async () => {
    first = await tinyLoraModel();
    base = withoutLora(first);
  });
  after(() => disposeTiny(first));

  it("equals the base bit for bit until it is trained, in training with dropout too", () => {
    for (const model of [base, quantize(base)]) {
      const adapted = attachLora(model, { dropout: 0.5 });
      const wanted = hidden(model);
      assert.deepEqual(hidden(adapted), wanted);
      assert.deepEqual(hidden(adapted, 7), wanted);
      adapted.dispose();
    }
  });

  it("differs from the base once B is not zero", () => {
    const adapted = attachLora(base);
    for (const [name, variable] of adapted.trainableVariables()) {
      if (name.endsWith("lora_B")) variable.assign(tf.fill(variable.shape, 0.01));
    }
    assert.notDeepEqual(hidden(adapted), hidden(base));
    adapted.dispose();
  });

  it("trains as many values as the formula says, and nothing of the base", () => {
    for (const [r, targetModules] of [
      [1, [...PROJECTIONS]],
      [8, [...PROJECTIONS]],
      [3, ["q_proj", "v_proj"]],
      [5, ["down_proj"]],
    ] as const) {
      const adapted = attachLora(base, { r, targetModules: [...targetModules] });
      assert.equal(trainableParameters(adapted), formula(r, targetModules));
      const names = [...adapted.trainableVariables().keys()];
      assert.equal(names.length, 2 * tinyConfig.layers * targetModules.length);
      assert.ok(names.every((name) => /\.lora_[AB]$/.test(name)));
      adapted.dispose();
    }
    assert.equal(trainableParameters(base), 0);
  });

  it("starts A uniform in ±1/sqrt(in), B at zero; equal seeds give equal values", () => {
    const [one, same, other] = [1, 1, 2].map((seed) => attachLora(base, { r: 64, seed }));
    for (const [name, variable] of one.trainableVariables()) {
      const values = variable.dataSync() as Float32Array;
      assert.deepEqual(same.trainableVariables().get(name)!.dataSync(), values);
      if (name.endsWith("lora_B")) {
        assert.ok(
          values.every((value) => value === 0),
          name,
        );
        continue;
      }
      const bound = 1 / Math.sqrt(variable.shape[1]!);
      assert.ok(
        values.every((value) => Math.abs(value) <= bound),
        name,
      );
      // 2048 or more draws: the mean square is bound²/3 ± 2 %; 10 % is five standard deviations.
      const meanSquare = values.reduce((sum, value) => sum + value * value, 0) / values.length;
      assert.ok(Math.abs(meanSquare / (bound ** 2 / 3) - 1) < 0.1, `${name}: mean square ${meanSquare}`);
      assert.notDeepEqual(other.trainableVariables().get(name)!.dataSync(), values, name);
    }
    for (const model of [one, same, other]) model.dispose();
  });

  it("shares every frozen weight with the base, and withoutLora takes the adapter off", () => {
    const adapted = attachLora(base);
    for (const [i, layer] of adapted.weights.layers.entries()) {
      for (const name of PROJECTIONS) {
        assert.equal(layer[name].weight, base.weights.layers[i][name].weight);
      }
    }
    assert.ok(hasLora(adapted) && !hasLora(base) && !hasLora(withoutLora(adapted)));
    adapted.dispose();
  });

  for (const [name, options, message] of [
    ["rank 0", { r: 0 }, /^attachLora: option "r": .*>=1, got 0$/],
    ["a broken rank", { r: 1.5 }, /^attachLora: option "r": .*int.*, got 1\.5$/],
    ["alpha 0", { alpha: 0 }, /^attachLora: option "alpha": .*>0, got 0$/],
    ["dropout 1", { dropout: 1 }, /^attachLora: option "dropout": .*<1, got 1$/],
    ["no module", { targetModules: [] }, /^attachLora: option "targetModules": .*>=1 items, got \[\]$/],
    [
      "an unknown module",
      { targetModules: ["q_proj", "query"] },
      /^attachLora: option "targetModules\.1": .*"q_proj"\|"k_proj".*"down_proj", got "query"$/,
    ],
    [
      "an unknown key",
      { rank: 4, aplha: 8 },
      /^attachLora: unknown option "rank".*; known: r, alpha, dropout, targetModules, seed; unknown option "aplha" \(did you mean "alpha"\?\)/,
    ],
    ["two wrong keys at once", { r: 0, alpha: -1 }, /option "r": .*; option "alpha": /],
  ] as const) {
    it(`refuses ${name}`, () => {
      // Options from JavaScript are not checked by the compiler.
      const call: (model: MistralModel, options: object) => MistralModel = attachLora;
      assert.throws(() => call(base, options), { name: "TypeError", message });
    });
  }

  it("refuses a model whose own weights are trained", async () => {
    const full = await tinyTrainableModel();
    assert.throws(() => attachLora(full), {
      message:
        "attachLora: the model is made for full training: its own weights would be trained too, and an adapter's folder holds none of them; save it with saveModel and load it again",
    });
    disposeTiny(full);
  });

  it("refuses a model that has an adapter", () => {
    assert.throws(() => attachLora(first), {
      message: "attachLora: the model already has an adapter; attach to its base instead",
    });
  });
});
