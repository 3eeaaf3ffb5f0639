/** A model and examples small enough for hundreds of training steps in a second, of random values. */

import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { type Device, useDevice } from "../sdk/backend/device.ts";
import type { Example } from "../sdk/data/dataset.ts";
import { Random } from "../sdk/data/random.ts";
import type { MistralConfig } from "../sdk/model/config.ts";
import { randomModel } from "../sdk/model/fullTraining.ts";
import { type Layer, PROJECTIONS } from "../sdk/model/layers.ts";
import { attachLora } from "../sdk/model/lora.ts";
import type { LoraOptions } from "../sdk/model/loraOptions.ts";
import { MistralModel } from "../sdk/model/mistral.ts";
import type { Matrix } from "../sdk/ops/matrix.ts";
import { Tokenizer } from "../sdk/text/tokenizer.ts";
import { DenseWeight, type FrozenWeight } from "../sdk/weights/weight.ts";
import { HOST } from "./host.ts";

export const tinyConfig: MistralConfig = {
  hiddenSize: 32,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 8,
  intermediateSize: 48,
  vocabSize: 64,
  maxPositions: 128,
  ropeTheta: 10000,
  rmsNormEps: 1e-5,
  slidingWindow: null,
  tieEmbeddings: false,
  bosId: 1,
  eosIds: [2],
};

/** A model whose every weight is trained. Chooses `device` first. */
export async function tinyTrainableModel(
  changes: Partial<MistralConfig> = {},
  seed = 1,
  device: Device = HOST,
): Promise<MistralModel> {
  await useDevice(device);
  const tokenizer = await Tokenizer.load(join(import.meta.dirname, "fixtures", "tokenizer", "byteLevel"));
  return randomModel({ ...tinyConfig, ...changes }, tokenizer, seed);
}

/** A frozen base with an adapter. */
export async function tinyLoraModel(
  lora: LoraOptions = {},
  seed = 1,
  changes: Partial<MistralConfig> = {},
): Promise<MistralModel> {
  const full = await tinyTrainableModel(changes, seed);
  const { embedding, head, layers, norm } = full.weights;
  const frozenEmbedding = freeze(embedding);
  const base = new MistralModel(
    full.config,
    {
      embedding: frozenEmbedding,
      head: head === embedding ? frozenEmbedding : freeze(head),
      norm: norm.clone(),
      layers: layers.map(freezeLayer),
    },
    full.tokenizer,
    full.source,
  );
  full.dispose();
  return attachLora(base, { r: 4, alpha: 8, dropout: 0, ...lora });
}

function freezeLayer(layer: Layer): Layer {
  const projections = PROJECTIONS.map((name) => [name, { weight: freeze(layer[name].weight) }]);
  return {
    inputNorm: layer.inputNorm.clone(),
    postAttentionNorm: layer.postAttentionNorm.clone(),
    ...Object.fromEntries(projections),
  } as Layer;
}

function freeze(matrix: Matrix): FrozenWeight {
  if (!(matrix instanceof tf.Tensor)) return matrix;
  return new DenseWeight(matrix.shape, (matrix.dataSync() as Float32Array).slice());
}

/** Frees everything of a tiny model, its frozen norms too. */
export function disposeTiny(model: MistralModel): void {
  model.dispose();
  tf.dispose([
    model.weights.norm,
    ...model.weights.layers.flatMap((l) => [l.inputNorm, l.postAttentionNorm]),
  ]);
}

/** Examples of a rule that can be learnt: id + 3 follows id; the first third of each is not trained. */
export function tinyExamples(count: number, { vocab = 64, seed = 7 } = {}): Example[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, line) => {
    const length = 6 + random.int(14);
    const start = random.int(vocab);
    const ids = Int32Array.from({ length }, (_, i) => (start + 3 * i) % vocab);
    const labels = ids.map((_, i) => (i < length / 3 || i === length - 1 ? -100 : ids[i + 1]));
    return { ids, labels, instruction: "", response: "", prompt: [], line: line + 1 };
  });
}

/** The trained values by name, copied. */
export function trainedValues(model: MistralModel): Map<string, Float32Array> {
  return new Map(
    [...model.trainableVariables()].map(([name, v]) => [name, (v.dataSync() as Float32Array).slice()]),
  );
}
