/** The shape of a model from the metadata of a GGUF file: made into a config.json, which `parseConfig` then judges. */
import type { GgufValue } from "../weights/gguf/header.ts";
import type { GgufFile } from "../weights/gguf/source.ts";
import { type MistralConfig, parseConfig } from "./config.ts";
import { yarnAttention } from "./ropeScaling.ts";

/** @throws when the architecture is not llama.cpp's "llama" (Mistral's is that too), or when keys are missing or odd */
export function configOfGguf(file: GgufFile): MistralConfig {
  const { metadata, path } = file;
  const architecture = metadata.get("general.architecture");
  if (architecture !== "llama") {
    throw new Error(
      `${path}: general.architecture: expected "llama" (which Mistral's models are to llama.cpp), got ${JSON.stringify(architecture)}: this library runs the Mistral family and Llamas of the same layers`,
    );
  }
  const of = (key: string) => shortest(metadata.get(`llama.${key}`));
  const problems: string[] = [];
  const heads = of("attention.head_count");
  const hidden = of("embedding_length");
  const headDim =
    of("attention.key_length") ??
    (typeof hidden === "number" && typeof heads === "number" ? Math.floor(hidden / heads) : undefined);
  for (const [key, wanted] of [
    ["attention.value_length", headDim],
    ["rope.dimension_count", headDim],
    ["expert_count", 0],
  ] as const) {
    const got = of(key) ?? wanted;
    if (got !== wanted) problems.push(`llama.${key}: expected ${wanted}, got ${JSON.stringify(got)}`);
  }
  if (problems.length > 0)
    throw new Error(`${path}: not a model that this library can run: ${problems.join("; ")}`);
  const [vocabSize] = file.tensors.get("model.embed_tokens.weight")?.shape ?? [];
  const end = [metadata.get("tokenizer.ggml.eos_token_id"), metadata.get("tokenizer.ggml.eot_token_id")];
  const ends = [...new Set(end.filter((id) => typeof id === "number"))];
  return parseConfig(
    {
      model_type: "llama",
      hidden_size: hidden,
      num_hidden_layers: of("block_count"),
      num_attention_heads: heads,
      num_key_value_heads: of("attention.head_count_kv"),
      head_dim: headDim,
      intermediate_size: of("feed_forward_length"),
      vocab_size: vocabSize,
      max_position_embeddings: of("context_length"),
      rms_norm_eps: of("attention.layer_norm_rms_epsilon"),
      rope_theta: of("rope.freq_base"),
      rope_scaling: ropeScaling(file),
      tie_word_embeddings: !file.tensors.has("lm_head.weight"),
      bos_token_id: metadata.get("tokenizer.ggml.bos_token_id"),
      ...(ends.length > 0 ? { eos_token_id: ends } : {}),
    },
    path,
  );
}

function ropeScaling({ metadata, ropeFactors }: GgufFile): object | undefined {
  if (ropeFactors)
    return { rope_type: "longrope", short_factor: [...ropeFactors], long_factor: [...ropeFactors] };
  const of = (key: string) => shortest(metadata.get(`llama.rope.scaling.${key}`));
  const type = of("type") ?? "none";
  if (type === "none") return undefined;
  const original = of("original_context_length");
  if (type !== "yarn") return { rope_type: type, factor: of("factor") };
  const [factor, more] = [of("factor"), of("attn_factor")];
  const attention =
    typeof factor === "number" && typeof more === "number" ? more * yarnAttention(factor) : undefined;
  const yarn = {
    attention_factor: attention,
    original_max_position_embeddings: original,
    beta_fast: of("yarn_beta_fast"),
    beta_slow: of("yarn_beta_slow"),
  };
  const said = Object.entries(yarn).filter(([, value]) => value !== undefined);
  return { rope_type: type, factor, ...Object.fromEntries(said) };
}

/** 1e-5, stored in 32 bits, reads 0.00000999…: the shortest number of the same 32 bits is what was meant. */
function shortest(value: GgufValue | undefined): GgufValue | undefined {
  if (typeof value !== "number" || Number.isInteger(value) || Math.fround(value) !== value) return value;
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
