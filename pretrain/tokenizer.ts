// Makes the tokenizer of the bundled base model from the corpus:
//   npx tsx pretrain/tokenizer.ts --corpus DIR --out data/models/mini [--sample-characters 12000000]
// It writes tokenizer.json (read by @huggingface/tokenizers and by transformers) and tokenizer_config.json (with
// the chat template). Nothing adds <s> by itself: the chat template writes exactly one.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { addedToken } from "../sdk/text/buildTokenizer.ts";
import { type Bpe, splitPattern, trainBpe } from "./bpe.ts";

export const vocabSize = 4096;
export const specialTokens = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"];

/** The content of tokenizer.json. */
export function tokenizerJson({ vocab, merges }: Bpe): object {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => addedToken(id, content, true)),
    normalizer: null, // decode(encode(text)) gives the text back, byte for byte
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: splitPattern }, behavior: "Isolated", invert: false },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges: merges.map((pair) => pair.join(" ")), // no token holds a space, and every version reads this form
    },
  };
}

/** The content of tokenizer_config.json. */
export function tokenizerConfig(chatTemplate: string): object {
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    bos_token: "<s>",
    eos_token: "</s>",
    unk_token: "<unk>",
    add_bos_token: false,
    add_eos_token: false,
    clean_up_tokenization_spaces: false, // French puts a space before "?", which must stay
    model_max_length: 1024,
    chat_template: chatTemplate,
  };
}

/** The chat template, in Jinja. */
export function chatTemplate(): string {
  // The file ends with a newline, which a template would print.
  return readFileSync(fileURLToPath(new URL("chatTemplate.jinja", import.meta.url)), "utf8").trimEnd();
}

interface CorpusLine {
  text?: string;
  messages?: { role: string; content: string }[];
}

/** Texts of a corpus file, evenly thinned to about the given number of characters. */
export function* sampleTexts(file: string, characters: number): Generator<string> {
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  const all = lines.reduce((sum, line) => sum + line.length, 0);
  const share = Math.min(1, characters / all);
  for (const [index, line] of lines.entries()) {
    if (Math.floor(index * share) === Math.floor((index + 1) * share)) continue;
    const { text, messages } = JSON.parse(line) as CorpusLine;
    if (text !== undefined) yield text;
    // A turn follows "[INST] " or "[/INST] ", so its first word has a space before it.
    for (const message of messages ?? []) yield ` ${message.content}`;
  }
}

function main(): void {
  const { values } = parseArgs({
    options: {
      corpus: { type: "string" },
      out: { type: "string" },
      "sample-characters": { type: "string", default: "12000000" },
    },
  });
  if (!values.corpus || !values.out) throw new Error("Usage: tokenizer.ts --corpus DIR --out DIR");
  const start = performance.now();
  const bpe = trainBpe(sampleTexts(join(values.corpus, "train.jsonl"), Number(values["sample-characters"])), {
    vocabSize,
    specialTokens,
  });
  const size = Object.keys(bpe.vocab).length;
  if (size !== vocabSize) throw new Error(`the corpus is too small: ${size} tokens instead of ${vocabSize}`);
  mkdirSync(values.out, { recursive: true });
  const write = (name: string, content: object) =>
    writeFileSync(join(values.out!, name), `${JSON.stringify(content, null, 1)}\n`);
  write("tokenizer.json", tokenizerJson(bpe));
  write("tokenizer_config.json", tokenizerConfig(chatTemplate()));
  console.log(
    `${size} tokens, ${bpe.merges.length} merges, ${((performance.now() - start) / 1000).toFixed(1)} s`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
