/** Matrices that stay in their files: the same model as one that was read at once, and errors where a file changes. */
import assert from "node:assert/strict";
import { appendFileSync, cpSync, mkdtempSync, renameSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { useDevice } from "../../sdk/backend/device.ts";
import { addonProblem, loadAddon } from "../../sdk/backend/loadAddon.ts";
import { loadModel } from "../../sdk/model/load.ts";
import { quantize } from "../../sdk/model/quantize.ts";
import { NF4Weight } from "../../sdk/weights/nf4.ts";
import { StoredWeight } from "../../sdk/weights/storedWeight.ts";
import { DenseWeight } from "../../sdk/weights/weight.ts";
import { GoldenModels, logitsOf } from "../goldens/models.ts";

const BUNDLED = "data/models/mini";

describe("weights that stay in their files", () => {
  let dir: string;
  before(async function () {
    if (!loadAddon()) this.skip();
    await useDevice("native");
    dir = mkdtempSync(join(tmpdir(), "stored-"));
  });
  after(() => dir && rmSync(dir, { recursive: true }));
  if (!loadAddon()) return it(`skipped, ${addonProblem()}`);

  function copy(): string {
    const folder = mkdtempSync(join(dir, "model-"));
    cpSync(BUNDLED, folder, { recursive: true });
    return folder;
  }

  it("are read at once in a small model, unless that is asked for; other devices always read", async () => {
    const kind = async (options: object) => {
      const { embedding } = (await loadModel(BUNDLED, options)).weights;
      return embedding.constructor;
    };
    assert.equal(await kind({}), DenseWeight);
    assert.equal(await kind({ keepInFiles: true }), StoredWeight);
    await useDevice("cpu");
    assert.equal(await kind({ keepInFiles: true }), DenseWeight);
    await useDevice("native");
  });

  it("give the logits, the 4 bits and the samples of weights in memory", async () => {
    const models = new GoldenModels();
    const ids = Int32Array.of(1, 20, 30, 40);
    const positions = Int32Array.of(0, 1, 2, 3);
    const batch = { ids, labels: ids, positions, cuSeqlens: Int32Array.of(0, 4), trainedTokens: 4 };
    for (const source of [models.folder("tiny-mistral"), BUNDLED]) {
      const both = [await loadModel(source, { keepInFiles: true }), await loadModel(source)];
      const seen = both.map((model) => {
        const { weight } = model.weights.layers[1].up_proj;
        const small = quantize(model).weights.layers[1].up_proj.weight;
        assert.ok(small instanceof NF4Weight && !(weight instanceof tf.Tensor));
        const values = weight.dequantize();
        return { packed: small.packed, scales: small.scales, values, sample: Buffer.concat(weight.sample()) };
      });
      assert.deepEqual(seen[0], seen[1]);
      assert.deepEqual(logitsOf(both[0], batch), logitsOf(both[1], batch));
    }
    models.remove();
  });

  it("are not needed once they were used", async () => {
    const folder = copy();
    const { weights } = await loadModel(folder, { keepInFiles: true });
    const [first, second] = [weights.layers[0].q_proj.weight, weights.layers[0].k_proj.weight];
    assert.ok(first instanceof StoredWeight && second instanceof StoredWeight);
    const values = first.native();
    renameSync(join(folder, "model.safetensors"), join(folder, "elsewhere"));
    assert.equal(first.native()[0], values[0]);
    first.quantize(true);
    const changed = {
      message: `${join(folder, "model.safetensors")}: "model.layers.0.self_attn.k_proj.weight" is still to be read from it, but the file has changed since the model was loaded: load the model again`,
    };
    for (const use of [() => second.native(), () => second.quantize(true), () => second.dequantize()])
      assert.throws(use, changed);
  });

  for (const [how, change] of [
    ["shorter", (file: string) => truncateSync(file, 100_000)],
    ["longer", (file: string) => appendFileSync(file, "more")],
    ["another", (file: string) => cpSync(join(BUNDLED, "config.json"), file)],
  ] as const) {
    it(`are an error when the file has become ${how}: no crash, no values of another file`, async () => {
      const folder = copy();
      const model = await loadModel(folder, { keepInFiles: true });
      change(join(folder, "model.safetensors"));
      assert.throws(
        () => quantize(model),
        /model\.safetensors: "model\.layers\.0\.self_attn\.q_proj\.weight" is still to be read from it, but the file has changed since the model was loaded: load the model again$/,
      );
    });
  }
});
