/**
 * LoRA adapters in PEFT's layout (`adapter_config.json`, `adapter_model.safetensors`), so that they go both ways, and
 * beside them `mistral_lab.json`, which says which base the adapter belongs to.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { makeFolder, readable, writeWhole } from "../files.ts";
import { type AdapterConfig, adapterConfigJson, parseAdapterConfig, rankOf } from "./adapterConfig.ts";
import { openSafetensors, type TensorToWrite, toFloat32, writeSafetensors } from "./safetensors.ts";

export { type AdapterConfig, rankOf } from "./adapterConfig.ts";

/** The adapter of one module, row-major: A [r, in], B [out, r]; y += alpha / r * B A x. */
export interface AdapterMatrices {
  a: Float32Array;
  aShape: readonly [number, number];
  b: Float32Array;
  bShape: readonly [number, number];
}

export interface Adapter {
  config: AdapterConfig;
  /** By module name without a suffix: "model.layers.0.self_attn.q_proj". */
  modules: Map<string, AdapterMatrices>;
}

/** Where an adapter comes from. Hashes are sha256 in hex. */
export interface AdapterOrigin {
  baseModel: string;
  /** Of the base's weight files (`hashWeights`). */
  baseSha256: string;
  /** Of the chat template that it was trained with. */
  templateSha256: string;
  /** How the base's projections were held in training; they are quantised again when the adapter is loaded. */
  quantization: "nf4" | "none";
  /** Version of this library that wrote it. */
  sdkVersion: string;
}

/** What an adapter's folder says beside the weights. */
export interface AdapterHead {
  config: AdapterConfig;
  /** null where PEFT wrote the adapter, which does not say which base weights it belongs to. */
  origin: AdapterOrigin | null;
}

/** What a loaded adapter has to fit; each part is checked where it is given. */
export interface ExpectedBase {
  /** Shape [out, in] of every module that could be adapted. */
  modules?: ReadonlyMap<string, readonly [number, number]>;
  baseSha256?: string;
  templateSha256?: string;
}

const CONFIG = "adapter_config.json";
const WEIGHTS = "adapter_model.safetensors";
const README = "README.md";
const ORIGIN = "mistral_lab.json";
const PREFIX = "base_model.model.";

const originSchema = z.object({
  format: z.literal(1),
  base_model: z.string(),
  base_sha256: z.string(),
  template_sha256: z.string(),
  quantization: z.enum(["nf4", "none"]),
  sdk_version: z.string(),
});

/**
 * Writes the three files into `dir`, which is made if needed.
 *
 * @param card text of a README.md beside them, with PEFT's header; default: none. One that is no such card is somebody's
 *   own and stays
 * @throws when matrices do not fit the rank or their shapes (lists all), or when the disk is full
 */
export function saveAdapter(
  dir: string,
  { config, modules }: Adapter,
  origin: AdapterOrigin,
  card?: string,
): void {
  const problems: string[] = [];
  const tensors = new Map<string, TensorToWrite>();
  for (const [module, matrices] of modules) {
    checkMatrices(module, matrices, config, undefined, problems);
    tensors.set(`${PREFIX}${module}.lora_A.weight`, {
      dtype: "F32",
      shape: matrices.aShape,
      data: matrices.a,
    });
    tensors.set(`${PREFIX}${module}.lora_B.weight`, {
      dtype: "F32",
      shape: matrices.bShape,
      data: matrices.b,
    });
  }
  if (modules.size === 0) problems.push("no module has an adapter");
  if (problems.length > 0) throw new Error(`saveAdapter: ${problems.join("; ")}`);
  makeFolder(dir);
  // The config comes last: a folder with a config has whole weights.
  writeSafetensors(join(dir, WEIGHTS), tensors, { format: "pt" });
  writeWhole(join(dir, ORIGIN), originJson(origin));
  if (card !== undefined && !holdsForeignReadme(dir)) writeWhole(join(dir, README), card);
  writeWhole(join(dir, CONFIG), adapterConfigJson(config));
}

function holdsForeignReadme(dir: string): boolean {
  const file = join(dir, README);
  return existsSync(file) && !/^library_name: peft$/m.test(readFileSync(file, "utf8"));
}

/**
 * Reads what an adapter's folder says about it, without its weights: from it the base is found, which the weights
 * are then checked against.
 *
 * @throws one error that lists every problem: missing files, unsupported options, an unreadable origin
 */
export function readAdapterHead(dir: string): AdapterHead {
  const problems: string[] = [];
  for (const file of [CONFIG, WEIGHTS]) {
    if (!existsSync(join(dir, file))) problems.push(`${file} is missing`);
  }
  if (problems.length > 0) throw refused(dir, problems);
  const config = parseAdapterConfig(readJson(join(dir, CONFIG)), problems);
  const origin = existsSync(join(dir, ORIGIN)) ? parseOrigin(readJson(join(dir, ORIGIN)), problems) : null;
  if (!config || problems.length > 0) throw refused(dir, problems);
  return { config, origin };
}

/**
 * Reads the matrices of an adapter that `saveAdapter` or PEFT wrote and checks them against its head and the base.
 *
 * @returns the adapter, float32 whatever it was stored as
 * @throws one error that lists every problem: missing or unknown tensors, wrong shapes, another base
 */
export function loadAdapter(
  dir: string,
  { config, origin }: AdapterHead,
  expected: ExpectedBase = {},
): Adapter {
  const problems: string[] = [];
  if (origin) checkOrigin(origin, expected, problems);
  const modules = readModules(join(dir, WEIGHTS), problems);
  for (const [module, matrices] of modules) {
    checkMatrices(module, matrices, config, expected.modules, problems);
  }
  checkTargets(modules, config, expected.modules, problems);
  if (problems.length > 0) throw refused(dir, problems);
  return { config, modules };
}

