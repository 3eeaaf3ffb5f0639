/**
 * The device "tensorflow": how its package is found, that the whole road runs on a backend that is not ours, and the
 * kept weights. Its package downloads a library of 400 MB when it is installed, so this project does not depend on it.
 * Where it is installed all the same (docs/backends.md says how), TensorFlow itself runs here, and in the tests of the
 * ops and the goldens. Elsewhere a stand-in takes its place: a tfjs backend of that name which computes as plain tfjs.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { denseCache } from "../../sdk/backend/denseCache.ts";
import { useDevice } from "../../sdk/backend/device.ts";
import { findTensorflow, loadTensorflow } from "../../sdk/backend/tensorflow.ts";
import { ChatSession } from "../../sdk/chat/session.ts";
import { evaluate } from "../../sdk/evaluate/evaluate.ts";
import { loadModel } from "../../sdk/model/load.ts";
import { attachLora, withoutLora } from "../../sdk/model/lora.ts";
import type { MistralModel } from "../../sdk/model/mistral.ts";
import { quantize } from "../../sdk/model/quantize.ts";
import { train } from "../../sdk/train/train.ts";
import { GoldenModels, logitsOf } from "../goldens/models.ts";
import { HOST } from "../host.ts";
import { tinyExamples } from "../tinyModel.ts";
import { collect } from "../train/support.ts";

const require = createRequire(import.meta.url);

const REAL = findTensorflow().length > 0;

describe(`device tensorflow, ${REAL ? "itself" : "a stand-in"}`, () => {
  const place = process.cwd();
  let dir: string;
  let models: GoldenModels;
  before(() => {
    models = new GoldenModels();
    dir = mkdtempSync(join(tmpdir(), "tensorflow-"));
    mkdirSync(join(dir, "empty"));
    install("works", "@tensorflow/tfjs-node", STAND_IN);
    install(
      "broken",
      "@tensorflow/tfjs-node-gpu",
      'throw new Error("libtensorflow.so.2: cannot open shared object file");',
    );
    install("apart", "@tensorflow/tfjs-node", "module.exports = {};");
    install("alias", "@tensorflow/tfjs-node", "module.exports = {};", "@tensorflow/tfjs");
  });
  afterEach(async () => {
    process.chdir(place);
    await useDevice(HOST);
    if (!REAL && tf.findBackend("tensorflow")) tf.removeBackend("tensorflow");
  });
  after(() => {
    models.remove();
    rmSync(dir, { recursive: true });
  });

  const STAND_IN = `
    const tf = require(${JSON.stringify(require.resolve("@tensorflow/tfjs"))});
    const { MathBackendCPU } = require(${JSON.stringify(require.resolve("@tensorflow/tfjs-backend-cpu"))});
    globalThis.standIn = () => tf.registerBackend("tensorflow", () => new MathBackendCPU());
    if (tf.getKernelsForBackend("tensorflow").length === 0) tf.copyRegisteredKernels("cpu", "tensorflow");
    globalThis.standIn();
  `;

  /** @param saysName the name in its package.json, where that is another */
  function install(project: string, name: string, code: string, saysName = name): void {
    const folder = join(dir, project, "node_modules", name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, "package.json"),
      JSON.stringify({ name: saysName, version: "4.22.0", main: "index.js" }),
    );
    writeFileSync(join(folder, "index.js"), code);
  }

  /** TensorFlow, or the stand-in: a module runs once, so that a second time it is registered by hand. */
  async function use(weightCacheBytes?: number) {
    if (REAL) return useDevice("tensorflow", { weightCacheBytes });
    process.chdir(join(dir, "works"));
    (globalThis as { standIn?: () => void }).standIn?.();
    return useDevice("tensorflow", { weightCacheBytes });
  }

  it("says what to install where nothing is, and why a package cannot be used", async () => {
    const install =
      /Install one of them in your project \(npm install @tensorflow\/tfjs-node@4\.22\.0\), or choose another device$/;
    const nothing = loadTensorflow([join(dir, "empty")]);
    await assert.rejects(
      nothing,
      /^Error: device "tensorflow" is not available: neither @tensorflow\/tfjs-node-gpu nor @tensorflow\/tfjs-node is installed\. /,
    );
    await assert.rejects(loadTensorflow([join(dir, "empty")]), install);
    await assert.rejects(
      loadTensorflow([join(dir, "broken")]),
      /@tensorflow\/tfjs-node-gpu is installed but does not load \(libtensorflow\.so\.2: cannot open shared object file\)\. Install/,
    );
  });

  it("does not take plain tfjs under its name for it", () => {
    assert.deepEqual(findTensorflow([join(dir, "alias")]), []);
    assert.deepEqual(
      findTensorflow([join(dir, "broken")]).map(({ name }) => name),
      ["@tensorflow/tfjs-node-gpu"],
    );
  });

  it("says that a package of another version has a registry of its own", async function () {
    // Once TensorFlow itself has registered its backend, nothing is apart.
    if (REAL) this.skip();
    await assert.rejects(
      loadTensorflow([join(dir, "apart")]),
      /@tensorflow\/tfjs-node brings another copy of @tensorflow\/tfjs-core: install the version 4\.22\.0 of both\. Install/,
    );
  });

  it("is found in the project, and named", async () => {
    const info = await use(2 ** 29);
    assert.equal(info.device, "tensorflow");
    // A version is told where the package has one.
    const kept = "float32; up to 0\\.5 GiB of dequantised weights are kept";
    const version = REAL ? " \\d+\\.\\d+\\.\\d+" : "";
    assert.match(
      info.description,
      new RegExp(`^TensorFlow${version} through @tensorflow/tfjs-node(-gpu)? \\((CPU|GPU), ${kept}\\)$`),
    );
    assert.equal(tf.getBackend(), "tensorflow");
    await assert.rejects(
      useDevice("tensorflow", { weightCacheBytes: -1 }),
      /^TypeError: useDevice: option "weightCacheBytes": .*>=0, got -1$/,
    );
  });

  it("runs the whole road: quantise, attach, train, evaluate, save, load, chat", async () => {
    await use(2 ** 26);
    const base = await models.load("family/nemo");
    const tuned = attachLora(quantize(base), { r: 2, dropout: 0.1 });
    const examples = tinyExamples(6);
    const outputDir = join(dir, "run");
    const events = await collect(train(tuned, examples, { outputDir, epochs: 6, learningRate: 0.02 }));
    const losses = events.flatMap((event) => (event.type === "step" ? [event.loss] : []));
    assert.ok(losses[losses.length - 1] < losses[0], losses.join());
    const before = await evaluate(withoutLora(tuned), examples, { maxNewTokens: 2 });
    const after = await evaluate(tuned, examples, { maxNewTokens: 2 });
    assert.ok(after.loss < before.loss, `${after.loss} against ${before.loss}`);
    await tuned.save(join(dir, "adapter"));
    const again = await loadModel(join(dir, "adapter"));
    const { answer } = await new ChatSession(again, { sampling: { maxNewTokens: 4 } }).say("abc");
    assert.equal(typeof answer, "string");
    assert.ok(denseCache.bytes > 0);
  });

  /** Logits, and how many weights were dequantised for them. */
  function counted(model: MistralModel): { logits: Float32Array; dequantized: number } {
    let dequantized = 0;
    for (const layer of model.weights.layers) {
      const { weight } = layer.up_proj;
      if (weight instanceof tf.Tensor) continue;
      const { dequantize } = Object.getPrototypeOf(weight);
      weight.dequantize = () => {
        dequantized++;
        return dequantize.call(weight);
      };
    }
    const ids = Int32Array.of(1, 20, 30, 40);
    const batch = { ids, labels: ids, positions: Int32Array.of(0, 1, 2, 3), trainedTokens: 0 };
    return { logits: logitsOf(model, { ...batch, cuSeqlens: Int32Array.of(0, 4) }), dequantized };
  }

  for (const device of ["tensorflow", "cpu"] as const) {
    it(`${device}: keeps as many dequantised weights as the limit allows, with the same results`, async () => {
      const useLimit = (bytes: number) =>
        device === "cpu" ? useDevice("cpu", { weightCacheBytes: bytes }) : use(bytes);
      await useLimit(0);
      const model = quantize(await models.load("family/nemo"));
      const [none, noneAgain] = [counted(model), counted(model)];
      assert.deepEqual([none.dequantized, noneAgain.dequantized], [2, 2]);
      assert.equal(denseCache.bytes, 0);
      await useLimit(2 ** 30);
      const tensors = tf.memory().numTensors;
      const [first, second] = [counted(model), counted(model)];
      assert.deepEqual([first.dequantized, second.dequantized], [2, 0]);
      assert.deepEqual(second.logits, none.logits);
      // Embedding, head and seven projections of two layers.
      assert.equal(tf.memory().numTensors - tensors, 16);
      const all = denseCache.bytes;
      // Room for the embedding [288, 32] and the first layer, which has as many values.
      await useLimit(2 * 4 * 288 * 32);
      assert.equal(tf.memory().numTensors, tensors, "the kept tensors were not given back");
      const [part, partAgain] = [counted(model), counted(model)];
      assert.deepEqual([part.dequantized, partAgain.dequantized], [2, 1]);
      assert.ok(denseCache.bytes > 0 && denseCache.bytes < all);
      assert.deepEqual(partAgain.logits, none.logits);
    });
  }
});
