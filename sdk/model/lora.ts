/** LoRA (Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models"): what it attaches, and its size. */
import * as tf from "@tensorflow/tfjs";
import { Random } from "../data/random.ts";
import { type Adapter, rankOf } from "../weights/peft.ts";
import { moduleName } from "./adapter.ts";
import { type Layer, type LoraMatrices, PROJECTIONS, type Projection } from "./layers.ts";
import { type LoraOptions, resolveLoraOptions } from "./loraOptions.ts";
import { checkModel, MistralModel } from "./mistral.ts";

/**
 * A model that shares the base's frozen weights and adds trainable matrices A and B beside the chosen projections.
 * A is uniform in ±1/sqrt(in) and B is zero, as PEFT starts them: the new model equals the base bit for bit.
 *
 * @throws when an option is wrong (names the key), when the model already has an adapter, or when its own weights are
 *   variables (full training)
 */
export function attachLora(model: MistralModel, options: LoraOptions = {}): MistralModel {
  const { r, alpha, dropout, targetModules, seed } = resolveLoraOptions(options);
  checkModel("attachLora", model);
  if (hasLora(model))
    throw new Error("attachLora: the model already has an adapter; attach to its base instead");
  if (model.trainableVariables().size > 0) {
    throw new Error(
      "attachLora: the model is made for full training: its own weights would be trained too, and an adapter's folder " +
        "holds none of them; save it with saveModel and load it again",
    );
  }
  const random = new Random(seed);
  const layers = model.weights.layers.map((layer) => {
    const adapted: Layer = { ...layer };
    for (const name of targetModules) {
      const [out, inn] = layer[name].weight.shape;
      const bound = 1 / Math.sqrt(inn);
      const a = Float32Array.from({ length: r * inn }, () => (2 * random.next() - 1) * bound);
      adapted[name] = withLora(layer[name], tf.tensor2d(a, [r, inn]), tf.zeros([out, r]), {
        r,
        alpha,
        dropout,
      });
    }
    return adapted;
  });
  return new MistralModel(model.config, { ...model.weights, layers }, model.tokenizer, model.source);
}

/** The projection with the given A [r, in] and B [out, r], which are taken over. */
export function withLora(
  projection: Projection,
  a: tf.Tensor2D,
  b: tf.Tensor2D,
  settings: Omit<LoraMatrices, "a" | "b">,
): Projection {
  // tf.variable shares the data; the tensor handles themselves are not needed any more.
  const lora = { a: tf.variable(a), b: tf.variable(b), ...settings };
  tf.dispose([a, b]);
  return { weight: projection.weight, lora };
}

/**
 * The base with an adapter that was read from disk.
 *
 * @param owned what the new model's `dispose` frees beside the adapter. Default: nothing
 */
export function withAdapter(
  base: MistralModel,
  { config, modules }: Adapter,
  owned: readonly MistralModel[] = [],
): MistralModel {
  const { dropout, rsLora } = config;
  const layers = base.weights.layers.map((layer, i) => {
    const adapted: Layer = { ...layer };
    for (const name of PROJECTIONS) {
      const found = modules.get(moduleName(i, name));
      if (!found) continue;
      const a = tf.tensor2d(found.a, [...found.aShape]);
      const b = tf.tensor2d(found.b, [...found.bShape]);
      const { r, alpha } = rankOf(config, moduleName(i, name));
      adapted[name] = withLora(layer[name], a, b, { r, alpha, dropout, ...(rsLora ? { rsLora } : {}) });
    }
    return adapted;
  });
  return new MistralModel(base.config, { ...base.weights, layers }, base.tokenizer, base.source, owned);
}

/**
 * The same model with its adapter's update multiplied: 0 is the base, 1 the adapter as it was, 2 twice of it. It shares
 * the matrices, so training one trains the other.
 *
 * @throws RangeError when the factor is not finite, Error when the model has no adapter
 */
export function scaleAdapter(model: MistralModel, factor: number): MistralModel {
  if (!Number.isFinite(factor)) throw new RangeError(`scaleAdapter: expected a finite factor, got ${factor}`);
  if (!hasLora(model))
    throw new Error("scaleAdapter: the model has no adapter; attachLora or load one first");
  const layers = model.weights.layers.map((layer) => {
    const scaled: Layer = { ...layer };
    for (const name of PROJECTIONS) {
      const { weight, lora } = layer[name];
      if (lora) scaled[name] = { weight, lora: { ...lora, strength: (lora.strength ?? 1) * factor } };
    }
    return scaled;
  });
  return new MistralModel(model.config, { ...model.weights, layers }, model.tokenizer, model.source);
}

/** True when any projection has an adapter. */
export function hasLora(model: MistralModel): boolean {
  return model.weights.layers.some((layer) => PROJECTIONS.some((name) => layer[name].lora));
}

/** The same model without its adapter; shares every frozen weight. */
export function withoutLora(model: MistralModel): MistralModel {
  const layers = model.weights.layers.map((layer) => {
    const bare: Layer = { ...layer };
    for (const name of PROJECTIONS) bare[name] = { weight: layer[name].weight };
    return bare;
  });
  return new MistralModel(model.config, { ...model.weights, layers }, model.tokenizer, model.source);
}

/** Number of values that training changes. For LoRA: layers * sum over targets of r * (in + out). */
export function trainableParameters(model: MistralModel): number {
  let count = 0;
  for (const variable of model.trainableVariables().values()) count += variable.size;
  return count;
}
