/** The shape of a Mistral model, read from and written to Hugging Face's config.json. */
import { z } from "zod";

export interface MistralConfig {
  hiddenSize: number;
  layers: number;
  /** Query heads, and the key and value heads that they share. */
  heads: number;
  kvHeads: number;
  headDim: number;
  intermediateSize: number;
  vocabSize: number;
  /** Longest sequence the model was made for, in tokens. */
  maxPositions: number;
  /** Base of the rotary angles. */
  ropeTheta: number;
  rmsNormEps: number;
  /** A token sees at most this many last tokens, itself included; null: all. */
  slidingWindow: number | null;
  /** True where the output matrix is the embedding matrix. */
  tieEmbeddings: boolean;
  bosId: number;
  /** Ids that end an answer; at least one. */
  eosIds: number[];
}

const size = z.int().positive();
const id = z.int().min(0);
/** A key that may be absent or null, but if it is there must say what we do anyway. */
const only = <T extends string | number | boolean>(value: T) => z.literal(value).nullish();

// Defaults are those of transformers' MistralConfig: a key that it leaves out means its default.
const schema = z.object({
  architectures: z.tuple([z.literal("MistralForCausalLM")]).nullish(),
  model_type: z.literal("mistral"),
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  intermediate_size: size,
  vocab_size: size,
  max_position_embeddings: size.default(131072),
  rope_theta: z.number().positive().nullish(),
  rope_scaling: z.null().optional(),
  rope_parameters: z
    .object({
      rope_theta: z.number().positive().nullish(),
      rope_type: only("default"),
      factor: z.null().optional(),
    })
    .nullish(),
  rms_norm_eps: z.number().positive().default(1e-6),
  sliding_window: size.nullable().default(4096),
  tie_word_embeddings: z.boolean().default(false),
  bos_token_id: id.default(1),
  eos_token_id: z.union([id, z.array(id).min(1)]).default(2),
  hidden_act: only("silu"),
  attention_dropout: only(0),
  attention_bias: only(false),
  mlp_bias: only(false),
  layer_types: z.array(z.enum(["full_attention", "sliding_attention"])).nullish(),
  quantization_config: z
    .object({
      quant_method: z.literal("bitsandbytes"),
      bnb_4bit_quant_type: only("nf4"),
      load_in_8bit: only(false),
    })
    .nullish(),
});

/**
 * Reads the config of a MistralForCausalLM. Keys that do not change the forward pass are ignored.
 *
 * @param json the parsed config.json
 * @param where its path, for messages
 * @throws one error that names every unsupported key, what was expected and what came
 */
export function parseConfig(json: unknown, where: string): MistralConfig {
  const result = schema.safeParse(json);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => {
      const key = issue.path.join(".") || "the whole file";
      return `${key}: ${issue.message}, got ${show(valueAt(json, issue.path))}`;
    });
    throw unsupported(where, problems);
  }
  const hf = result.data;
  const heads = hf.num_attention_heads;
  const config: MistralConfig = {
    hiddenSize: hf.hidden_size,
    layers: hf.num_hidden_layers,
    heads,
    kvHeads: hf.num_key_value_heads ?? (json && Object.hasOwn(json, "num_key_value_heads") ? heads : 8),
    headDim: hf.head_dim ?? Math.floor(hf.hidden_size / heads),
    intermediateSize: hf.intermediate_size,
    vocabSize: hf.vocab_size,
    maxPositions: hf.max_position_embeddings,
    ropeTheta: hf.rope_parameters?.rope_theta ?? hf.rope_theta ?? 10000,
    rmsNormEps: hf.rms_norm_eps,
    slidingWindow: hf.sliding_window,
    tieEmbeddings: hf.tie_word_embeddings,
    bosId: hf.bos_token_id,
    eosIds: Array.isArray(hf.eos_token_id) ? hf.eos_token_id : [hf.eos_token_id],
  };
  const problems = contradictions(config, hf.layer_types ?? []);
  if (problems.length > 0) throw unsupported(where, problems);
  return config;
}

/**
 * The config as config.json has it; `parseConfig` reads back the same. The keys are those that transformers 4 and 5
 * both understand.
 *
 * @param dtype of the weights beside it, such as "float32" or "bfloat16"
 */
export function toHuggingFace(config: MistralConfig, dtype: string): Record<string, unknown> {
  return {
    architectures: ["MistralForCausalLM"],
    attention_dropout: 0,
    bos_token_id: config.bosId,
    eos_token_id: config.eosIds.length === 1 ? config.eosIds[0] : config.eosIds,
    head_dim: config.headDim,
    hidden_act: "silu",
    hidden_size: config.hiddenSize,
    initializer_range: 0.02,
    intermediate_size: config.intermediateSize,
    max_position_embeddings: config.maxPositions,
    model_type: "mistral",
    num_attention_heads: config.heads,
    num_hidden_layers: config.layers,
    num_key_value_heads: config.kvHeads,
    rms_norm_eps: config.rmsNormEps,
    rope_theta: config.ropeTheta,
    sliding_window: config.slidingWindow,
    tie_word_embeddings: config.tieEmbeddings,
    torch_dtype: dtype,
    use_cache: true,
    vocab_size: config.vocabSize,
  };
}

function contradictions(config: MistralConfig, layerTypes: string[]): string[] {
  const problems: string[] = [];
  if (config.heads % config.kvHeads !== 0) {
    problems.push(
      `num_key_value_heads: expected a divisor of num_attention_heads (${config.heads}), got ${config.kvHeads}`,
    );
  }
  if (config.headDim % 2 !== 0) {
    problems.push(`head_dim: expected an even number, as RoPE turns pairs, got ${config.headDim}`);
  }
  const layerType = config.slidingWindow === null ? "full_attention" : "sliding_attention";
  if (layerTypes.some((type) => type !== layerType)) {
    problems.push(`layer_types: expected ${layerType} in every layer, got ${show(layerTypes)}`);
  }
  for (const [key, ids] of [
    ["bos_token_id", [config.bosId]],
    ["eos_token_id", config.eosIds],
  ] as const) {
    const outside = ids.filter((id) => id >= config.vocabSize);
    if (outside.length > 0) {
      problems.push(`${key}: expected ids below vocab_size (${config.vocabSize}), got ${outside}`);
    }
  }
  return problems;
}

function unsupported(where: string, problems: string[]): Error {
  return new Error(`${where}: not a Mistral model that this library can run: ${problems.join("; ")}`);
}

function valueAt(value: unknown, path: PropertyKey[]): unknown {
  return path.reduce<unknown>((v, key) => (v as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? "nothing";
}
