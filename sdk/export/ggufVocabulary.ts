/** A Hugging Face tokenizer as metadata of a GGUF file. The way back is sdk/text/ggufTokenizer.ts. */
import { PIECE } from "../text/buildTokenizer.ts";
import { preOfSplit } from "../text/ggufTokenizer.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { GgufField } from "../weights/gguf/write.ts";

interface BpeJson {
  added_tokens: { id: number; content: string; special?: boolean }[];
  normalizer?: unknown;
  pre_tokenizer?: unknown;
  post_processor?: unknown;
  model: {
    type?: string;
    byte_fallback?: boolean;
    unk_token?: string | null;
    vocab: Record<string, number>;
    merges: (string | [string, string])[];
  };
}

export interface GgufVocabulary {
  fields: Map<string, GgufField>;
  /** What llama.cpp will do otherwise than this tokenizer; undefined where nothing. */
  warning?: string;
}

/**
 * @param rows of the embedding: ids without a token get a name, as llama.cpp wants one for each row
 * @throws when the tokenizer is no BPE
 */
export function ggufVocabulary(tokenizer: Tokenizer, rows: number): GgufVocabulary {
  const bytes = tokenizer.files.get("tokenizer.json")!;
  const text = new TextDecoder().decode(bytes);
  const json = JSON.parse(text) as BpeJson;
  const { model } = json;
  if (!Array.isArray(model.merges)) {
    throw new Error(`${tokenizer.source}: GGUF holds BPE tokenizers only, this one is ${model.type}`);
  }
  const tokens = Array.from({ length: rows }, (_, id) => `[PAD${id}]`);
  const kinds = new Array<number>(rows).fill(PIECE.unused);
  for (const [token, id] of Object.entries(model.vocab)) {
    tokens[id] = token;
    kinds[id] = model.byte_fallback && /^<0x[0-9A-F]{2}>$/.test(token) ? PIECE.byte : PIECE.normal;
  }
  for (const { id, content, special } of json.added_tokens) {
    tokens[id] = content;
    kinds[id] = special ? PIECE.control : PIECE.userDefined;
  }
  const config = JSON.parse(new TextDecoder().decode(tokenizer.files.get("tokenizer_config.json")!)) as {
    add_bos_token?: boolean;
  };
  const fields = new Map<string, GgufField>();
  const set = (key: string, field: GgufField) => fields.set(`tokenizer.ggml.${key}`, field);
  const merges = model.merges.map((merge) => (typeof merge === "string" ? merge : merge.join(" ")));
  let warning: string | undefined;
  if (model.byte_fallback) {
    if (model.unk_token) kinds[model.vocab[model.unk_token]] = PIECE.unknown;
    set("model", { type: "string", value: "llama" });
    set("pre", { type: "string", value: "default" });
    set("scores", { type: "float32s", value: scoresOf(tokens, merges) });
    set("add_space_prefix", { type: "bool", value: prependsSpace(json) });
  } else {
    const { pre, exact } = preOfSplit(json.pre_tokenizer);
    if (!exact) {
      warning = `llama.cpp has no name for how this tokenizer cuts text into words; the nearest is "${pre}": some words may get other tokens there`;
    }
    set("model", { type: "string", value: "gpt2" });
    set("pre", { type: "string", value: pre });
    set("merges", { type: "strings", value: merges });
  }
  set("tokens", { type: "strings", value: tokens });
  set("token_type", { type: "int32s", value: kinds });
  const { bosId, eosId, unkId } = tokenizer;
  if (bosId !== undefined) set("bos_token_id", { type: "uint32", value: bosId });
  set("eos_token_id", { type: "uint32", value: eosId });
  if (unkId !== undefined) set("unknown_token_id", { type: "uint32", value: unkId });
  const addsBos =
    config.add_bos_token ?? JSON.stringify(json.post_processor ?? null).includes("SpecialToken");
  // A model that was trained with BOS before its template wants it also from programs with templates of their own.
  const begins = bosId !== undefined && tokenizer.hasTemplate && templateBegins(tokenizer, bosId);
  set("add_bos_token", { type: "bool", value: bosId !== undefined && (addsBos || begins) });
  set("add_eos_token", { type: "bool", value: false });
  if (tokenizer.hasTemplate) {
    fields.set("tokenizer.chat_template", { type: "string", value: tokenizer.template.text });
  }
  fields.set("tokenizer.huggingface.json", { type: "string", value: text });
  return { fields, ...(warning ? { warning } : {}) };
}

/** Less the rank of the merge that makes each token: the higher, the earlier it is merged. */
function scoresOf(tokens: readonly string[], merges: readonly string[]): number[] {
  const ranks = new Map<string, number>();
  for (const [rank, merge] of merges.entries()) {
    const made = merge.replace(" ", "");
    if (!ranks.has(made)) ranks.set(made, rank);
  }
  return tokens.map((token) => -(ranks.get(token) ?? merges.length));
}

function templateBegins(tokenizer: Tokenizer, bosId: number): boolean {
  const bos = tokenizer.decode([bosId], { skipSpecial: false });
  return tokenizer.template.render([{ role: "user", content: "x" }]).startsWith(bos);
}

function prependsSpace({ normalizer, pre_tokenizer }: BpeJson): boolean {
  const parts = JSON.stringify([normalizer, pre_tokenizer]);
  return parts.includes('"Prepend"') || /"prepend_scheme":"(first|always)"/.test(parts);
}
