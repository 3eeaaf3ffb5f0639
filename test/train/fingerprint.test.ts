import assert from "node:assert/strict";
import { scaleAdapter } from "../../sdk/model/lora.ts";
import { modelFingerprint } from "../../sdk/train/fingerprint.ts";
import { disposeTiny, tinyLoraModel } from "../tinyModel.ts";

describe("modelFingerprint", () => {
  it("tells models by what their adapters multiply, and not by what was learnt", async () => {
    const model = await tinyLoraModel();
    const own = modelFingerprint(model);
    assert.equal(modelFingerprint(scaleAdapter(model, 1)), own);
    assert.notEqual(modelFingerprint(scaleAdapter(model, 0.5)), own);
    model.weights.layers[0].q_proj.lora!.rsLora = true;
    assert.notEqual(modelFingerprint(model), own);
    delete model.weights.layers[0].q_proj.lora!.rsLora;
    for (const variable of model.trainableVariables().values()) variable.assign(variable.add(1));
    assert.equal(modelFingerprint(model), own);
    disposeTiny(model);
  });
});
