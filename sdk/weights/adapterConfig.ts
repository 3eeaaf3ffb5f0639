/** PEFT's adapter_config.json: what a LoRA adapter must say for us to apply it exactly as PEFT would. */
import { z } from "zod";

export interface AdapterConfig {
  /** Rank; the update is scaled by alpha / r. */
  r: number;
  alpha: number;
  /** Scaled by alpha / sqrt(r) instead. */
  rsLora?: boolean;
  /** Ranks and alphas of modules that have others, by the end of the module's name, or all of it. */
  rankPattern?: Record<string, number>;
  alphaPattern?: Record<string, number>;
  dropout: number;
  /**
   * Last parts of the adapted modules' names ("q_proj"), or whole names. Or a regular expression, which is not
   * evaluated: what is adapted is what has matrices.
   */
  targetModules: string[] | string;
  /** Only those of the targets that have matrices are adapted (PEFT's layers_to_transform, exclude_modules). */
  someTargets?: boolean;
  /** Hub id or path of the base model, as PEFT will look for it. */
  baseModel: string;
  /** Branch, tag or commit of a base on the hub; absent: its main branch, or a base that is a path. */
  revision?: string;
}

const plainOnly = "only plain LoRA is computed here; train the adapter again without it, or merge it in PEFT";
const not = z.union([z.literal(false), z.null()], `expected false or null: ${plainOnly}`).optional();
const none = z.null(`expected null: ${plainOnly}`).optional();
/** PEFT takes the keys for regular expressions; names of modules are the only ones that are followed. */
const pattern = <T extends z.ZodType>(value: T) => z.record(z.string().regex(/^[\w.]+$/), value).nullish();

const schema = z.object({
  peft_type: z.literal("LORA"),
  task_type: z.literal("CAUSAL_LM").nullish(),
  r: z.int().positive(),
  lora_alpha: z.number().positive(),
  lora_dropout: z.number().min(0).lt(1).default(0),
  target_modules: z.union([z.array(z.string()).min(1), z.string().min(1)]),
  layers_to_transform: z.union([z.int(), z.array(z.int())]).nullish(),
  exclude_modules: z.union([z.string(), z.array(z.string())]).nullish(),
  base_model_name_or_path: z.string().nullish(),
  revision: z.string().nullish(),
  bias: z.literal("none", `expected "none": ${plainOnly}`).default("none"),
  use_rslora: z.boolean().nullish(),
  rank_pattern: pattern(z.int().positive()),
  alpha_pattern: pattern(z.number().positive()),
  // The others (pissa, olora, corda, loftq, …) change the base's weights too, whenever PEFT loads the adapter.
  init_lora_weights: z
    .union(
      [z.boolean(), z.enum(["gaussian", "eva", "orthogonal"]), z.null()],
      "expected a beginning that leaves the base as it is; save it as plain LoRA in PEFT (path_initial_model_for_weight_conversion)",
    )
    .optional(),
  // Each of these changes the forward pass in a way that we do not compute.
  fan_in_fan_out: not,
  use_dora: not,
  lora_bias: not,
  use_qalora: not,
  use_bdlora: not,
  alora_invocation_tokens: none,
  kasa_config: none,
  monteclora_config: none,
  modules_to_save: none,
  layer_replication: none,
  target_parameters: none,
  trainable_token_indices: none,
});

/** The config, or undefined with every unsupported key added to `problems`. */
export function parseAdapterConfig(json: unknown, problems: string[]): AdapterConfig | undefined {
  const result = schema.safeParse(json);
  if (!result.success) {
    for (const issue of result.error.issues) {
      const got = issue.path.reduce<unknown>(
        (v, key) => (v as Record<PropertyKey, unknown> | null)?.[key],
        json,
      );
      problems.push(
        `adapter_config.json: ${issue.path.join(".")}: ${issue.message}, got ${JSON.stringify(got)}`,
      );
    }
    return undefined;
  }
  const { r, lora_alpha: alpha, lora_dropout: dropout, target_modules: targetModules } = result.data;
  const { base_model_name_or_path: baseModel, revision, use_rslora: rsLora } = result.data;
  const { rank_pattern: rankPattern, alpha_pattern: alphaPattern } = result.data;
  const some = [result.data.layers_to_transform ?? [], result.data.exclude_modules ?? []].flat().length > 0;
  return {
    r,
    alpha,
    dropout,
    targetModules,
    baseModel: baseModel ?? "",
    ...(some ? { someTargets: true } : {}),
    ...(revision ? { revision } : {}),
    ...(rsLora ? { rsLora } : {}),
    ...(isFilled(rankPattern) ? { rankPattern } : {}),
    ...(isFilled(alphaPattern) ? { alphaPattern } : {}),
  };
}

function isFilled(record: Record<string, number> | null | undefined): record is Record<string, number> {
  return record != null && Object.keys(record).length > 0;
}

/** Rank and alpha of a module: those of the first pattern that is its name or the end of it, else the common ones. */
export function rankOf(config: AdapterConfig, module: string): { r: number; alpha: number } {
  const find = (patterns: Record<string, number> = {}) =>
    Object.entries(patterns).find(([key]) => module === key || module.endsWith(`.${key}`))?.[1];
  return { r: find(config.rankPattern) ?? config.r, alpha: find(config.alphaPattern) ?? config.alpha };
}

/** The config as PEFT saves it, keys sorted; keys that we leave out have PEFT's defaults. */
export function adapterConfigJson(config: AdapterConfig): string {
  const json = {
    alpha_pattern: config.alphaPattern ?? {},
    auto_mapping: null,
    base_model_name_or_path: config.baseModel,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    modules_to_save: null,
    peft_type: "LORA",
    r: config.r,
    rank_pattern: config.rankPattern ?? {},
    revision: config.revision ?? null,
    target_modules: config.targetModules,
    task_type: "CAUSAL_LM",
    use_dora: false,
    use_rslora: config.rsLora ?? false,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}
