/** A base in 4 bits as bitsandbytes and transformers store it: half a minute of quantising less at the next start. */

import { modulePath, PROJECTIONS } from "../model/layers.ts";
import { hasLora } from "../model/lora.ts";
import type { MistralModel } from "../model/mistral.ts";
import { nf4Tensors } from "../weights/bitsandbytes.ts";
import { DeviceNF4Weight } from "../weights/deviceWeight.ts";
import { NF4Weight } from "../weights/nf4.ts";
import type { TensorToWrite } from "../weights/safetensors.ts";
import type { FrozenWeight } from "../weights/weight.ts";
import { newModelFolder, writeBesides, writeShards } from "./folder.ts";
import { mergedWeights, roundTo16 } from "./weights.ts";

/** Options of `exportQuantized`. */
export interface QuantizedOptions {
  /** Largest file of weights, in bytes. Default 5e9, as transformers has it. A tensor is never cut. */
  maxShardBytes?: number;
}

/**
 * Writes the 4-bit weights of a model as they are, the others in bfloat16 where that holds them, config.json and the tokenizer's files.
 * `loadModel(dir)` gives the same model on any device, and transformers reads it with bitsandbytes. From a GPU one
 * weight at a time passes through host memory.
 *
 * @param model from `quantize`, without an adapter: adapters have a folder of their own (`model.save`)
 * @param dir made if needed
 * @returns the names of the files, those of the weights first
 * @throws when the model is not in 4 bits or has an adapter, when the folder holds a model already, or when the disk
 *   refuses
 */
export async function exportQuantized(
  model: MistralModel,
  dir: string,
  { maxShardBytes = 5e9 }: QuantizedOptions = {},
): Promise<string[]> {
  if (hasLora(model)) {
    throw new Error(
      "exportQuantized: the model has an adapter, whose changes are finer than 4 bits: merge it in 16 bits (exportMerged, --to merged --type 16bit), or export withoutLora(model) and keep the adapter beside it (model.save, --to peft)",
    );
  }
  const packed = new Map<string, NF4Weight | DeviceNF4Weight>();
  for (const [i, layer] of model.weights.layers.entries()) {
    for (const name of PROJECTIONS) {
      const { weight } = layer[name];
      if (isNf4(weight)) packed.set(`model.layers.${i}.${modulePath(name)}.weight`, weight);
    }
  }
  const [first] = packed.values();
  if (!first) throw new Error("exportQuantized: no weight of the model is in 4 bits; quantize(model) first");
  newModelFolder(dir);
  const tensors = new Map<string, TensorToWrite>();
  for (const [name, { shape, values }] of mergedWeights(model)) {
    const weight = packed.get(name);
    if (weight) {
      for (const [key, tensor] of lazily(name, weight)) tensors.set(key, tensor);
      continue;
    }
    // float32 where 16 bits would lose something.
    const isShort = new Uint32Array(values().buffer).every((word) => (word & 0xffff) === 0);
    const data = () => (isShort ? roundTo16(values(), "bfloat16", false, name) : values());
    tensors.set(name, { dtype: isShort ? "BF16" : "F32", shape, data });
  }
  const written = writeShards(dir, tensors, maxShardBytes);
  const doubleQuant = !(hostOf(first).scales instanceof Float32Array);
  const quantization_config = {
    quant_method: "bitsandbytes",
    load_in_4bit: true,
    load_in_8bit: false,
    bnb_4bit_compute_dtype: "bfloat16",
    bnb_4bit_quant_storage: "uint8",
    bnb_4bit_quant_type: "nf4",
    bnb_4bit_use_double_quant: doubleQuant,
  };
  written.push(...(await writeBesides(model, dir, { torch_dtype: "bfloat16", quantization_config })));
  return written;
}

function isNf4(weight: unknown): weight is NF4Weight | DeviceNF4Weight {
  return weight instanceof NF4Weight || weight instanceof DeviceNF4Weight;
}

function hostOf(weight: NF4Weight | DeviceNF4Weight): NF4Weight {
  return weight instanceof NF4Weight ? weight : weight.toHost();
}

/** The tensors of a weight; one that lives on a GPU comes from there when each is written. */
function lazily(
  name: string,
  weight: FrozenWeight & (NF4Weight | DeviceNF4Weight),
): Map<string, TensorToWrite> {
  if (weight instanceof NF4Weight) return nf4Tensors(name, weight);
  const found = new Map<string, TensorToWrite>();
  for (const [key, { dtype, shape, data }] of nf4Tensors(name, weight.toHost())) {
    // Small ones stay: only the packed values fill a host's memory.
    const again = () => nf4Tensors(name, weight.toHost()).get(key)!.data;
    found.set(key, { dtype, shape, data: key === name ? (again as () => Uint8Array) : data });
  }
  return found;
}
