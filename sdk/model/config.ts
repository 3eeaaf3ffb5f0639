/**
 * The shape of a model of the Mistral family, read from and written to Hugging Face's config.json. Llama's layers are
 * the same, so its checkpoints run too.
 */
import { z } from "zod";
import { parseRopeScaling, type RopeScaling, ropeScalingJson, ropeSchema } from "./ropeScaling.ts";

/** config.json's model_type and its class in transformers. Ministral has layers with and without a window. */
const ARCHITECTURES = {
  mistral: "MistralForCausalLM",
  ministral: "MinistralForCausalLM",
  llama: "LlamaForCausalLM",
} as const;
export type Architecture = keyof typeof ARCHITECTURES;

/** The shape of a model: what this library needs of config.json, in its own names. */
export interface MistralConfig {
  /** Whose config.json it is; the layers are the same. Absent: Mistral's. */
  architecture?: Architecture;
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
  /** How the angles are stretched for longer texts; absent: not at all. */
  ropeScaling?: RopeScaling;
  rmsNormEps: number;
  /** A token sees at most this many last tokens, itself included; null: all. */
  slidingWindow: number | null;
  /** Layers that see all tokens in spite of the window, by index; absent: none. */
  fullAttentionLayers?: readonly number[];
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

// Defaults are those of transformers: a key that it leaves out means its default.
const schema = z.object({
  architectures: z.array(z.string()).nullish(),
  model_type: z.enum(["mistral", "ministral", "llama"]),
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  intermediate_size: size,
  vocab_size: size,
  max_position_embeddings: size.optional(),
  rope_theta: z.number().positive().nullish(),
  rope_scaling: ropeSchema.nullish(),
  rope_parameters: ropeSchema.nullish(),
  rope_interleaved: only(false),
  partial_rotary_factor: only(1),
  rms_norm_eps: z.number().positive().default(1e-6),
  sliding_window: size.nullable().optional(),
  tie_word_embeddings: z.boolean().default(false),
  bos_token_id: id.default(1),
  eos_token_id: z.union([id, z.array(id).min(1)]).default(2),
  hidden_act: only("silu"),
  attention_dropout: only(0),
  attention_bias: only(false),
  mlp_bias: only(false),
  pretraining_tp: only(1),
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
 * Reads the config of a model of the family. Keys that do not change the forward pass are ignored.
 *
 * @param json the parsed config.json
 * @param where its path, for messages
 * @throws one error that names every unsupported key, what was expected and what came
 */
export function parseConfig(json: unknown, where: string): MistralConfig {
  const named = withRopeType(json);
  const result = schema.safeParse(named);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => {
      const key = issue.path.join(".") || "the whole file";
      return `${key}: ${issue.message}, got ${show(valueAt(named, issue.path))}`;
    });
    throw unsupported(where, problems);
  }
  const hf = result.data;
  const architecture = hf.model_type;
  const ofLlama = architecture === "llama";
  const heads = hf.num_attention_heads;
  const rope = hf.rope_parameters ?? hf.rope_scaling;
  const maxPositions = hf.max_position_embeddings ?? (ofLlama ? 2048 : 131072);
  const kvHeadsLeftOut = ofLlama || Object.hasOwn(json as object, "num_key_value_heads") ? heads : 8;
  const ropeScaling = rope ? parseRopeScaling(rope, maxPositions) : undefined;
  const layerTypes = hf.layer_types ?? [];
  // Llama has no window and ignores the key.
  const window = ofLlama ? null : hf.sliding_window === undefined ? 4096 : hf.sliding_window;
  const full = layerTypes.flatMap((type, i) => (type === "full_attention" ? [i] : []));
  // A window that no layer has is none.
  const slidingWindow = layerTypes.length > 0 && full.length === layerTypes.length ? null : window;
  const config: MistralConfig = {
    ...(architecture === "mistral" ? {} : { architecture }),
    hiddenSize: hf.hidden_size,
    layers: hf.num_hidden_layers,
    heads,
    kvHeads: hf.num_key_value_heads ?? kvHeadsLeftOut,
    headDim: hf.head_dim ?? Math.floor(hf.hidden_size / heads),
    intermediateSize: hf.intermediate_size,
    vocabSize: hf.vocab_size,
    maxPositions,
    ropeTheta: rope?.rope_theta ?? hf.rope_theta ?? 10000,
    ...(ropeScaling ? { ropeScaling } : {}),
    rmsNormEps: hf.rms_norm_eps,
    slidingWindow,
    ...(slidingWindow !== null && full.length > 0 ? { fullAttentionLayers: full } : {}),
    tieEmbeddings: hf.tie_word_embeddings,
    bosId: hf.bos_token_id,
    eosIds: Array.isArray(hf.eos_token_id) ? hf.eos_token_id : [hf.eos_token_id],
  };
  const problems = contradictions(config, layerTypes);
  const wrongHead = (hf.architectures ?? []).filter((name) => name !== ARCHITECTURES[architecture]);
  if (wrongHead.length > 0) {
    problems.push(`architectures: expected ["${ARCHITECTURES[architecture]}"], got ${show(wrongHead)}`);
  }
  if (problems.length > 0) throw unsupported(where, problems);
  return config;
}

/** Older files say `type` for `rope_type`, and leave it out beside a `rope_theta` alone. */
function withRopeType(json: unknown): unknown {
  if (!isRecord(json)) return json;
  const named: Record<string, unknown> = { ...json };
  for (const key of ["rope_scaling", "rope_parameters"]) {
    const rope = json[key];
    if (isRecord(rope)) named[key] = { ...rope, rope_type: rope.rope_type ?? rope.type ?? "default" };
  }
  return named;
}

/**
 * The config as config.json has it; `parseConfig` reads back the same. The keys are those that transformers 4 and 5
 * both understand.
 *
 * @param dtype of the weights beside it, such as "float32" or "bfloat16"
 */
export function toHuggingFace(config: MistralConfig, dtype: string): Record<string, unknown> {
  const { architecture = "mistral", fullAttentionLayers, slidingWindow } = config;
  const ropeScaling = ropeScalingJson(config.ropeScaling);
  return {
    architectures: [ARCHITECTURES[architecture]],
    ...(architecture === "llama" ? { attention_bias: false, mlp_bias: false } : {}),
    attention_dropout: 0,
    bos_token_id: config.bosId,
    eos_token_id: config.eosIds.length === 1 ? config.eosIds[0] : config.eosIds,
    head_dim: config.headDim,
    hidden_act: "silu",
    hidden_size: config.hiddenSize,
    initializer_range: 0.02,
    intermediate_size: config.intermediateSize,
    ...(fullAttentionLayers ? { layer_types: layerTypesOf(config) } : {}),
    max_position_embeddings: config.maxPositions,
    model_type: architecture,
    num_attention_heads: config.heads,
    num_hidden_layers: config.layers,
    num_key_value_heads: config.kvHeads,
    rms_norm_eps: config.rmsNormEps,
    ...(ropeScaling ? { rope_scaling: ropeScaling } : {}),
    rope_theta: config.ropeTheta,
    ...(architecture === "llama" ? {} : { sliding_window: slidingWindow }),
    tie_word_embeddings: config.tieEmbeddings,
    torch_dtype: dtype,
    use_cache: true,
    vocab_size: config.vocabSize,
  };
}

function layerTypesOf({ layers, fullAttentionLayers = [] }: MistralConfig): string[] {
  return Array.from({ length: layers }, (_, i) =>
    fullAttentionLayers.includes(i) ? "full_attention" : "sliding_attention",
  );
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
  const { ropeScaling } = config;
  if (ropeScaling?.type === "factors" && ropeScaling.factors.length !== config.headDim / 2) {
    problems.push(`long_factor: expected ${config.headDim / 2} numbers, got ${ropeScaling.factors.length}`);
  }
  if (layerTypes.length > 0 && layerTypes.length !== config.layers) {
    problems.push(`layer_types: expected one for each of ${config.layers} layers, got ${layerTypes.length}`);
  }
  if (config.slidingWindow === null && layerTypes.includes("sliding_attention")) {
    problems.push(`layer_types: sliding_attention needs a sliding_window, got ${show(layerTypes)}`);
  }
  if (config.fullAttentionLayers && config.architecture !== "ministral") {
    problems.push(
      `layer_types: expected sliding_attention in every layer, as transformers runs model_type "mistral", got ${show(layerTypes)}`,
    );
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
  return new Error(
    `${where}: not a model of the Mistral family that this library can run: ${problems.join("; ")}`,
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function valueAt(value: unknown, path: PropertyKey[]): unknown {
  return path.reduce<unknown>((v, key) => (v as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? "nothing";
}
