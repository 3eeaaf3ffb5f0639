import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { useDevice } from "../../sdk/backend/device.ts";
import { PROJECTIONS } from "../../sdk/model/layers.ts";
import { loadModel } from "../../sdk/model/load.ts";
import { attachLora } from "../../sdk/model/lora.ts";
import type { MistralModel } from "../../sdk/model/mistral.ts";
import type { Matrix } from "../../sdk/ops/matrix.ts";
import { Tokenizer } from "../../sdk/text/tokenizer.ts";
import { decodeGguf, encodeGguf, type GgufType, type WritableType } from "../../sdk/weights/gguf/types.ts";
import { DenseWeight } from "../../sdk/weights/weight.ts";
import { assertClose } from "../compare.ts";
import { HOST } from "../host.ts";
import { inFolder } from "../inFolder.ts";
import { GoldenModels, logitsOf } from "./models.ts";
import { type GoldenTensors, goldenPath, needsGoldens, readGoldenTensors } from "./read.ts";

const BYTE_LEVEL = join(import.meta.dirname, "../fixtures/tokenizer/byteLevel");

describe("goldens of GGUF files", () => {
  let golden: GoldenTensors;
  let family: GoldenTensors;
  let models: GoldenModels;
  before(async function () {
    needsGoldens(this, "gguf.safetensors", "gguf", "family.safetensors", "family");
    golden = readGoldenTensors("gguf.safetensors");
    family = readGoldenTensors("family.safetensors");
    models = new GoldenModels();
    await useDevice(HOST);
  });
  after(() => {
    golden?.close();
    family?.close();
    models?.remove();
  });

  for (const type of ["Q4_0", "Q8_0", "Q4_K", "Q6_K"] satisfies GgufType[]) {
    it(`${type}: blocks mean what llama.cpp says, bit for bit`, () => {
      assert.deepEqual(decodeGguf(type, golden.bytes(`${type}.bytes`)), golden.floats(`${type}.values`));
    });
  }

  for (const type of ["F16", "Q4_0", "Q8_0"] satisfies WritableType[]) {
    it(`${type}: values become the bytes that llama.cpp makes of them`, () => {
      const encoded = encodeGguf(type, golden.floats(`${type}.source`), type);
      assert.deepEqual(encoded, golden.bytes(`${type}.encoded`));
    });
  }

  for (const file of readdirSync(goldenPath("gguf"))) {
    it(`${file}: the weights, logits and tokenizer of the model that it was made of`, async () => {
      const [, name] = /^(.+)-\w+\.gguf$/.exec(file)!;
      const [loaded, source] = [
        await loadModel(goldenPath(`gguf/${file}`)),
        await models.load(`family/${name}`),
      ];
      for (const [i, layer] of source.weights.layers.entries()) {
        for (const projection of PROJECTIONS) {
          const got = values(loaded.weights.layers[i][projection].weight);
          // Float16 has no smaller steps; the other types hold bfloat16 exactly.
          assertClose(got, values(layer[projection].weight), { atol: 2 ** -25, rtol: 0, what: projection });
        }
      }
      const ids = family.ints("ids");
      const logits = logitsOf(loaded, {
        ids,
        labels: ids.map(() => -100),
        positions: ids.map((_, i) => i),
        cuSeqlens: Int32Array.of(0, ids.length),
        trainedTokens: 0,
      });
      assertClose(logits, family.floats(`${name}.logits`), { rtol: 1e-4, atol: 1e-5, what: name });
      const { architecture, slidingWindow, ropeScaling, ...rest } = source.config;
      const { ropeScaling: factors, ...got } = loaded.config;
      // To llama.cpp Mistral is a Llama, and Llama 3's angles are numbers.
      const eosIds = [2];
      assert.deepEqual(got, { ...rest, eosIds, architecture: "llama", slidingWindow: null });
      assert.equal(factors?.type, ropeScaling ? "factors" : undefined);
      const tokenizer = await Tokenizer.load(BYTE_LEVEL);
      const text = "le bon jour, « élèves » 😀\n\t don't";
      assert.deepEqual(loaded.tokenizer.encode(text), tokenizer.encode(text));
      assert.equal(loaded.tokenizer.template.render([{ role: "user", content: "x" }]), "<s>x</s>");
    });
  }

  it("an adapter on a GGUF base is saved and found again", () =>
    inFolder(async (dir) => {
      const base = await loadModel(goldenPath("gguf/nemo-f16.gguf"));
      const tuned = attachLora(base, { r: 2, targetModules: ["q_proj"] });
      for (const [i, variable] of [...tuned.trainableVariables().values()].entries()) {
        variable.assign(tf.randomNormal(variable.shape, 0, 0.1, "float32", i + 1));
      }
      await tuned.save(dir);
      const ids = Int32Array.of(1, 20, 30);
      const batch = { ids, positions: Int32Array.of(0, 1, 2), cuSeqlens: Int32Array.of(0, 3) };
      const logits = (model: MistralModel) => logitsOf(model, { ...batch, labels: ids, trainedTokens: 0 });
      assert.deepEqual(logits(await loadModel(dir)), logits(tuned));
      assert.notDeepEqual(logits(tuned), logits(base));
    }));
});

function values(matrix: Matrix): Float32Array {
  assert.ok(matrix instanceof DenseWeight);
  return matrix.dequantize();
}
