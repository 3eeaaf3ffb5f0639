/** Whole models in Hugging Face layout, with the adapter merged in: what transformers, vLLM and others load. */
import { openBase } from "../model/load.ts";
import type { MistralModel } from "../model/mistral.ts";
import { resolveModelPath } from "../weights/modelPath.ts";
import type { TensorToWrite } from "../weights/safetensors.ts";
import { newModelFolder, writeBesides, writeShards } from "./folder.ts";
import { mergedWeights, roundTo16 } from "./weights.ts";

export const MERGED_TYPES = ["bfloat16", "float16", "float32"] as const;
export type MergedType = (typeof MERGED_TYPES)[number];

/** Options of `exportMerged`. */
export interface MergedOptions {
  /** Of all weights. Default: each as the base has it where that is of 16 bits, else bfloat16. */
  type?: MergedType;
  /** Largest file of weights, in bytes. Default 5e9, as transformers has it. A tensor is never cut. */
  maxShardBytes?: number;
}

const DTYPES = { bfloat16: "BF16", float16: "F16", float32: "F32" } as const;

/**
 * Writes config.json, safetensors (with an index where there are several) and the tokenizer's files into `dir`.
 * The sums are done in float32 from the base as the model holds it, dequantised where it is in 4 bits, and rounded once.
 *
 * @param dir made if needed
 * @returns the names of the files, those of the weights first
 * @throws when the folder holds a model already, or when the disk refuses; no file is then half there, and config.json, which comes last, is not there
 */
export async function exportMerged(
  model: MistralModel,
  dir: string,
  { type, maxShardBytes = 5e9 }: MergedOptions = {},
): Promise<string[]> {
  newModelFolder(dir);
  const stored = await storedTypes(model);
  const weights = mergedWeights(model);
  const usual = type ?? stored.get("model.embed_tokens.weight") ?? "bfloat16";
  const tensors = new Map<string, TensorToWrite>();
  for (const [name, { shape, values, nudged }] of weights) {
    const chosen = type ?? stored.get(name) ?? usual;
    const data = () => (chosen === "float32" ? values() : roundTo16(values(), chosen, nudged, name));
    tensors.set(name, { dtype: DTYPES[chosen], shape, data });
  }
  const written = writeShards(dir, tensors, maxShardBytes);
  written.push(...(await writeBesides(model, dir, { torch_dtype: usual })));
  return written;
}

/** The 16-bit type of each tensor of the base; tensors of other types are left out. */
async function storedTypes(model: MistralModel): Promise<Map<string, "bfloat16" | "float16">> {
  const types = new Map<string, "bfloat16" | "float16">();
  if (model.source === "random") return types;
  const { file } = await openBase(resolveModelPath(model.source));
  for (const [name, { dtype }] of file.tensors) {
    if (dtype === "BF16") types.set(name, "bfloat16");
    if (dtype === "F16") types.set(name, "float16");
  }
  file.close();
  return types;
}
