/** Whole models in Hugging Face layout, with the adapter merged in: what transformers, vLLM and others load. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { toHuggingFace } from "../model/config.ts";
import { openBase } from "../model/load.ts";
import type { MistralModel } from "../model/mistral.ts";
import { writeFileAtomically } from "../weights/atomicFile.ts";
import { isGguf, resolveModelPath } from "../weights/modelPath.ts";
import { type TensorToWrite, writeSafetensors } from "../weights/safetensors.ts";
import { mergedWeights, roundTo16 } from "./weights.ts";

export const MERGED_TYPES = ["bfloat16", "float16", "float32"] as const;
export type MergedType = (typeof MERGED_TYPES)[number];

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
  const there = existsSync(dir)
    ? readdirSync(dir).filter((file) => /\.safetensors$|^config\.json$/.test(file))
    : [];
  if (there.length > 0) {
    throw new Error(`${dir}: already holds a model (${there.join(", ")}); choose a folder without one`);
  }
  mkdirSync(dir, { recursive: true });
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
  await model.tokenizer.save(dir);
  written.push(...model.tokenizer.files.keys());
  const source = sourceFolder(model);
  if (source && existsSync(join(source, GENERATION))) {
    copyFileSync(join(source, GENERATION), join(dir, GENERATION));
    written.push(GENERATION);
  }
  writeJson(join(dir, "config.json"), configJson(model, source, usual));
  return [...written, "config.json"];
}

const GENERATION = "generation_config.json";

/** The folder that the base was read from; undefined where it came from a GGUF file or from nowhere. */
function sourceFolder(model: MistralModel): string | undefined {
  if (model.source === "random") return undefined;
  const path = resolveModelPath(model.source);
  return isGguf(path) ? undefined : path;
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

/** The base's own file, so that keys which we do not know stay, without what is not true any more. */
function configJson(model: MistralModel, source: string | undefined, type: MergedType): object {
  if (!source) return toHuggingFace(model.config, type);
  const { quantization_config, dtype, ...rest } = JSON.parse(
    readFileSync(join(source, "config.json"), "utf8"),
  );
  return { ...rest, torch_dtype: type };
}

/** Tensors in files of at most so many bytes, in their order, named as transformers names them. */
function writeShards(dir: string, tensors: ReadonlyMap<string, TensorToWrite>, maxBytes: number): string[] {
  const shards: Map<string, TensorToWrite>[] = [new Map()];
  let [bytes, total] = [0, 0];
  for (const [name, tensor] of tensors) {
    const size = tensor.shape.reduce((product, n) => product * n, 1) * (tensor.dtype === "F32" ? 4 : 2);
    if (bytes > 0 && bytes + size > maxBytes) {
      shards.push(new Map());
      bytes = 0;
    }
    shards[shards.length - 1].set(name, tensor);
    bytes += size;
    total += size;
  }
  if (shards.length === 1) {
    writeSafetensors(join(dir, "model.safetensors"), tensors, { format: "pt" });
    return ["model.safetensors"];
  }
  const number = (i: number) => String(i).padStart(5, "0");
  const map: Record<string, string> = {};
  const files = shards.map((shard, i) => {
    const file = join(dir, `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`);
    writeSafetensors(file, shard, { format: "pt" });
    for (const name of shard.keys()) map[name] = basename(file);
    return basename(file);
  });
  const index = "model.safetensors.index.json";
  writeJson(join(dir, index), { metadata: { total_size: total }, weight_map: map });
  return [...files, index];
}

function writeJson(file: string, json: object): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`);
  writeFileAtomically(file, [bytes], bytes.length);
}
