/** Short names for data and models, so that a run is only continued with what it began with. */
import { createHash, type Hash } from "node:crypto";
import * as tf from "@tensorflow/tfjs";
import type { Example } from "../data/dataset.ts";
import { type LoraMatrices, loraScale, PROJECTIONS } from "../model/layers.ts";
import type { MistralModel } from "../model/mistral.ts";
import type { FrozenWeight } from "../weights/weight.ts";

/** sha256, in hex, over token ids and labels of all examples in their order. */
export function datasetFingerprint(examples: readonly Example[]): string {
  const hash = createHash("sha256");
  for (const { ids, labels } of examples) {
    hash.update(`${ids.length};`);
    hash.update(bytesOf(ids));
    hash.update(bytesOf(labels));
  }
  return hash.digest("hex");
}

/**
 * sha256, in hex, over the configuration, the shapes of all trained values, the adapters' settings, and a sample of
 * the frozen weights: up to 64 KiB of each, spread evenly, because all of a large model would take seconds.
 */
export function modelFingerprint(model: MistralModel): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify(model.config));
  for (const [name, { shape }] of model.trainableVariables()) hash.update(`${name}[${shape}]`);
  const { embedding, head, layers, norm } = model.weights;
  for (const matrix of [embedding, head]) addWeight(hash, matrix);
  addNorm(hash, norm);
  for (const layer of layers) {
    addNorm(hash, layer.inputNorm);
    addNorm(hash, layer.postAttentionNorm);
    for (const name of PROJECTIONS) {
      const { weight, lora } = layer[name];
      addWeight(hash, weight);
      if (lora) hash.update(`${lora.r},${lora.alpha},${lora.dropout}${otherScale(lora)};`);
    }
  }
  return hash.digest("hex");
}

/** "" for the usual alpha / r. */
function otherScale(lora: LoraMatrices): string {
  const scale = loraScale(lora);
  return scale === lora.alpha / lora.r ? "" : `,${scale}`;
}

function addWeight(hash: Hash, weight: FrozenWeight | tf.Tensor): void {
  if (weight instanceof tf.Tensor) return; // trained: its values come from the checkpoint
  hash.update(`${weight.kind}[${weight.shape}]`);
  for (const bytes of weight.sample()) hash.update(bytes);
}

function addNorm(hash: Hash, norm: tf.Tensor1D): void {
  if (isVariable(norm)) return;
  hash.update(bytesOf(norm.dataSync<"float32">()));
}

// Not a type guard: structurally a variable is a tensor, and the compiler would leave nothing of the other case.
function isVariable(value: unknown): boolean {
  return value instanceof tf.Variable;
}

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
