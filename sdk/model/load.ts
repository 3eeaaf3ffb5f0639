/** Models from disk: a folder in Hugging Face layout, a GGUF file, or a folder with a PEFT adapter that names its base. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ensureDevice } from "../backend/device.ts";
import { readable } from "../files.ts";
import { checkArgument, checkOptions } from "../options.ts";
import { tokenizerOfGguf } from "../text/ggufTokenizer.ts";
import { Tokenizer } from "../text/tokenizer.ts";
import { GgufFile } from "../weights/gguf/source.ts";
import { type FetchOptions, fetchModel } from "../weights/hub/fetchModel.ts";
import { hubSourceText, parseHubSource } from "../weights/hub/source.ts";
import { isGguf, localPath, resolveModelPath } from "../weights/modelPath.ts";
import { hashWeights, openWeights } from "../weights/openWeights.ts";
import { type AdapterConfig, type AdapterHead, loadAdapter, readAdapterHead } from "../weights/peft.ts";
import type { TensorSource } from "../weights/safetensors.ts";
import { isAdapterDir, moduleName } from "./adapter.ts";
import { checkTensors, readWeights } from "./baseWeights.ts";
import { type MistralConfig, parseConfig } from "./config.ts";
import { configOfGguf } from "./ggufConfig.ts";
import { isQuantized, PROJECTIONS } from "./layers.ts";
import { hasLora, withAdapter } from "./lora.ts";
import { checkModel, MistralModel } from "./mistral.ts";
import { quantize } from "./quantize.ts";

/** How a model of the hub is fetched, which a model on this machine does not need, and where its matrices are kept. */
export interface LoadOptions extends FetchOptions {
  /**
   * Whether matrices stay in their safetensors files until they are used: `quantize` then reads them piece by piece and
   * needs no more memory than its result. Default: on `cuda` always, on `native` from 1 GiB of weights on. Danger: the
   * files must stay as they are until then; a change is an error. Other devices read at once, whatever is said here.
   */
  keepInFiles?: boolean;
}

const aFunction = z.custom<(...args: never[]) => void>(
  (value) => typeof value === "function",
  "expected a function",
);

const loadOptions = z.strictObject({
  keepInFiles: z.boolean().optional(),
  onProgress: aFunction.optional(),
  onNote: aFunction.optional(),
  retries: z.int().min(0).optional(),
  retryMs: z.number().min(0).optional(),
  stallMs: z.number().positive().optional(),
});

function checkLoad(where: string, source: unknown, options: unknown): void {
  checkOptions(where, loadOptions, options);
  checkArgument(
    where,
    typeof source === "string" && source !== "",
    "a folder, a GGUF file or a name on the hub",
    source,
  );
}

/**
 * Loads a base model (`config.json`, safetensors in one file or shards, `tokenizer.json`, `tokenizer_config.json`),
 * or a folder with an adapter, and then its base with it, quantised as it was in training.
 * Chooses a device first where none was chosen (`useDevice`). Weights stored in 16 bits are kept as bfloat16
 * (float16 as float32, where bfloat16 would round it), projections in bitsandbytes' NF4 as they are; blocks of 4 to 8
 * bits of a GGUF file become bfloat16.
 *
 * @param source a folder or a GGUF file, relative to the working directory, else to the package (for the bundled
 *   models); or a model of the Hugging Face hub ("mistralai/Mistral-7B-Instruct-v0.3", with "@" a branch, tag or commit,
 *   "org/name/file.gguf" for one GGUF file), which is downloaded into the standard cache. The model's `source` then names
 *   the commit. HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, HF_TOKEN and HF_ENDPOINT mean what they do in Python.
 * @throws when an option is wrong, when the folder or a file is missing or unreadable, when a tensor is missing or has a wrong shape or
 *   dtype (all are named at once), or when the architecture is not Mistral's
 */
