import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { makeBatch } from "../../sdk/data/batches.ts";
import { saveModel } from "../../sdk/model/fullTraining.ts";
import { modulePath, PROJECTIONS } from "../../sdk/model/layers.ts";
import { loadModel } from "../../sdk/model/load.ts";
import type { MistralModel } from "../../sdk/model/mistral.ts";
import { quantize, weightBytes } from "../../sdk/model/quantize.ts";
import { nf4Tensors } from "../../sdk/weights/bitsandbytes.ts";
import { NF4Weight } from "../../sdk/weights/nf4.ts";
import { openSafetensors, type TensorToWrite, writeSafetensors } from "../../sdk/weights/safetensors.ts";
import { DenseWeight } from "../../sdk/weights/weight.ts";
import { disposeTiny, tinyExamples, tinyTrainableModel } from "../tinyModel.ts";

const batch = makeBatch([{ examples: tinyExamples(3), tokens: 0 }]);
// As many ids as the tokenizer of the fixtures has.
const VOCAB = 272;
const UP = "model.layers.1.mlp.up_proj.weight";

function logits(model: MistralModel): Float32Array {
  return tf.tidy(() => (model.logits(model.forward(batch)).dataSync() as Float32Array).slice());
}

describe("loadModel", () => {
  let root: string;
  let dir: string;
  let made: MistralModel;
  before(async () => {
    root = mkdtempSync(join(tmpdir(), "load-"));
    made = await tinyTrainableModel({ vocabSize: VOCAB });
    saveModel(made, join(root, "original"), "float32");
  });
  beforeEach(() => {
    dir = join(root, "base");
    cpSync(join(root, "original"), dir, { recursive: true });
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  after(() => {
    disposeTiny(made);
    rmSync(root, { recursive: true });
  });

  /** Writes the weights again with some of them changed. */
  function rewrite(change: (tensors: Map<string, TensorToWrite>) => void): void {
    const file = join(dir, "model.safetensors");
    const source = openSafetensors(file);
    const tensors = new Map<string, TensorToWrite>();
    for (const name of source.tensors.keys()) tensors.set(name, source.read(name));
    source.close();
    change(tensors);
    writeSafetensors(file, tensors);
  }

  function editConfig(changes: Record<string, unknown>): void {
    const file = join(dir, "config.json");
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), ...changes }));
  }

  it("gives back a model saved in float32, bit for bit", async () => {
    assert.deepEqual(logits(await loadModel(dir)), logits(made));
  });

  it("keeps bfloat16: what is saved again has the same bytes", async () => {
    const [first, second] = [join(root, "bf16"), join(root, "again")];
    saveModel(made, first);
    const loaded = await loadModel(first);
    // Two bytes a value of the matrices, four of the five norms of 32.
    const { bytes: held, bfloat16Bytes } = weightBytes(loaded);
    assert.equal(held, bfloat16Bytes + 5 * 32 * 2);
    saveModel(loaded, second);
    const bytes = (folder: string) => readFileSync(join(folder, "model.safetensors"));
    assert.ok(bytes(first).equals(bytes(second)));
    assert.ok(bytes(first).length < 0.6 * bytes(join(root, "original")).length);
  });

  it("gives back a tied model", async () => {
    const tied = await tinyTrainableModel({ vocabSize: VOCAB, tieEmbeddings: true });
    saveModel(tied, join(root, "tied"), "float32");
    assert.deepEqual(logits(await loadModel(join(root, "tied"))), logits(tied));
    disposeTiny(tied);
  });

  it("names the matrix whose weights are damaged when it quantises", async () => {
    rewrite((tensors) => {
      const up = tensors.get(UP)!;
      const data = new Float32Array(up.shape[0] * up.shape[1]);
      data[up.shape[1] + 2] = Number.NaN;
      tensors.set(UP, { dtype: "F32", shape: up.shape, data });
    });
    const damaged = await loadModel(dir);
    assert.throws(
      () => quantize(damaged),
      /^Error: quantize: layer 1 up_proj: expected finite values, got NaN at row 1, column 2: the weights are damaged, download them again$/,
    );
  });

  it("names missing tensors, all at once", async () => {
    rewrite((tensors) => {
      tensors.delete(UP);
      tensors.delete("model.norm.weight");
    });
    await assert.rejects(loadModel(dir), {
      message: `${dir}: the weights do not fit config.json: "${UP}" is missing; "model.norm.weight" is missing. Take all files from the same checkpoint.`,
    });
  });

  it("counts the problems that it does not name", async () => {
    rewrite((tensors) => {
      for (const name of [...tensors.keys()]) if (name.includes("layers")) tensors.delete(name);
    });
    await assert.rejects(loadModel(dir), /down_proj\.weight" is missing; .*; and 8 more\. Take all files/);
  });

  it("names wrong shapes", async () => {
    editConfig({ intermediate_size: 50 });
    await assert.rejects(
      loadModel(dir),
      /"model\.layers\.0\.mlp\.gate_proj\.weight": expected shape \[50,32\] from config\.json, got \[48,32\]; .*down_proj\.weight": expected shape \[32,50\] from config\.json, got \[32,48\]/,
    );
  });

  it("names wrong dtypes", async () => {
    rewrite((tensors) => {
      tensors.set(UP, { dtype: "I32", shape: [48, 32], data: new Int32Array(48 * 32) });
    });
    await assert.rejects(loadModel(dir), /up_proj\.weight": expected dtype F32, F16 or BF16, got I32/);
  });

  it("reads projections in NF4, and checks the shape that they stand for", async () => {
    const values = Float32Array.from({ length: 48 * 32 }, (_, i) => Math.sin(i));
    const weight = NF4Weight.quantize(values, [48, 32]);
    const replaced = (name: string, stored: NF4Weight) =>
      rewrite((tensors) => {
        for (const [key, tensor] of nf4Tensors(name, stored)) tensors.set(key, tensor);
      });
    replaced(UP, weight);
    assert.deepEqual((await loadModel(dir)).weights.layers[1].up_proj.weight, weight);
    replaced(UP, new NF4Weight([32, 48], weight.packed, weight.scales));
    await assert.rejects(
      loadModel(dir),
      /up_proj\.weight": expected shape \[48,32\] from config\.json, got \[32,48\]/,
    );
    replaced("lm_head.weight", weight);
    await assert.rejects(loadModel(dir), /"lm_head\.weight": expected dtype F32, F16 or BF16, got U8/);
  });

  it("loses nothing of float16: as bfloat16 where that holds it, else as float32", async () => {
    const down = "model.layers.0.mlp.down_proj.weight";
    const size = 48 * 32;
    rewrite((tensors) => {
      // 0x3c00 is 1, which bfloat16 has; 0x3c01 is 1 + 2^-10, which it has not.
      tensors.set(UP, { dtype: "F16", shape: [48, 32], data: new Uint16Array(size).fill(0x3c00) });
      tensors.set(down, { dtype: "F16", shape: [32, 48], data: new Uint16Array(size).fill(0x3c01) });
    });
    const { layers } = (await loadModel(dir)).weights;
    assert.deepEqual(layers[1].up_proj.weight, new DenseWeight([48, 32], new Uint16Array(size).fill(0x3f80)));
    const exact = new Float32Array(size).fill(1 + 2 ** -10);
    assert.deepEqual(layers[0].down_proj.weight, new DenseWeight([32, 48], exact));
  });

  for (const doubleQuant of [true, false]) {
    it(`keeps a checkpoint's NF4 through quantize, double quantisation ${doubleQuant}`, async () => {
      const small = quantize(await loadModel(dir), { doubleQuant });
      rewrite((tensors) => {
        small.weights.layers.forEach((layer, i) => {
          for (const name of PROJECTIONS) {
            const key = `model.layers.${i}.${modulePath(name)}.weight`;
            for (const [part, tensor] of nf4Tensors(key, layer[name].weight as NF4Weight))
              tensors.set(part, tensor);
          }
        });
      });
      const loaded = await loadModel(dir);
      // The other kind of scales is asked for: weights that are in 4 bits already stay as they are.
      const again = quantize(loaded, { doubleQuant: !doubleQuant });
      for (const [i, layer] of again.weights.layers.entries()) {
        for (const name of PROJECTIONS)
          assert.deepEqual(layer[name].weight, small.weights.layers[i][name].weight);
      }
      assert.deepEqual(logits(loaded), logits(small));
    });
  }

  it("refuses a tokenizer with more ids than the model", async () => {
    const small = await tinyTrainableModel({ vocabSize: 64 });
    saveModel(small, dir, "float32");
    disposeTiny(small);
    await assert.rejects(loadModel(dir), {
      message: `${dir}: the tokenizer has 272 ids and config.json's vocab_size is 64: the files belong to different models`,
    });
  });

  it("refuses a folder that is not there, a file, and a folder without the files", async () => {
    const missing = join(root, "nowhere");
    await assert.rejects(loadModel(missing), {
      message: `model "${missing}": no such folder (looked at ${missing}); give a folder with config.json`,
    });
    await assert.rejects(
      loadModel("no/such/model"),
      /^Error: model "no\/such\/model": no such folder \(looked at .*no\/such\/model and .*no\/such\/model\)/,
    );
    const file = join(dir, "config.json");
    await assert.rejects(loadModel(file), {
      message: `model "${file}": ${file} is a file; give the folder that holds it, or a .gguf file`,
    });
    writeFileSync(file, "{");
    await assert.rejects(loadModel(dir), /config\.json: expected JSON, got /);
    rmSync(file);
    await assert.rejects(loadModel(dir), {
      message: `${dir}: config.json is missing; expected a model in Hugging Face layout`,
    });
  });

  it("refuses a folder without weights, or with weights that were cut short", async () => {
    const file = join(dir, "model.safetensors");
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.subarray(0, bytes.length - 100));
    await assert.rejects(loadModel(dir), /model\.safetensors: /);
    rmSync(file);
    await assert.rejects(
      loadModel(dir),
      /expected model\.safetensors or model\.safetensors\.index\.json, but it has config\.json/,
    );
  });
});