function readModules(file: string, problems: string[]): Map<string, AdapterMatrices> {
  const source = openSafetensors(file);
  try {
    const modules = new Map<string, AdapterMatrices>();
    for (const name of source.tensors.keys()) {
      const [, module, letter] = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/.exec(name) ?? [];
      const other = `${PREFIX}${module}.lora_${letter === "A" ? "B" : "A"}.weight`;
      if (!module)
        problems.push(`unknown tensor "${name}": expected ${PREFIX}MODULE.lora_A.weight or lora_B`);
      else if (!source.tensors.has(other)) problems.push(`tensor "${other}" is missing`);
      else if (letter === "A") {
        const a = source.read(name);
        const b = source.read(other);
        modules.set(module, {
          a: toFloat32(a, `${file}: "${name}"`),
          aShape: pair(a.shape),
          b: toFloat32(b, `${file}: "${other}"`),
          bShape: pair(b.shape),
        });
      }
    }
    return modules;
  } finally {
    source.close();
  }
}

/** A shape that is not of two sizes becomes one that fits nothing and shows itself in the message. */
function pair(shape: readonly number[]): readonly [number, number] {
  return shape.length === 2 ? [shape[0], shape[1]] : [Number.NaN, Number.NaN];
}

function checkMatrices(
  module: string,
  { a, aShape, b, bShape }: AdapterMatrices,
  config: AdapterConfig,
  known: ReadonlyMap<string, readonly [number, number]> | undefined,
  problems: string[],
): void {
  const { targetModules } = config;
  const { r } = rankOf(config, module);
  const shape = known?.get(module);
  if (known && !shape) {
    problems.push(`the base has no module "${module}"`);
    return;
  }
  const [out, inn] = shape ?? [bShape[0], aShape[1]];
  if (aShape[0] !== r || aShape[1] !== inn || a.length !== r * inn) {
    problems.push(
      `${module}: lora_A: expected [${r}, ${inn}], got [${aShape.join(", ")}] (${a.length} values)`,
    );
  }
  if (bShape[0] !== out || bShape[1] !== r || b.length !== out * r) {
    problems.push(
      `${module}: lora_B: expected [${out}, ${r}], got [${bShape.join(", ")}] (${b.length} values)`,
    );
  }
  if (typeof targetModules === "string") return;
  if (!targetModules.some((target) => module === target || module.endsWith(`.${target}`))) {
    problems.push(`${module}: is not among target_modules (${targetModules.join(", ")})`);
  }
}

/** Every module that target_modules name has its matrices, unless the config leaves some out. */
function checkTargets(
  modules: Map<string, AdapterMatrices>,
  { targetModules, someTargets }: AdapterConfig,
  known: ReadonlyMap<string, readonly [number, number]> | undefined,
  problems: string[],
): void {
  if (typeof targetModules === "string" || someTargets) {
    if (modules.size === 0)
      problems.push(`target_modules: no matrices for "${[targetModules].flat().join('", "')}"`);
    return;
  }
  for (const target of targetModules) {
    const named = (name: string) => name === target || name.endsWith(`.${target}`);
    const wanted = known ? [...known.keys()].filter(named) : [];
    if (known && wanted.length === 0) problems.push(`target_modules: the base has no "${target}"`);
    if (!known && ![...modules.keys()].some(named))
      problems.push(`target_modules: no matrices for "${target}"`);
    for (const module of wanted) {
      if (!modules.has(module)) problems.push(`${module}: has no lora_A and lora_B`);
    }
  }
}

function checkOrigin(origin: AdapterOrigin, expected: ExpectedBase, problems: string[]): void {
  if (expected.baseSha256 !== undefined && origin.baseSha256 !== expected.baseSha256) {
    problems.push(
      `it was trained on other base weights ("${origin.baseModel}"): expected sha256 ` +
        `${origin.baseSha256.slice(0, 12)}…, this base has ${expected.baseSha256.slice(0, 12)}…. Load the model that ` +
        "it was trained on",
    );
  }
  if (expected.templateSha256 !== undefined && origin.templateSha256 !== expected.templateSha256) {
    problems.push(
      `it was trained with another chat template: expected sha256 ${origin.templateSha256.slice(0, 12)}…, this ` +
        `model's is ${expected.templateSha256.slice(0, 12)}…. Use the template that it was trained with`,
    );
  }
}

function originJson(origin: AdapterOrigin): string {
  const json: z.input<typeof originSchema> = {
    format: 1,
    base_model: origin.baseModel,
    base_sha256: origin.baseSha256,
    template_sha256: origin.templateSha256,
    quantization: origin.quantization,
    sdk_version: origin.sdkVersion,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

function parseOrigin(json: unknown, problems: string[]): AdapterOrigin | null {
  const result = originSchema.safeParse(json);
  if (!result.success) {
    for (const issue of result.error.issues)
      problems.push(`${ORIGIN}: ${issue.path.join(".")}: ${issue.message}`);
    return null;
  }
  const { base_model, base_sha256, template_sha256, quantization, sdk_version } = result.data;
  return {
    baseModel: base_model,
    baseSha256: base_sha256,
    templateSha256: template_sha256,
    quantization,
    sdkVersion: sdk_version,
  };
}

function readJson(file: string): unknown {
  const text = readable(file, () => readFileSync(file, "utf8"));
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${file}: expected JSON, got ${(error as Error).message}`);
  }
}

function refused(dir: string, problems: string[]): Error {
  return new Error(`${dir}: the adapter cannot be used: ${problems.join("; ")}`);
}