export async function loadModel(source: string, options: LoadOptions = {}): Promise<MistralModel> {
  checkLoad("loadModel", source, options);
  await ensureDevice();
  const pinned = await fetchModel(source, options);
  const path = resolveModelPath(pinned);
  return isAdapterDir(path) ? loadTuned(path, options) : loadBase(pinned, path, options);
}

/** What the adapter's config names: a folder, or a model of the hub with the commit that it was trained on. */
function baseOf({ baseModel, revision }: AdapterConfig, dir: string): string {
  if (baseModel === "") {
    throw new Error(
      `${dir}: adapter_config.json: base_model_name_or_path: expected the base's folder or its name on the hub, got nothing: write it there, or load the base and lay the adapter over it with loadAdapters`,
    );
  }
  if (localPath(baseModel) === undefined && !parseHubSource(baseModel)) {
    throw new Error(
      `${dir}: the adapter's base "${baseModel}" is not there: write where it is into adapter_config.json (base_model_name_or_path), or load the base and lay the adapter over it (loadAdapters; mistral-lab chat BASE --adapter NAME=${dir})`,
    );
  }
  const onHub = revision !== undefined && localPath(baseModel) === undefined && parseHubSource(baseModel);
  return onHub ? hubSourceText(onHub, revision) : baseModel;
}

/** The base that the adapter in `dir` names, with the adapter. */
async function loadTuned(dir: string, options: LoadOptions): Promise<MistralModel> {
  const head = readAdapterHead(dir);
  const baseModel = await fetchModel(baseOf(head.config, dir), options);
  const full = await loadBase(baseModel, resolveModelPath(baseModel), options);
  const base = head.origin?.quantization === "nf4" ? quantize(full) : full;
  try {
    return adapted(base, dir, head, baseHash(head, baseModel), [full]);
  } catch (error) {
    full.dispose();
    throw error;
  }
}

/**
 * Several adapters on one base, whose frozen weights they share: each costs no more than its own matrices.
 *
 * @param base without an adapter; held as it was in the adapters' training (`quantize`), or their answers differ a little,
 *   which `onNote` is told
 * @param sources by name: folders, or adapters on the hub
 * @returns a model for each name, to be given to `ChatSession.useModel`, `scaleAdapter` or `train`
 * @throws when the base has an adapter, or an adapter belongs to another base; names which
 */
export async function loadAdapters(
  base: MistralModel,
  sources: Readonly<Record<string, string>>,
  options: LoadOptions = {},
): Promise<Map<string, MistralModel>> {
  checkModel("loadAdapters", base);
  for (const [name, source] of Object.entries(sources)) checkLoad(`loadAdapters: "${name}"`, source, options);
  if (hasLora(base))
    throw new Error("loadAdapters: the base has an adapter already; give withoutLora(model)");
  const models = new Map<string, MistralModel>();
  for (const [name, source] of Object.entries(sources)) {
    const dir = resolveModelPath(await fetchModel(source, options));
    if (!isAdapterDir(dir)) {
      throw new Error(`loadAdapters: "${name}": ${dir} holds no adapter (adapter_config.json)`);
    }
    const head = readAdapterHead(dir);
    checkBaseName(head.config, base, dir);
    const other = otherBits(head, base);
    if (other) options.onNote?.(`adapter "${name}": ${other}`);
    models.set(name, adapted(base, dir, head, baseHash(head, base.source)));
  }
  return models;
}

/** What to say where the base is not held as it was in the adapter's training; undefined where it is, or nobody knows. */
function otherBits({ origin }: AdapterHead, base: MistralModel): string | undefined {
  const wanted = origin?.quantization;
  const isNf4 = isQuantized(base.weights.layers);
  if (wanted === undefined || (wanted === "nf4") === isNf4) return undefined;
  return isNf4
    ? "it was trained on the base as it is stored, and here the base is in 4 bits: answers may differ a little"
    : "it was trained on the base in 4 bits (NF4), and here the base is as it is stored: answers may differ a little";
}

