import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { useDevice } from "../../sdk/backend/device.ts";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";
import { exportQuantized } from "../../sdk/export/quantized.ts";
import { loadModel } from "../../sdk/model/load.ts";
import { attachLora } from "../../sdk/model/lora.ts";
import type { MistralModel } from "../../sdk/model/mistral.ts";
import { quantize } from "../../sdk/model/quantize.ts";
import { openWeights } from "../../sdk/weights/openWeights.ts";
import { GoldenModels } from "../goldens/models.ts";
import { skipWithoutGpu } from "../gpuHere.ts";
import { HOST } from "../host.ts";
import { inFolder } from "../inFolder.ts";

const MINI = join(packageRoot(), "data/models/mini");
const IDS = Int32Array.from([1, 3, 20, 7, 40, 5, 4, 17]);

function hidden(model: MistralModel): Float32Array {
  const positions = IDS.map((_, i) => i);
  return tf.tidy(() =>
    model
      .forward({ ids: IDS, positions, cuSeqlens: Int32Array.of(0, IDS.length) })
      .dataSync<"float32">()
      .slice(),
  );
}

/** All bytes of a folder's weights by name. */
function bytesOf(dir: string): Map<string, string> {
  const source = openWeights(dir);
  const found = [...source.tensors].map(([name, { dtype, shape }]) => {
    const { data } = source.read(name);
    const hex = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex");
    return [name, `${dtype} [${shape}] ${hex}`] as const;
  });
  source.close();
  return new Map(found);
}

describe("exportQuantized", () => {
  afterEach(() => useDevice(HOST));

  for (const doubleQuant of [true, false]) {
    it(`gives a folder that loads as the same model, doubleQuant ${doubleQuant}`, () =>
      inFolder(async (root) => {
        await useDevice(HOST);
        const base = await loadModel(MINI);
        const model = quantize(base, { doubleQuant });
        const dir = join(root, "out");
        const files = await exportQuantized(model, dir, { maxShardBytes: 500_000 });
        assert.ok(
          files.includes("model.safetensors.index.json") && files.at(-1) === "config.json",
          `${files}`,
        );
        const config = JSON.parse(readFileSync(join(dir, "config.json"), "utf8"));
        assert.equal(config.quantization_config.quant_method, "bitsandbytes");
        assert.equal(config.quantization_config.bnb_4bit_use_double_quant, doubleQuant);
        const again = await loadModel(dir);
        assert.equal(again.weights.layers[0].q_proj.weight instanceof tf.Tensor, false);
        assert.deepEqual(hidden(again), hidden(model));
        await assert.rejects(exportQuantized(model, dir), /already holds a model/);
      }));
  }

  it("gives the tensors back that transformers and bitsandbytes wrote, byte for byte", () =>
    inFolder(async (root) => {
      await useDevice(HOST);
      const models = new GoldenModels();
      await exportQuantized(await models.load("tiny-mistral-nf4"), join(root, "out"));
      const [ours, theirs] = [bytesOf(join(root, "out")), bytesOf(models.folder("tiny-mistral-nf4"))];
      models.remove();
      assert.deepEqual([...ours.keys()].sort(), [...theirs.keys()].sort());
      const different = [...theirs].filter(([name, bytes]) => ours.get(name) !== bytes).map(([name]) => name);
      assert.deepEqual(different, []);
    }));

  it("writes the same bytes from a GPU, and what either wrote loads on the other", async function () {
    skipWithoutGpu(this);
    await inFolder(async (root) => {
      await useDevice(HOST);
      await exportQuantized(quantize(await loadModel(MINI)), join(root, "host"));
      await useDevice("cuda", { compute: "float32" });
      const model = quantize(await loadModel(MINI));
      await exportQuantized(model, join(root, "gpu"));
      assert.deepEqual(bytesOf(join(root, "gpu")), bytesOf(join(root, "host")));
      assert.deepEqual(hidden(await loadModel(join(root, "host"))), hidden(model));
    });
  });

  it("refuses what is not in 4 bits, and an adapter", () =>
    inFolder(async (root) => {
      await useDevice(HOST);
      const base = await loadModel(MINI);
      await assert.rejects(exportQuantized(base, join(root, "out")), {
        message: "exportQuantized: no weight of the model is in 4 bits; quantize(model) first",
      });
      await assert.rejects(exportQuantized(attachLora(quantize(base)), join(root, "out")), {
        message:
          "exportQuantized: the model has an adapter, whose changes are finer than 4 bits: merge it in 16 bits (exportMerged, --to merged --type 16bit), or export withoutLora(model) and keep the adapter beside it (model.save, --to peft)",
      });
    }));
});
