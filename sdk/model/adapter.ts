/** Adapters between a model and a folder: PEFT's files, the tokenizer, and what ties the adapter to its base. */
import { existsSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type * as tf from "@tensorflow/tfjs";
import { packageRoot } from "../backend/packageRoot.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { parseHubSource } from "../weights/hub/source.ts";
import { localPath, resolveModelPath } from "../weights/modelPath.ts";
import { hashWeights } from "../weights/openWeights.ts";
import { type AdapterMatrices, saveAdapter } from "../weights/peft.ts";
import {
  isQuantized,
  type Layer,
  type LoraMatrices,
  modulePath,
  PROJECTIONS,
  type ProjectionName,
} from "./layers.ts";
import { modelCard } from "./modelCard.ts";

/** Name of module i's projection, as PEFT and Hugging Face say it. */
export function moduleName(layer: number, name: ProjectionName): string {
  return `model.layers.${layer}.${modulePath(name)}`;
}

/**
 * Writes the adapter of `layers` in PEFT's format, and the tokenizer before it: where an adapter lies, all of it does.
 *
 * @param source where the base weights came from: a path, or a hub's name with its commit
 * @throws when there is no adapter, when its parts differ in dropout or in how they scale, or when the disk refuses
 */
export async function writeAdapter(
  dir: string,
  layers: readonly Layer[],
  source: string,
  tokenizer: Tokenizer,
): Promise<void> {
  const { modules, ...adapter } = await collect(layers);
  const path = resolveModelPath(source);
  const hub = localPath(source) === undefined ? parseHubSource(source) : undefined;
  // PEFT wants the name and the commit apart.
  const base = hub
    ? { baseModel: hub.file ? `${hub.repo}/${hub.file}` : hub.repo, revision: hub.revision }
    : { baseModel: portablePath(path) };
  const config = { ...adapter, targetModules: targetsOf(layers), ...base };
  const origin = {
    baseModel: base.baseModel,
    quantization: isQuantized(layers) ? ("nf4" as const) : ("none" as const),
    baseSha256: hashWeights(path),
    templateSha256: tokenizer.template.hash,
    sdkVersion: sdkVersion(),
  };
  await tokenizer.save(dir);
  saveAdapter(dir, { config, modules }, origin, modelCard(config, origin, hub?.repo));
}

/** The matrices by module, and what PEFT's config says of them. @throws as `writeAdapter` */
async function collect(layers: readonly Layer[]) {
  const modules = new Map<string, AdapterMatrices>();
  const [rankPattern, alphaPattern]: Record<string, number>[] = [{}, {}];
  let first: LoraMatrices | undefined;
  for (const [i, layer] of layers.entries()) {
    for (const name of PROJECTIONS) {
      const { lora } = layer[name];
      if (!lora) continue;
      first ??= lora;
      const module = moduleName(i, name);
      if (lora.dropout !== first.dropout || Boolean(lora.rsLora) !== Boolean(first.rsLora)) {
        throw new Error(`save: ${module} has another dropout or scale than the first module`);
      }
      if (lora.strength !== undefined && lora.strength !== 1) {
        throw new Error(
          `save: the adapter is scaled by ${lora.strength} (scaleAdapter), which PEFT's format cannot say; save the one that it was made of, or export it merged`,
        );
      }
      if (lora.r !== first.r) rankPattern[module] = lora.r;
      if (lora.alpha !== first.alpha) alphaPattern[module] = lora.alpha;
      const [out, inn] = layer[name].weight.shape;
      const [a, b] = await Promise.all([values(lora.a), values(lora.b)]);
      modules.set(module, { a, aShape: [lora.r, inn], b, bShape: [out, lora.r] });
    }
  }
  if (!first)
    throw new Error(
      "save: the model has no adapter; attachLora first, or save the whole model with saveModel",
    );
  const { r, alpha, dropout, rsLora } = first;
  return { modules, r, alpha, dropout, rankPattern, alphaPattern, ...(rsLora ? { rsLora } : {}) };
}

/** What PEFT takes for these modules and no others: "q_proj" where every layer has it, else whole names. */
function targetsOf(layers: readonly Layer[]): string[] {
  return PROJECTIONS.flatMap((name) => {
    const adapted = layers.flatMap((layer, i) => (layer[name].lora ? [moduleName(i, name)] : []));
    return adapted.length === layers.length ? [name] : adapted;
  });
}

/** True when the folder holds a PEFT adapter. */
export function isAdapterDir(dir: string): boolean {
  return existsSync(join(dir, "adapter_config.json"));
}

async function values(tensor: tf.Tensor): Promise<Float32Array> {
  return (await tensor.data()).slice() as Float32Array;
}

// A model of the package is named relative to it, so that an adapter can be moved to another machine.
function portablePath(base: string): string {
  const inside = relative(packageRoot(), base);
  return inside.startsWith("..") || inside.startsWith(sep) ? base : inside.split(sep).join("/");
}

function sdkVersion(): string {
  return JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")).version;
}
