/** What a file or folder is, without loading its weights: what `mistral-lab inspect` shows. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { isAdapterDir } from "../model/adapter.ts";
import { LARGE_BYTES, tensorShapes } from "../model/baseWeights.ts";
import type { MistralConfig } from "../model/config.ts";
import { type OpenBase, openBase } from "../model/load.ts";
import { modelMemory } from "../model/memory.ts";
import { isNf4 } from "../weights/bitsandbytes.ts";
import { readGgufHeader } from "../weights/gguf/header.ts";
import { ggufParts } from "../weights/gguf/parts.ts";
import { GgufFile } from "../weights/gguf/source.ts";
import { fetchModel } from "../weights/hub/fetchModel.ts";
import { isGguf, localPath, resolveModelPath } from "../weights/modelPath.ts";
import { readAdapterHead } from "../weights/peft.ts";
import { openSafetensors, type TensorSource } from "../weights/safetensors.ts";

/** Bytes of memory; estimates, but for the weights. */
export interface MemoryNeeded {
  /** Chat on a 4-bit base: weights in NF4, embedding and head in 16 bits, a cache of keys and values for `tokens`. */
  chat: number;
  /** QLoRA with r 8, or the adapter's, on all projections, one text of `tokens`: the weights, adapter with optimizer, activations. */
  train: number;
  /**
   * The base as it is stored, which passes through memory before it is quantised; of large safetensors only the result,
   * as they are quantised from their files. More on plain tfjs, less on a GPU.
   */
  load: number;
  /** Of the text that the other two are meant for. */
  tokens: number;
}

/** What `inspect` found. */
export interface Inspection {
  path: string;
  kind: "model" | "GGUF model" | "adapter" | "GGUF adapter" | "safetensors file";
  /** Of all files of the folder, or of the file. */
  bytes: number;
  /** Values: of a model all weights, of an adapter its own. */
  parameters: number;
  /** How many tensors are stored in which type: { BF16: 30, "NF4": 28 }. */
  types: Record<string, number>;
  /** Whose layers: "mistral", "ministral", "llama"; absent where the base of an adapter is not on this machine. */
  architecture?: string;
  /** Of an adapter its base's, where that is on this machine. */
  config?: MistralConfig;
  tokenizer?: { ids: number; template?: string };
  memory?: MemoryNeeded;
  /** Absent for a model. */
  adapter?: Record<string, string>;
}

const TOKENS = 512;

/**
 * Says what a file or folder is: architecture, parameters, how they are stored, adapter, tokenizer, memory needed. Reads
 * headers and configurations, no weights.
 *
 * @param source a folder, a GGUF file, or a model of the hub, which is downloaded
 * @throws when it is none of these, or damaged: as `loadModel` does
 */
export async function inspect(source: string): Promise<Inspection> {
  const alone = localPath(source);
  if (alone?.endsWith(".safetensors") && statSync(alone).isFile()) return inspectTensors(alone);
  const path = resolveModelPath(await fetchModel(source));
  const common = { path, bytes: sizeOf(path) };
  if (isAdapterDir(path)) return { ...common, ...(await inspectAdapter(path)) };
  if (isGguf(path)) {
    const { metadata, tensors } = readGgufHeader(path);
    if (metadata.get("general.type") === "adapter") {
      const values = [...tensors.values()];
      return {
        ...common,
        kind: "GGUF adapter",
        parameters: sum(values.map(({ shape }) => product(shape))),
        types: tally(values.map(({ type }) => type)),
        adapter: {
          architecture: String(metadata.get("general.architecture")),
          alpha: String(metadata.get("adapter.lora.alpha")),
          r: [...new Set(values.map(({ shape }) => Math.min(...shape)))].join(", "),
        },
      };
    }
  }
  const { config, tokenizer, file } = await openBase(path);
  try {
    const shapes = [...tensorShapes(config)];
    return {
      ...common,
      kind: file instanceof GgufFile ? "GGUF model" : "model",
      parameters: sum(shapes.map(([, shape]) => product(shape))),
      types: tally(shapes.map(([name]) => typeOf(file, name))),
      ...factsOf({ config, tokenizer, file }, common.bytes),
    };
  } finally {
    file.close();
  }
}

/** What a base model says, with the bytes that it is stored in. */
function factsOf(
  { config, tokenizer, file }: OpenBase,
  stored: number,
  r = 8,
): Pick<Inspection, "architecture" | "config" | "tokenizer" | "memory"> {
  return {
    architecture: config.architecture ?? "mistral",
    config,
    tokenizer: {
      ids: tokenizer.vocabSize,
      ...(tokenizer.hasTemplate ? { template: tokenizer.template.hash } : {}),
    },
    memory: memoryNeeded(config, stored, file instanceof GgufFile, r),
  };
}

/** Of the base that an adapter names, where it is on this machine: nothing is downloaded. */
async function inspectBase(name: string, r: number): Promise<ReturnType<typeof factsOf>> {
  const path = localPath(name);
  if (name === "" || path === undefined) return {};
  const base = await openBase(resolveModelPath(name));
  base.file.close();
  return factsOf(base, sizeOf(path), r);
}

async function inspectAdapter(dir: string): Promise<Omit<Inspection, "path" | "bytes">> {
  const { config, origin } = readAdapterHead(dir);
  const file = openSafetensors(join(dir, "adapter_model.safetensors"));
  const values = [...file.tensors.values()];
  file.close();
  return {
    kind: "adapter",
    ...(await inspectBase(config.baseModel, config.r)),
    parameters: sum(values.map(({ shape }) => product(shape))),
    types: tally(values.map(({ dtype }) => dtype)),
    adapter: {
      base: config.baseModel,
      ...(config.revision ? { revision: config.revision } : {}),
      r: String(config.r),
      alpha: String(config.alpha),
      ...(config.rsLora ? { scaling: "rsLoRA" } : {}),
      ...(config.rankPattern ? { ranks: JSON.stringify(config.rankPattern) } : {}),
      modules: [config.targetModules].flat().join(", "),
      ...(origin ? { "base in training": origin.quantization, template: origin.templateSha256 } : {}),
    },
  };
}

function typeOf(file: TensorSource, name: string): string {
  if (file instanceof GgufFile) return file.typeOf(name) ?? "missing";
  return isNf4(file, name) ? "NF4" : (file.tensors.get(name)?.dtype ?? "missing");
}

/** One file of a model or an adapter, by itself. */
function inspectTensors(path: string): Inspection {
  const file = openSafetensors(path);
  const values = [...file.tensors.values()];
  file.close();
  return {
    path,
    kind: "safetensors file",
    bytes: sizeOf(path),
    parameters: sum(values.map(({ shape }) => product(shape))),
    types: tally(values.map(({ dtype }) => dtype)),
  };
}

function memoryNeeded(config: MistralConfig, stored: number, isGguf: boolean, r: number): MemoryNeeded {
  const { chat, train } = modelMemory(config, { r, tokens: TOKENS });
  return {
    chat,
    train,
    load: isGguf || stored < LARGE_BYTES ? stored : Math.min(stored, chat),
    tokens: TOKENS,
  };
}

function sizeOf(path: string): number {
  if (isGguf(path))
    return sum(ggufParts(path).map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0));
  if (statSync(path).isFile()) return statSync(path).size;
  const files = readdirSync(path).map((name) => statSync(join(path, name), { throwIfNoEntry: false }));
  return sum(files.map((file) => (file?.isFile() ? file.size : 0)));
}

function tally(types: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const type of types) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}
