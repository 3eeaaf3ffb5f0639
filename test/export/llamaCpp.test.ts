/** llama.cpp itself, as node-llama-cpp brings it for the CPU, reads our GGUF files and says what we say. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { getLlama, type Llama, LlamaLogLevel, type Token } from "node-llama-cpp";
import { useDevice } from "../../sdk/backend/device.ts";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";
import { exportGguf, exportGgufAdapter } from "../../sdk/export/gguf.ts";
import { loadModel } from "../../sdk/model/load.ts";
import { attachLora } from "../../sdk/model/lora.ts";
import type { MistralModel } from "../../sdk/model/mistral.ts";
import { greedy } from "../goldens/models.ts";
import { HOST } from "../host.ts";

const TOKENS = 32;

describe("llama.cpp", function () {
  this.timeout(120_000);
  let dir: string;
  let llama: Llama;
  let base: MistralModel;
  let tuned: MistralModel;
  let prompt: Int32Array;
  before(async () => {
    await useDevice(HOST);
    dir = mkdtempSync(join(tmpdir(), "llama-cpp-"));
    base = await loadModel(join(packageRoot(), "data/models/mini"));
    tuned = attachLora(base, { r: 4, alpha: 8 });
    for (const [i, variable] of [...tuned.trainableVariables().values()].entries()) {
      variable.assign(tf.randomNormal(variable.shape, 0, 0.05, "float32", i + 1));
    }
    const question = [{ role: "user" as const, content: "Où est ma commande ?" }];
    const { tokenizer } = base;
    prompt = Int32Array.from(
      tokenizer.template.encodeChat(tokenizer, question, { addGenerationPrompt: true }).ids,
    );
    exportGguf(base, join(dir, "base.gguf"));
    exportGguf(tuned, join(dir, "merged.gguf"));
    exportGgufAdapter(tuned, join(dir, "adapter.gguf"));
    // What is installed, or an error: never a build or a download.
    const quiet = { logLevel: LlamaLogLevel.error, progressLogs: false } as const;
    llama = await getLlama({ gpu: false, build: "never", skipDownload: true, ...quiet });
  });
  after(async () => {
    await llama?.dispose();
    rmSync(dir, { recursive: true });
  });

  async function theirs(file: string, adapter?: string): Promise<number[]> {
    const model = await llama.loadModel({ modelPath: join(dir, file), gpuLayers: 0 });
    const lora = adapter ? { lora: { adapters: [{ filePath: join(dir, adapter), scale: 1 }] } } : {};
    // With more threads than free processors its threads wait for each other for seconds a token.
    const context = await model.createContext({ contextSize: 128, threads: 1, ...lora });
    const options = { temperature: 0, yieldEogToken: true };
    const found: number[] = [];
    for await (const token of context.getSequence().evaluate([...prompt] as Token[], options)) {
      found.push(token);
      if (found.length === TOKENS) break;
    }
    await model.dispose();
    return found;
  }

  it("gives our greedy tokens for a base in F16", async () => {
    assert.deepEqual(await theirs("base.gguf"), [...greedy(base, prompt, TOKENS)]);
  });

  it("gives our greedy tokens for a merged model in F16, and for the base with the adapter beside it", async () => {
    const ours = [...greedy(tuned, prompt, TOKENS)];
    assert.notDeepEqual(ours, [...greedy(base, prompt, TOKENS)], "the adapter does nothing");
    assert.deepEqual(await theirs("merged.gguf"), ours);
    assert.deepEqual(await theirs("base.gguf", "adapter.gguf"), ours);
  });

  it("finds the tokenizer, its special tokens and the chat template", async () => {
    const model = await llama.loadModel({ modelPath: join(dir, "base.gguf"), gpuLayers: 0 });
    const text = "Bonjour, où est ma commande 1234 ?";
    assert.deepEqual(model.tokenize(text, false, "trimLeadingSpace"), base.tokenizer.encode(text));
    assert.equal(model.tokens.bos, base.tokenizer.bosId);
    assert.equal(model.tokens.eos, base.tokenizer.eosId);
    assert.equal(model.fileInfo.metadata.tokenizer.chat_template, base.tokenizer.template.text);
    await model.dispose();
  });
});
