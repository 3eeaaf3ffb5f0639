/** PEFT's adapter_config.json: what a LoRA adapter must say for us to apply it exactly as PEFT would. */
import { z } from "zod";

export interface AdapterConfig {
  /** Rank; the update is scaled by alpha / r. */
  r: number;
  alpha: number;
  dropout: number;
  /** Last parts of the adapted modules' names: "q_proj", … */
  targetModules: string[];
  /** Hub id or path of the base model, as PEFT will look for it. */
  baseModel: string;
  /** Branch, tag or commit of a base on the hub; absent: its main branch, or a base that is a path. */
  revision?: string;
}

const not = z.union([z.literal(false), z.null()]).optional();
const empty = z.union([z.record(z.string(), z.never()), z.null()]).optional();

const schema = z.object({
  peft_type: z.literal("LORA"),
  task_type: z.literal("CAUSAL_LM").nullish(),
  r: z.int().positive(),
  lora_alpha: z.number().positive(),
  lora_dropout: z.number().min(0).lt(1).default(0),
  target_modules: z.array(z.string()).min(1),
  base_model_name_or_path: z.string().nullish(),
  revision: z.string().nullish(),
  bias: z.literal("none").default("none"),
  // Each of these changes the forward pass in a way that we do not compute.
  fan_in_fan_out: not,
  use_rslora: not,
  use_dora: not,
  lora_bias: not,
  use_qalora: not,
  rank_pattern: empty,
  alpha_pattern: empty,
  modules_to_save: z.null().optional(),
  layer_replication: z.null().optional(),
  target_parameters: z.null().optional(),
  trainable_token_indices: z.null().optional(),
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
  const { base_model_name_or_path: baseModel, revision } = result.data;
  return { r, alpha, dropout, targetModules, baseModel: baseModel ?? "", ...(revision ? { revision } : {}) };
}

/** The config as PEFT saves it, keys sorted; keys that we leave out have PEFT's defaults. */
export function adapterConfigJson(config: AdapterConfig): string {
  const json = {
    alpha_pattern: {},
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
    rank_pattern: {},
    revision: config.revision ?? null,
    target_modules: config.targetModules,
    task_type: "CAUSAL_LM",
    use_dora: false,
    use_rslora: false,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}
