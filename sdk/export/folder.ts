/** What every exported folder in Hugging Face layout has: weights in shards, config.json, the tokenizer's files. */
import { copyFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { makeFolder, writeWhole } from "../files.ts";
import { toHuggingFace } from "../model/config.ts";
import type { MistralModel } from "../model/mistral.ts";
import { dtypeBytes } from "../weights/dtypes.ts";
import { isGguf, resolveModelPath } from "../weights/modelPath.ts";
import { type TensorToWrite, writeSafetensors } from "../weights/safetensors.ts";

/** Makes the folder. @throws when it holds a model already */
export function newModelFolder(dir: string): void {
  makeFolder(dir);
  const there = readdirSync(dir).filter((file) => /\.safetensors$|^config\.json$/.test(file));
  if (there.length > 0) {
    throw new Error(`${dir}: already holds a model (${there.join(", ")}); choose a folder without one`);
  }
}

/**
 * Writes all but the weights; config.json last, because a folder without it is no model.
 *
 * @param config keys that are new, or stand in place of the base's
 * @returns the names of the files
 */
export async function writeBesides(
  model: MistralModel,
  dir: string,
  config: { torch_dtype: string; quantization_config?: object },
): Promise<string[]> {
  await model.tokenizer.save(dir);
  const written = [...model.tokenizer.files.keys()];
  const source = sourceFolder(model);
  if (source && existsSync(join(source, GENERATION))) {
    copyFileSync(join(source, GENERATION), join(dir, GENERATION));
    written.push(GENERATION);
  }
  writeJson(join(dir, "config.json"), configJson(model, source, config));
  return [...written, "config.json"];
}

const GENERATION = "generation_config.json";

/** The folder that the base was read from; undefined where it came from a GGUF file or from nowhere. */
function sourceFolder(model: MistralModel): string | undefined {
  if (model.source === "random") return undefined;
  const path = resolveModelPath(model.source);
  return isGguf(path) ? undefined : path;
}

/** The base's own file, so that keys which we do not know stay, without what is not true any more. */
function configJson(model: MistralModel, source: string | undefined, own: { torch_dtype: string }): object {
  if (!source) return { ...toHuggingFace(model.config, own.torch_dtype), ...own };
  const { quantization_config, dtype, ...rest } = JSON.parse(
    readFileSync(join(source, "config.json"), "utf8"),
  );
  return { ...rest, ...own };
}

/** Tensors in files of at most so many bytes, in their order, named as transformers names them. */
export function writeShards(
  dir: string,
  tensors: ReadonlyMap<string, TensorToWrite>,
  maxBytes: number,
): string[] {
  const shards: Map<string, TensorToWrite>[] = [new Map()];
  let [bytes, total] = [0, 0];
  for (const [name, tensor] of tensors) {
    const size = tensor.shape.reduce((product, n) => product * n, 1) * dtypeBytes(tensor.dtype);
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
  writeWhole(file, `${JSON.stringify(json, null, 2)}\n`);
}
