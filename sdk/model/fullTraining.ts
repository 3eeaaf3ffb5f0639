/** Full-parameter training: models whose every weight is a variable, new or from a base, and their way to disk. */

import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { float32ToBfloat16 } from "../backend/bfloat16.ts";
import { Random } from "../data/random.ts";
import { makeFolder, writeWhole } from "../files.ts";
import type { Matrix } from "../ops/matrix.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { type TensorToWrite, writeSafetensors } from "../weights/safetensors.ts";
import { tensorShapes } from "./baseWeights.ts";
import { type MistralConfig, toHuggingFace } from "./config.ts";
import { type Layer, modulePath, PROJECTIONS } from "./layers.ts";
import { MistralModel } from "./mistral.ts";

/**
 * A model with random weights, all trainable: normal with standard deviation 0.02, as transformers starts them;
 * the projections that write into the residual stream (o, down) are scaled by 1/sqrt(2 * layers), as in GPT-2.
 */
export function randomModel(config: MistralConfig, tokenizer: Tokenizer, seed = 0): MistralModel {
  const random = new Random(seed);
  return trainableModel(config, tokenizer, "random", (name, shape) => {
    const size = shape.reduce((a, b) => a * b, 1);
    if (shape.length === 1) return new Float32Array(size).fill(1);
    const residual = name.includes("o_proj") || name.includes("down_proj");
    const deviation = 0.02 * (residual ? 1 / Math.sqrt(2 * config.layers) : 1);
    return Float32Array.from({ length: size }, () => random.normal() * deviation);
  });
}

/** A copy of `model` in which every weight is trained. @throws when it has an adapter: that would be lost. */
export function makeTrainable(model: MistralModel): MistralModel {
  const values = new Map<string, () => Float32Array>();
  for (const [name, tensor] of namedWeights(model)) {
    values.set(name, () =>
      tensor instanceof tf.Tensor ? (tensor.dataSync() as Float32Array).slice() : tensor.dequantize(),
    );
  }
  return trainableModel(model.config, model.tokenizer, model.source, (name) => values.get(name)!());
}

function trainableModel(
  config: MistralConfig,
  tokenizer: Tokenizer,
  source: string,
  initial: (name: string, shape: number[]) => Float32Array,
): MistralModel {
  const variables = new Map<string, tf.Variable>();
  for (const [name, shape] of tensorShapes(config)) {
    const value = tf.tensor(initial(name, shape), shape);
    variables.set(name, tf.variable(value));
    value.dispose();
  }
  const matrix = (name: string) => variables.get(`${name}.weight`) as tf.Variable<tf.Rank.R2>;
  const vector = (name: string) => variables.get(`${name}.weight`) as tf.Variable<tf.Rank.R1>;
  const embedding = matrix("model.embed_tokens");
  const layers = Array.from({ length: config.layers }, (_, i) => {
    const prefix = `model.layers.${i}.`;
    const projections = PROJECTIONS.map((name) => [name, { weight: matrix(prefix + modulePath(name)) }]);
    return {
      inputNorm: vector(`${prefix}input_layernorm`),
      postAttentionNorm: vector(`${prefix}post_attention_layernorm`),
      ...Object.fromEntries(projections),
    } as Layer;
  });
  const head = config.tieEmbeddings ? embedding : matrix("lm_head");
  return new MistralModel(config, { embedding, layers, norm: vector("model.norm"), head }, tokenizer, source);
}

/** Every weight by its Hugging Face name; tied heads appear once, as the embedding. */
function namedWeights(model: MistralModel): Map<string, Matrix | tf.Tensor1D> {
  const { embedding, layers, norm, head } = model.weights;
  const named = new Map<string, Matrix | tf.Tensor1D>([["model.embed_tokens.weight", embedding]]);
  layers.forEach((layer, i) => {
    named.set(`model.layers.${i}.input_layernorm.weight`, layer.inputNorm);
    named.set(`model.layers.${i}.post_attention_layernorm.weight`, layer.postAttentionNorm);
    for (const name of PROJECTIONS) {
      if (layer[name].lora) throw new Error("the model has an adapter: save the adapter, or merge it first");
      named.set(`model.layers.${i}.${modulePath(name)}.weight`, layer[name].weight);
    }
  });
  named.set("model.norm.weight", norm);
  if (head !== embedding) named.set("lm_head.weight", head);
  return named;
}

/**
 * Writes the model in Hugging Face layout: `config.json`, `model.safetensors`, the tokenizer's files.
 *
 * @param dtype of the stored weights. Default "bfloat16".
 * @throws when the model has an adapter, or the disk refuses
 */
export function saveModel(
  model: MistralModel,
  dir: string,
  dtype: "bfloat16" | "float32" = "bfloat16",
): void {
  makeFolder(dir);
  const tensors = new Map<string, TensorToWrite>();
  for (const [name, weight] of namedWeights(model)) {
    const values = () =>
      weight instanceof tf.Tensor ? (weight.dataSync() as Float32Array) : weight.dequantize();
    const shape = [...weight.shape];
    tensors.set(
      name,
      dtype === "bfloat16"
        ? { dtype: "BF16", shape, data: () => float32ToBfloat16(values()) }
        : { dtype: "F32", shape, data: values },
    );
  }
  writeSafetensors(join(dir, "model.safetensors"), tensors, { format: "pt" });
  const config = toHuggingFace(model.config, dtype);
  for (const [name, bytes] of model.tokenizer.files) writeWhole(join(dir, name), bytes);
  writeWhole(join(dir, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
}
