/** The tiny models of the goldens as the library loads them, and the batch that their numbers belong to. */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { useDevice } from "../../sdk/backend/device.ts";
import { addonProblem, loadAddon } from "../../sdk/backend/loadAddon.ts";
import { findTensorflow } from "../../sdk/backend/tensorflow.ts";
import type { TokenBatch } from "../../sdk/data/batches.ts";
import type { Example } from "../../sdk/data/example.ts";
import { KVCache } from "../../sdk/model/kvCache.ts";
import { loadModel } from "../../sdk/model/load.ts";
import type { MistralModel } from "../../sdk/model/mistral.ts";
import { noGpu } from "../gpuHere.ts";
import { HOST } from "../host.ts";
import { type GoldenTensors, goldenPath } from "./read.ts";

const TOKENIZER = join(import.meta.dirname, "../fixtures/tokenizer/byteLevel");

/**
 * Folders that `loadModel` takes: the golden weights with a tokenizer, which the scripts leave out because no number
 * depends on it.
 */
export class GoldenModels {
  private readonly dir = mkdtempSync(join(tmpdir(), "goldens-"));

  /** @param name a folder with a model in test/goldens/data, such as "tiny-mistral" */
  load(name: string): Promise<MistralModel> {
    return loadModel(this.folder(name));
  }

  /** PEFT's adapter on tiny-mistral: base_model_name_or_path is made to say where that lies. */
  loadAdapted(): Promise<MistralModel> {
    const dir = join(this.dir, "tiny-adapter");
    cpSync(goldenPath("tiny-adapter"), dir, { recursive: true });
    const file = join(dir, "adapter_config.json");
    const config = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    config.base_model_name_or_path = this.folder("tiny-mistral");
    writeFileSync(file, JSON.stringify(config));
    return loadModel(dir);
  }

  remove(): void {
    rmSync(this.dir, { recursive: true });
  }

  /** The folder of a model, to be removed with the others. */
  folder(name: string): string {
    const dir = join(this.dir, name);
    cpSync(goldenPath(name), dir, { recursive: true });
    cpSync(TOKENIZER, dir, { recursive: true });
    return dir;
  }
}

/** Both sequences of the goldens, packed. */
export function goldenBatch(golden: GoldenTensors): TokenBatch {
  const labels = golden.ints("labels");
  return {
    ids: golden.ints("ids"),
    labels,
    positions: golden.ints("positions"),
    cuSeqlens: golden.ints("cu_seqlens"),
    trainedTokens: labels.filter((label) => label >= 0).length,
  };
}

/** The sequences as examples for `train`. */
export function goldenExamples({ ids, labels, cuSeqlens }: TokenBatch): Example[] {
  return Array.from({ length: cuSeqlens.length - 1 }, (_, i) => {
    const [from, to] = [cuSeqlens[i], cuSeqlens[i + 1]];
    const rows = { ids: ids.slice(from, to), labels: labels.slice(from, to) };
    return { ...rows, instruction: "", response: "", prompt: [], line: i + 1 };
  });
}

/** Logits of every token of the batch, [T * vocab]. */
export function logitsOf(model: MistralModel, batch: TokenBatch): Float32Array {
  return tf.tidy(() => (model.logits(model.forward(batch)).dataSync() as Float32Array).slice());
}

export function greedy(model: MistralModel, prompt: Int32Array, count: number): Int32Array {
  const cache = new KVCache(model.config, prompt.length + count);
  const found: number[] = [];
  let ids = prompt;
  while (found.length < count) {
    const hidden = model.forwardCached(ids, cache);
    const last = hidden.slice([ids.length - 1, 0], [1, -1]);
    const logits = model.logits(last);
    const values = Array.from(logits.dataSync());
    found.push(values.indexOf(Math.max(...values)));
    for (const tensor of [hidden, last, logits]) tensor.dispose();
    ids = Int32Array.of(found[found.length - 1]);
  }
  cache.dispose();
  return Int32Array.from(found);
}

/** Runs `body` on plain tfjs, on the addon with each instruction set of this processor, on TensorFlow, and on a GPU in float32. */
export function onEveryDevice(body: () => void): void {
  const addon = loadAddon();
  if (!addon) it(`native: skipped, ${addonProblem()}`);
  const best = addon?.info().isa;
  const noCuda = noGpu();
  if (noCuda) it(`cuda: skipped, ${noCuda}`);
  const isas = (addon?.info().availableIsas ?? []).map((isa) => `native, ${isa}`);
  const tensorflow = findTensorflow().length > 0 ? ["tensorflow"] : [];
  if (tensorflow.length === 0) it("tensorflow: skipped, @tensorflow/tfjs-node is not installed");
  for (const place of ["plain tfjs", ...isas, ...tensorflow, ...(noCuda ? [] : ["cuda, float32"])]) {
    describe(place, () => {
      before(async () => {
        const [name, variant] = place.split(", ");
        if (name === "cuda") await useDevice("cuda", { compute: "float32" });
        else await useDevice(name === "plain tfjs" ? "cpu" : (name as "native" | "tensorflow"));
        if (name === "native") addon?.setIsa(variant);
      });
      after(async () => {
        if (best) addon?.setIsa(best);
        await useDevice(HOST);
      });
      body();
    });
  }
}
