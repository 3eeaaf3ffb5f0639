import assert from "node:assert/strict";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { useDevice } from "../../sdk/backend/device.ts";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";
import { exportGguf, exportGgufAdapter } from "../../sdk/export/gguf.ts";
import { mergedWeights } from "../../sdk/export/weights.ts";
import { loadModel } from "../../sdk/model/load.ts";
import { attachLora, withoutLora } from "../../sdk/model/lora.ts";
import { MistralModel } from "../../sdk/model/mistral.ts";
import { readGgufHeader } from "../../sdk/weights/gguf/header.ts";
import { decodeGguf, type GgufType } from "../../sdk/weights/gguf/types.ts";
import { readTensor } from "../../sdk/weights/safetensors.ts";
import { assertClose } from "../compare.ts";
import { GoldenModels } from "../goldens/models.ts";
import { HOST } from "../host.ts";
import { inFolder } from "../inFolder.ts";

const MINI = join(packageRoot(), "data/models/mini");
const PROMPT = Int32Array.from([1, 3, 100, 200, 30, 40, 4, 17, 99, 101]);

function logits(model: MistralModel): Float32Array {
  return tf.tidy(() => {
    const positions = PROMPT.map((_, i) => i);
    const hidden = model.forward({ ids: PROMPT, positions, cuSeqlens: Int32Array.of(0, PROMPT.length) });
    return Float32Array.from(model.logits(hidden).dataSync());
  });
}

function adapted(base: MistralModel, alpha = 2): MistralModel {
  const model = attachLora(base, { r: 2, alpha });
  for (const [i, variable] of [...model.trainableVariables().values()].entries()) {
    variable.assign(tf.randomNormal(variable.shape, 0, 0.05, "float32", i + 1));
  }
  return model;
}

describe("exportGguf", () => {
  let models: GoldenModels;
  before(async () => {
    await useDevice(HOST);
    models = new GoldenModels();
  });
  after(() => models.remove());

  for (const name of [
    "mini",
    "family/nemo",
    "family/llama-3.2",
    "family/llama-linear",
    "family/mistral-yarn",
  ]) {
    it(`${name}: F16, loaded again, is the model that was written`, () =>
      inFolder(async (dir) => {
        const model = name === "mini" ? await loadModel(MINI) : await models.load(name);
        const file = join(dir, "out", "x.gguf");
        exportGguf(model, file);
        const again = await loadModel(file);
        const [wanted, got] = [mergedWeights(model), mergedWeights(again)];
        assert.deepEqual([...got.keys()], [...wanted.keys()]);
        for (const [key, weight] of wanted) {
          // Half of float16's smallest step: below 2^-14 bfloat16 has finer ones.
          assertClose(got.get(key)!.values(), weight.values(), { atol: 2 ** -25, rtol: 0, what: key });
        }
        // Angles of Llama 3 go through float32 factors. Seen: 3e-6.
        assertClose(logits(again), logits(model), { rtol: 1e-4, atol: 2e-5, what: name });
        const { architecture: _a, ropeScaling, ...shape } = model.config;
        const { architecture, ropeScaling: scaling, ...shapeAgain } = again.config;
        assert.deepEqual(shapeAgain, { ...shape, slidingWindow: null, eosIds: [2] });
        assert.equal(architecture, "llama");
        if (ropeScaling?.type !== "llama3") assert.deepEqual(scaling, ropeScaling);
        const text = "L'été dernier, j'ai payé 1 234,50 € </s> 😀";
        assert.deepEqual(again.tokenizer.encode(text), model.tokenizer.encode(text));
        assert.equal(again.tokenizer.template.hash, model.tokenizer.template.hash);
      }));
  }

  for (const [type, others, bound] of [
    // Half a step of a block's largest value.
    ["q8_0", "Q8_0", 0.5 / 127],
    ["q4_0", "Q4_0", 1 / 8],
  ] as const) {
    it(`${type}: matrices in blocks, embedding and head in 8 bits, norms in float32`, () =>
      inFolder(async (dir) => {
        const model = adapted(await loadModel(MINI));
        const file = join(dir, "x.gguf");
        exportGguf(model, file, type);
        const { tensors } = readGgufHeader(file);
        const typeOf = (name: string) => tensors.get(name)?.type;
        assert.equal(typeOf("token_embd.weight"), "Q8_0");
        assert.equal(typeOf("blk.0.ffn_norm.weight"), "F32");
        assert.equal(typeOf("blk.3.attn_v.weight"), others);
        const wanted = mergedWeights(model).get("model.layers.3.self_attn.v_proj.weight")!.values();
        const got = decodeGguf(others, raw(file, "blk.3.attn_v.weight"));
        for (let from = 0; from < got.length; from += 512) {
          const block = wanted.subarray(from, from + 32);
          const largest = block.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
          // Beside the step, the scale's own rounding to float16.
          const atol = largest * (bound + 2 ** -10);
          assertClose(got.subarray(from, from + 32), block, { atol, rtol: 0, what: `block ${from / 32}` });
        }
        await loadModel(file);
      }));
  }

  it("says YaRN's settings to llama.cpp, and reads them back", () =>
    inFolder(async (dir) => {
      const model = await models.load("family/mistral-yarn");
      const file = join(dir, "x.gguf");
      const { ropeScaling } = model.config;
      assert.ok(ropeScaling?.type === "yarn");
      const odd = { ...ropeScaling, betaFast: 24, betaSlow: 2, attentionFactor: 0.75 };
      for (const scaling of [odd, { ...ropeScaling, truncate: false }]) {
        const config = { ...model.config, ropeScaling: scaling };
        const changed = new MistralModel(config, model.weights, model.tokenizer, model.source);
        const notes = exportGguf(changed, file);
        const got = (await loadModel(file)).config.ropeScaling;
        assert.ok(got?.type === "yarn");
        // Stored in 32 bits, as a share of YaRN's own factor.
        assertClose([got.attentionFactor], [scaling.attentionFactor], {
          rtol: 1e-6,
          what: "attention factor",
        });
        assert.deepEqual({ ...got, attentionFactor: 0 }, { ...scaling, truncate: true, attentionFactor: 0 });
        assert.equal(
          notes.some((note) => note.startsWith("llama.cpp rounds the range of YaRN's angles")),
          !scaling.truncate,
        );
      }
    }));

  it("leaves matrices whose rows are no whole blocks in 16 bits", () =>
    inFolder(async (dir) => {
      const file = join(dir, "x.gguf");
      exportGguf(await models.load("family/smollm2"), file, "q4_0");
      const types = [...readGgufHeader(file).tensors.values()].map((tensor): GgufType => tensor.type);
      assert.deepEqual([...new Set(types)].sort(), ["F16", "F32"]);
    }));

  it("says what llama.cpp will do otherwise", () =>
    inFolder(async (dir) => {
      const file = join(dir, "x.gguf");
      assert.deepEqual(exportGguf(await models.load("family/mistral-v0.1"), file), [
        "llama.cpp knows no sliding window for this architecture: texts of more than 8 tokens are attended to in full there",
      ]);
      assert.deepEqual(exportGguf(await loadModel(MINI), file), [
        'llama.cpp has no name for how this tokenizer cuts text into words; the nearest is "smollm": some words may get other tokens there',
      ]);
    }));
});