/** The checksum of the base's files, where the adapter has one to compare it with. */
function baseHash(head: AdapterHead, base: string): string | undefined {
  return head.origin && base !== "random" ? hashWeights(resolveModelPath(base)) : undefined;
}

/** PEFT's adapters carry no checksum of their base: where both are named by the hub, the names have to agree. */
function checkBaseName({ baseModel }: AdapterConfig, base: MistralModel, dir: string): void {
  const [wanted, given] = [baseModel, base.source].map((name) =>
    localPath(name) === undefined ? parseHubSource(name)?.repo : undefined,
  );
  if (wanted === undefined || given === undefined || wanted === given) return;
  throw new Error(
    `${dir}: the adapter cannot be used: it was trained on ${wanted}, this base is ${given}. Load the model that it was trained on`,
  );
}

function adapted(
  base: MistralModel,
  dir: string,
  head: AdapterHead,
  baseSha256: string | undefined,
  owned: readonly MistralModel[] = [],
): MistralModel {
  const modules = new Map<string, readonly [number, number]>();
  base.weights.layers.forEach((layer, i) => {
    for (const name of PROJECTIONS) modules.set(moduleName(i, name), layer[name].weight.shape);
  });
  const { tokenizer } = base;
  const templateSha256 = tokenizer.hasTemplate ? tokenizer.template.hash : undefined;
  const expected = {
    modules,
    ...(baseSha256 ? { baseSha256 } : {}),
    ...(templateSha256 ? { templateSha256 } : {}),
  };
  return withAdapter(base, loadAdapter(dir, head, expected), owned);
}

async function loadBase(source: string, path: string, options: LoadOptions): Promise<MistralModel> {
  const { config, tokenizer, file } = await openBase(path);
  try {
    checkTensors(file, config);
    const weights = readWeights(file, config, options.keepInFiles);
    const norms = weights.layers.flatMap(({ inputNorm, postAttentionNorm }) => [
      inputNorm,
      postAttentionNorm,
    ]);
    return new MistralModel(config, weights, tokenizer, source, [...norms, weights.norm]);
  } finally {
    file.close();
  }
}

/** What a base model consists of; `file` is to be closed. */
export interface OpenBase {
  config: MistralConfig;
  tokenizer: Tokenizer;
  file: TensorSource;
}

/** @throws as `loadModel` does, but for the tensors, which are not looked at yet */
export async function openBase(path: string): Promise<OpenBase> {
  if (isGguf(path)) return openGguf(path);
  const config = readConfig(path);
  const tokenizer = await Tokenizer.load(path);
  checkVocabulary(path, config, tokenizer);
  return { config, tokenizer, file: openWeights(path) };
}

function openGguf(path: string): OpenBase {
  const file = new GgufFile(path);
  try {
    const config = configOfGguf(file);
    const tokenizer = Tokenizer.fromFiles(path, tokenizerOfGguf(file.metadata, path));
    checkVocabulary(path, config, tokenizer);
    return { config, tokenizer, file };
  } catch (error) {
    file.close();
    throw error;
  }
}

function checkVocabulary(dir: string, config: MistralConfig, tokenizer: Tokenizer): void {
  if (tokenizer.vocabSize > config.vocabSize) {
    throw new Error(
      `${dir}: the tokenizer has ${tokenizer.vocabSize} ids and config.json's vocab_size is ${config.vocabSize}: the files belong to different models`,
    );
  }
}

function readConfig(dir: string): MistralConfig {
  const path = join(dir, "config.json");
  if (!existsSync(path))
    throw new Error(`${dir}: config.json is missing; expected a model in Hugging Face layout`);
  const text = readable(path, () => readFileSync(path, "utf8"));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path}: expected JSON, got ${(cause as Error).message}`, { cause });
  }
  return parseConfig(json, path);
}
