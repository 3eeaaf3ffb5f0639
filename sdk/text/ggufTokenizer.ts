/** The tokenizer that a GGUF file carries in its metadata. */
import { z } from "zod";
import { fromByteLevelWords, fromSentencePieces, PIECE, type TokenizerJson } from "./buildTokenizer.ts";
import { checkTokenizerFiles, type TokenizerFiles } from "./tokenizerFiles.ts";

const KEY = "tokenizer.ggml.";
/** Where writers may put Hugging Face's file as it is; then nothing has to be guessed. */
const WHOLE_FILE = "tokenizer.huggingface.json";

const vocabulary = z.object({
  model: z.enum(["llama", "gpt2"]),
  tokens: z.array(z.string()).min(1),
  scores: z.array(z.number()).optional(),
  token_type: z.array(z.int()).optional(),
  merges: z.array(z.string()).optional(),
  pre: z.string().optional(),
  bos_token_id: z.int().nonnegative().optional(),
  eos_token_id: z.int().nonnegative(),
  unknown_token_id: z.int().nonnegative().optional(),
  add_space_prefix: z.boolean().default(true),
});
type Vocabulary = z.output<typeof vocabulary>;

const GPT2 = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const LETTERS =
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|" +
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*";
/** How each `pre` of llama.cpp cuts text into words. */
const SPLITS: Record<string, string | object> = {
  tekken: `${LETTERS}|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
  "llama-bpe":
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "gpt-2": GPT2,
  smollm: { type: "Sequence", pretokenizers: [{ type: "Digits", individual_digits: true }, GPT2] },
};

/**
 * The `pre` of llama.cpp that cuts text as a pre-tokenizer of tokenizer.json does, or the nearest.
 *
 * @returns exact: false where llama.cpp may cut some texts otherwise
 */
export function preOfSplit(preTokenizer: unknown): { pre: string; exact: boolean } {
  const text = JSON.stringify(preTokenizer ?? null);
  for (const [pre, split] of Object.entries(SPLITS)) {
    if (typeof split === "string" ? text.includes(JSON.stringify(split)) : sameSplit(preTokenizer, split)) {
      return { pre, exact: true };
    }
  }
  // smollm cuts as GPT-2 does, and numbers into digits.
  return { pre: /\\\\p\{N\}(?![+{*])|individual_digits":true/.test(text) ? "smollm" : "gpt-2", exact: false };
}

/** Equal but for options that do not change the cut. */
function sameSplit(a: unknown, b: unknown): boolean {
  const plain = (value: unknown) =>
    JSON.stringify(value, (key, part) => (key === "trim_offsets" ? undefined : part));
  return plain(a) === plain(b);
}

/**
 * @param metadata of the GGUF file
 * @throws when it carries none, or one that we cannot follow: says which part
 */
export function tokenizerOfGguf(metadata: ReadonlyMap<string, unknown>, path: string): TokenizerFiles {
  const found = [...metadata].filter(([key]) => key.startsWith(KEY));
  const result = vocabulary.safeParse(
    Object.fromEntries(found.map(([key, value]) => [key.slice(KEY.length), value])),
  );
  if (!result.success) {
    const problems = result.error.issues.map((issue) => `${KEY}${issue.path.join(".")}: ${issue.message}`);
    throw new Error(`${path}: its tokenizer cannot be used: ${problems.slice(0, 5).join("; ")}`);
  }
  const words = result.data;
  const json = wholeFile(metadata.get(WHOLE_FILE), path) ?? build(words, path);
  const tokenOf = (key: "bos_token_id" | "eos_token_id" | "unknown_token_id"): string | undefined => {
    const id = words[key];
    if (id === undefined) return undefined;
    if (id < words.tokens.length) return words.tokens[id];
    throw new Error(`${path}: ${KEY}${key}: expected an id below ${words.tokens.length}, got ${id}`);
  };
  const config = {
    tokenizer_class: "PreTrainedTokenizerFast",
    bos_token: tokenOf("bos_token_id"),
    eos_token: tokenOf("eos_token_id"),
    unk_token: tokenOf("unknown_token_id"),
    clean_up_tokenization_spaces: false,
    chat_template: metadata.get("tokenizer.chat_template"),
  };
  return checkTokenizerFiles(path, json, config);
}

function wholeFile(text: unknown, path: string): unknown {
  if (typeof text !== "string") return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path}: ${WHOLE_FILE}: expected JSON, got ${(cause as Error).message}`, { cause });
  }
}

function build(words: Vocabulary, path: string): TokenizerJson {
  const { model, tokens, scores, token_type: kinds, merges, pre = "gpt-2" } = words;
  for (const [key, list] of [
    ["scores", scores],
    ["token_type", kinds],
  ] as const) {
    if (list && list.length !== tokens.length) {
      throw new Error(
        `${path}: ${KEY}${key}: expected ${tokens.length} values, one a token, got ${list.length}`,
      );
    }
  }
  const kindOf = (id: number) => kinds?.[id] ?? PIECE.normal;
  try {
    if (model === "llama") {
      if (!scores) throw new Error(`${KEY}scores are missing`);
      const pieces = tokens.map((text, id) => ({ text, score: scores[id], kind: kindOf(id) }));
      return fromSentencePieces(pieces, { spaceBefore: words.add_space_prefix });
    }
    const split = Object.hasOwn(SPLITS, pre) ? SPLITS[pre] : undefined;
    if (!split) {
      throw new Error(`${KEY}pre: expected one of ${Object.keys(SPLITS).join(", ")}, got "${pre}"`);
    }
    return fromByteLevelWords({
      tokens,
      special: tokens.flatMap((_, id) => {
        const special = kindOf(id) === PIECE.control || kindOf(id) === PIECE.unknown;
        return special || kindOf(id) === PIECE.userDefined ? [{ id, special }] : [];
      }),
      merges: (merges ?? []).map((merge) => pairOf(merge)),
      split,
      ignoreMerges: pre === "llama-bpe" || pre === "tekken",
    });
  } catch (cause) {
    throw new Error(
      `${path}: its tokenizer cannot be used: ${(cause as Error).message}. Take the model in Hugging Face format`,
      { cause },
    );
  }
}

function pairOf(merge: string): [string, string] {
  const parts = merge.split(" ");
  if (parts.length === 2 && parts[0] && parts[1]) return [parts[0], parts[1]];
  throw new Error(`${KEY}merges: expected two words and a space between, got ${JSON.stringify(merge)}`);
}
