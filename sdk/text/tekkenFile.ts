/** Mistral's tekken.json: words as bytes by rank, the rank being that of the merge that makes the word. */
import { z } from "zod";
import { fromByteLevelWords, type TokenizerJson } from "./buildTokenizer.ts";

const tekken = z.looseObject({
  config: z.looseObject({
    pattern: z.string().min(1),
    default_vocab_size: z.int().positive(),
    default_num_special_tokens: z.int().nonnegative(),
  }),
  vocab: z.array(z.looseObject({ rank: z.int().nonnegative(), token_bytes: z.base64() })).min(256),
  special_tokens: z
    .array(z.looseObject({ rank: z.int().nonnegative(), token_str: z.string().min(1) }))
    .nullish(),
});

/** The first special tokens of files that do not list them; the rest is <SPECIAL_14> and so on. */
const FIRST_SPECIAL = [
  "<unk>",
  "<s>",
  "</s>",
  "[INST]",
  "[/INST]",
  "[AVAILABLE_TOOLS]",
  "[/AVAILABLE_TOOLS]",
  "[TOOL_RESULTS]",
  "[/TOOL_RESULTS]",
  "[TOOL_CALLS]",
  "<pad>",
  "[PREFIX]",
  "[MIDDLE]",
  "[SUFFIX]",
];

/** @throws when the content is not a tekken.json, or its ranks do not follow one another */
export function readTekkenFile(json: unknown, path: string): TokenizerJson {
  const fail = (problem: string) => new Error(`${path}: not a tekken.json that the lab can use: ${problem}`);
  const result = tekken.safeParse(json);
  if (!result.success) {
    const problems = result.error.issues.map(
      ({ path, message }) => `${path.join(".") || "top level"}: ${message}`,
    );
    throw fail(problems.slice(0, 5).join("; "));
  }
  const { config, vocab, special_tokens: listed } = result.data;
  const specialCount = config.default_num_special_tokens;
  const special = Array.from({ length: specialCount }, (_, id) => FIRST_SPECIAL[id] ?? `<SPECIAL_${id}>`);
  for (const { rank, token_str } of listed ?? []) if (rank < specialCount) special[rank] = token_str;
  // Files carry more words than the models have rows for.
  const words = vocab.slice(0, Math.max(0, config.default_vocab_size - specialCount));
  const wrong = words.findIndex(({ rank }, i) => rank !== i);
  if (wrong >= 0) throw fail(`vocab.${wrong}.rank: expected ${wrong}, got ${words[wrong].rank}`);
  const texts = words.map(({ token_bytes }) => byteLevel(Buffer.from(token_bytes, "base64")));
  const ranks = new Map(texts.map((text, rank) => [text, rank]));
  try {
    return fromByteLevelWords({
      tokens: [...special, ...texts],
      special: special.map((_, id) => ({ id, special: true })),
      merges: texts.flatMap((text) => mergesOf(text, ranks)),
      split: config.pattern,
      ignoreMerges: true,
    });
  } catch (cause) {
    throw fail((cause as Error).message);
  }
}

/** Every pair of words that makes this one, the pair of lower ranks first. */
function mergesOf(text: string, ranks: ReadonlyMap<string, number>): [string, string][] {
  const pairs: [string, string][] = [];
  for (let cut = 1; cut < text.length; cut++) {
    const [left, right] = [text.slice(0, cut), text.slice(cut)];
    if (ranks.has(left) && ranks.has(right)) pairs.push([left, right]);
  }
  const rank = (word: string) => ranks.get(word) ?? 0;
  return pairs.sort(([a, b], [c, d]) => rank(a) - rank(c) || rank(b) - rank(d));
}

/** Bytes in the alphabet of byte-level BPE: printable ones as they are, the others from U+0100 on. */
function byteLevel(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += ALPHABET[byte];
  return text;
}

const ALPHABET = alphabet();

function alphabet(): string[] {
  const printable = (byte: number) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}