describe("exportGgufAdapter", () => {
  before(() => useDevice(HOST));

  it("writes A and B so that alpha / r * B A is the update, rows of q and k in llama.cpp's order", () =>
    inFolder(async (dir) => {
      const model = adapted(await loadModel(MINI), 3);
      const file = join(dir, "x.gguf");
      exportGgufAdapter(model, file);
      const { metadata, tensors } = readGgufHeader(file);
      assert.deepEqual(Object.fromEntries(metadata), {
        "general.architecture": "llama",
        "general.type": "adapter",
        "general.name": "x",
        "adapter.type": "lora",
        "adapter.lora.alpha": 3,
      });
      assert.equal(tensors.size, 4 * 7 * 2);
      assert.deepEqual(tensors.get("blk.1.ffn_down.weight.lora_a")!.shape, [2, 640]);
      assert.deepEqual(tensors.get("blk.1.ffn_down.weight.lora_b")!.shape, [256, 2]);
      const { lora } = model.weights.layers[2].q_proj;
      const b = lora!.b.dataSync();
      const written = decodeGguf("F32", raw(file, "blk.2.attn_q.weight.lora_b"));
      // Row 1 of the file is row 16 of a head of 32: the second half is interleaved with the first.
      assert.deepEqual([...written.slice(2, 4)], [...b.slice(32, 34)]);
      const a = decodeGguf("F32", raw(file, "blk.2.attn_q.weight.lora_a"));
      assert.deepEqual([...a], [...lora!.a.dataSync()]);
    }));

  it("refuses a model without an adapter", async () => {
    const model = withoutLora(await loadModel(MINI));
    assert.throws(
      () => exportGgufAdapter(model, "x.gguf"),
      /^Error: exportGgufAdapter: the model has no adapter; attachLora first$/,
    );
  });
});

function raw(file: string, name: string): Uint8Array {
  const { offset, byteLength } = readGgufHeader(file).tensors.get(name)!;
  const { data } = readTensor({ file, offset, byteLength, dtype: "U8", shape: [byteLength] });
  return data as Uint8Array;
}
