/**
 * The corpus as token ids. Tokenising takes minutes, so it is done once: `train.jsonl` gets a file `train.tokens`
 * beside it, which is read instead as long as corpus and tokenizer are those it was made from. A machine that only
 * trains needs the `.tokens` files alone.
 *
 * File: a line of JSON (`Header`), filled up with spaces to an even length, then the ids of all documents as uint16,
 * little-endian. Each document begins with BOS, and only documents do, so the ids say where each begins.
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Example, ignoredLabel } from "../sdk/data/example.ts";
import type { ChatMessage } from "../sdk/text/chatTemplate.ts";
import type { Tokenizer } from "../sdk/text/tokenizer.ts";

/** A line of the corpus: prose or a conversation. */
type CorpusDocument = { text: string } | { messages: ChatMessage[] };

interface Header {
  format: 1;
  /** SHA-256 of the tokenizer's files, and of the JSON lines. */
  tokenizer: string;
  corpus: string;
  documents: number;
  tokens: number;
}

/**
 * The ids of a corpus file, from `<name>.tokens` where that fits, else from `<name>.jsonl`.
 *
 * @param path without ending
 * @throws when there is neither, or only tokens of another tokenizer
 */
export async function corpusTokens(path: string, tokenizer: Tokenizer): Promise<Uint16Array> {
  const [lines, tokens] = [`${path}.jsonl`, `${path}.tokens`];
  const found = existsSync(lines);
  if (!found && !existsSync(tokens))
    throw new Error(`${lines} is missing: build the corpus first, see pretrain/README.md`);
  const wanted = {
    tokenizer: tokenizerHash(tokenizer),
    corpus: found ? sha256(readFileSync(lines)) : undefined,
  };
  if (existsSync(tokens)) {
    const { header, ids } = decode(readFileSync(tokens));
    const fits = header.tokenizer === wanted.tokenizer && (!found || header.corpus === wanted.corpus);
    if (fits) return ids;
    if (!found) throw new Error(`${tokens} was made with another tokenizer, and ${lines} is missing`);
  }
  const { ids, documents } = await tokenize(lines, tokenizer);
  const { tokenizer: hash, corpus } = wanted;
  const header: Header = { format: 1, tokenizer: hash, corpus: corpus!, documents, tokens: ids.length };
  // Whole or not at all: a half-written file must not be taken for the corpus.
  writeFileSync(`${tokens}.part`, encode(header, ids));
  renameSync(`${tokens}.part`, tokens);
  return ids;
}

/**
 * Documents as examples in which every token is trained. Longer ones are cut: a piece may begin in the middle of a
 * document.
 *
 * @param length most tokens of an example
 */
export function documentExamples(tokens: Uint16Array, bosId: number, length: number): Example[] {
  const ids = Int32Array.from(tokens);
  const examples: Example[] = [];
  let line = 0;
  for (let begin = 0; begin < ids.length; ) {
    const next = ids.indexOf(bosId, begin + 1);
    const end = next < 0 ? ids.length : next;
    line++;
    // Equal pieces: a last one of three tokens would teach nothing.
    const pieces = Math.ceil((end - begin) / length);
    for (let i = 0; i < pieces; i++) {
      const from = begin + Math.floor(((end - begin) * i) / pieces);
      const to = begin + Math.floor(((end - begin) * (i + 1)) / pieces);
      const piece = ids.subarray(from, to);
      const labels = new Int32Array(piece.length).fill(ignoredLabel);
      labels.set(ids.subarray(from + 1, Math.min(to + 1, end)));
      examples.push({ ids: piece, labels, instruction: "", response: "", prompt: [], line });
    }
    begin = end;
  }
  return examples;
}

async function tokenize(
  file: string,
  tokenizer: Tokenizer,
): Promise<{ ids: Uint16Array; documents: number }> {
  if (tokenizer.vocabSize > 65_536) throw new Error("the tokenizer has ids that 16 bits do not hold");
  let ids = new Uint16Array(2 ** 24);
  let length = 0;
  let documents = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const document = documentIds(JSON.parse(line) as CorpusDocument, tokenizer);
    if (length + document.length > ids.length) {
      const grown = new Uint16Array(2 * ids.length + document.length);
      grown.set(ids);
      ids = grown;
    }
    ids.set(document, length);
    length += document.length;
    documents++;
  }
  return { ids: ids.slice(0, length), documents };
}

function documentIds(document: CorpusDocument, tokenizer: Tokenizer): ArrayLike<number> {
  if ("messages" in document) {
    return tokenizer.template.encodeChat(tokenizer, document.messages, { addGenerationPrompt: false }).ids;
  }
  return [tokenizer.bosId!, ...tokenizer.encode(document.text), tokenizer.eosId];
}

function encode(header: Header, ids: Uint16Array): Buffer {
  const json = JSON.stringify(header);
  const bytes = Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength);
  return Buffer.concat([Buffer.from(`${json}${json.length % 2 === 0 ? " " : ""}\n`), bytes]);
}

function decode(file: Buffer): { header: Header; ids: Uint16Array } {
  const begin = file.indexOf("\n") + 1;
  const header = JSON.parse(file.toString("utf8", 0, begin)) as Header;
  const ids = new Uint16Array(new Uint8Array(file.subarray(begin)).buffer);
  if (ids.length !== header.tokens)
    throw new Error("a file of tokens is cut off: delete it, it will be made again");
  return { header, ids };
}

function tokenizerHash(tokenizer: Tokenizer): string {
  return sha256(...[...tokenizer.files].sort(([a], [b]) => (a < b ? -1 : 1)).flat());
}

function sha256(...parts: (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}
