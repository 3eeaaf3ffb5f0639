import assert from "node:assert/strict";
import fs, { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { useDevice } from "../../sdk/backend/device.ts";
import { makeBatch } from "../../sdk/data/batches.ts";
import { saveModel } from "../../sdk/model/fullTraining.ts";
import { isQuantized } from "../../sdk/model/layers.ts";
import { loadModel } from "../../sdk/model/load.ts";
import { attachLora } from "../../sdk/model/lora.ts";
import type { MistralModel } from "../../sdk/model/mistral.ts";
import { quantize } from "../../sdk/model/quantize.ts";
import { skipWithoutGpu } from "../gpuHere.ts";
import { HOST } from "../host.ts";
import { disposeTiny, tinyExamples, tinyTrainableModel } from "../tinyModel.ts";

const batch = makeBatch([{ examples: tinyExamples(3), tokens: 0 }]);
// As many ids as the tokenizer of the fixtures has.
const VOCAB = 272;

function logits(model: MistralModel): Float32Array {
  return tf.tidy(() => (model.logits(model.forward(batch)).dataSync() as Float32Array).slice());
}

describe("loadModel, folders with an adapter", () => {
  let root: string;
  let dir: string;
  before(async () => {
    root = mkdtempSync(join(tmpdir(), "load-adapter-"));
    const made = await tinyTrainableModel({ vocabSize: VOCAB });
    saveModel(made, join(root, "original"), "float32");
    disposeTiny(made);
  });
  beforeEach(() => {
    dir = join(root, "base");
    cpSync(join(root, "original"), dir, { recursive: true });
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  after(() => rmSync(root, { recursive: true }));

  function randomise(model: MistralModel): void {
    for (const [i, variable] of [...model.trainableVariables().values()].entries()) {
      variable.assign(tf.randomNormal(variable.shape, 0, 0.1, "float32", i + 1));
    }
  }

  for (const nf4 of [false, true]) {
    it(`gives back an adapter with its base${nf4 ? ", quantised as in training" : ""}`, async () => {
      const base = await loadModel(dir);
      const model = attachLora(nf4 ? quantize(base) : base, {
        r: 3,
        alpha: 5,
        targetModules: ["q_proj", "up_proj"],
      });
      randomise(model);
      const folder = join(root, `adapter-${nf4}`);
      await model.save(folder);
      const loaded = await loadModel(folder);
      assert.deepEqual(logits(loaded), logits(model));
      assert.notDeepEqual(logits(loaded), logits(base));
      assert.equal(isQuantized(loaded.weights.layers), nf4);
      assert.deepEqual([...loaded.trainableVariables().keys()], [...model.trainableVariables().keys()]);
    });
  }

  it("opens the adapter's weights once", async () => {
    const folder = join(root, "once");
    await attachLora(await loadModel(dir)).save(folder);
    const opened: string[] = [];
    const { openSync } = fs;
    fs.openSync = (path, ...rest) => {
      opened.push(String(path));
      return openSync(path, ...rest);
    };
    syncBuiltinESMExports();
    try {
      await loadModel(folder);
    } finally {
      fs.openSync = openSync;
      syncBuiltinESMExports();
    }
    const weights = join(folder, "adapter_model.safetensors");
    assert.deepEqual(
      opened.filter((path) => path === weights),
      [weights],
    );
  });

  it("gives back an adapter that was trained on 4 bits on a GPU with its base in 4 bits, there and elsewhere", async function () {
    skipWithoutGpu(this);
    const folder = join(root, "gpu");
    try {
      await useDevice("cuda", { compute: "float32" });
      await attachLora(quantize(await loadModel(dir))).save(folder);
      assert.ok(isQuantized((await loadModel(folder)).weights.layers));
    } finally {
      await useDevice(HOST);
    }
    assert.ok(isQuantized((await loadModel(folder)).weights.layers));
  });

  it("refuses an adapter whose base has other weights", async () => {
    const folder = join(root, "orphan");
    await attachLora(await loadModel(dir)).save(folder);
    const other = await tinyTrainableModel({ vocabSize: VOCAB }, 2);
    saveModel(other, dir, "float32");
    disposeTiny(other);
    await assert.rejects(
      loadModel(folder),
      /orphan: the adapter cannot be used: it was trained on other base weights \("[^"]*base"\): expected sha256 [0-9a-f]{12}…, this base has [0-9a-f]{12}…\. Load the model that it was trained on$/,
    );
  });

  it("refuses an adapter whose base is gone, or has other sizes", async () => {
    const folder = join(root, "homeless");
    await attachLora(await loadModel(dir)).save(folder);
    rmSync(join(folder, "mistral_lab.json"));
    const wide = await tinyTrainableModel({ vocabSize: VOCAB, intermediateSize: 64 });
    saveModel(wide, dir, "float32");
    disposeTiny(wide);
    await assert.rejects(
      loadModel(folder),
      /layers\.0\.mlp\.gate_proj: lora_B: expected \[64, 8\], got \[48, 8\]/,
    );
    rmSync(dir, { recursive: true });
    await assert.rejects(
      loadModel(folder),
      /homeless: the adapter's base ".*base" is not there: write where it is into adapter_config\.json \(base_model_name_or_path\), or load the base and lay the adapter over it \(loadAdapters; mistral-lab chat BASE --adapter NAME=.*homeless\)$/,
    );
  });

  it("says what to do about an adapter that names no base", async () => {
    const folder = join(root, "nameless");
    await attachLora(await loadModel(dir)).save(folder);
    const file = join(folder, "adapter_config.json");
    const config = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...config, base_model_name_or_path: null }));
    await assert.rejects(
      loadModel(folder),
      /nameless: adapter_config\.json: base_model_name_or_path: expected the base's folder or its name on the hub, got nothing: write it there, or load the base and lay the adapter over it with loadAdapters$/,
    );
  });
});
