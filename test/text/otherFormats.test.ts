import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer } from "../../sdk/text/tokenizer.ts";
import { inFolder } from "../inFolder.ts";
import { bytesField, floatField, message, numberField } from "./mistralTokenizers.ts";

const text = (value: string) => Buffer.from(value);
const piece = (value: string, kind = 1, score = 0) =>
  message(1, [bytesField(1, text(value)), floatField(2, score), numberField(3, kind)]);
const trainer = (type = 2) => message(2, [numberField(3, type)]);
const normalizer = (squeeze = 0, name = "identity") =>
  message(3, [bytesField(1, text(name)), numberField(3, 1), numberField(4, squeeze)]);
const pieces = [piece("<unk>", 2), piece("<s>", 3), piece("</s>", 3), piece("a"), piece("▁"), piece("▁a")];

function tekken(changes: object = {}): string {
  const vocab = Array.from({ length: 257 }, (_, rank) => {
    const bytes = rank < 256 ? [rank] : [97, 98];
    return { rank, token_bytes: Buffer.from(bytes).toString("base64"), token_str: null };
  });
  const config = { pattern: "\\p{L}+|.", default_vocab_size: 277, default_num_special_tokens: 20 };
  return JSON.stringify({ config, vocab, ...changes });
}

describe("tokenizer.model and tekken.json without a tokenizer.json", () => {
  it("are read, and saved as a tokenizer.json that says the same", () =>
    inFolder(async (dir) => {
      writeFileSync(join(dir, "tokenizer.model"), Buffer.concat([...pieces, trainer(), normalizer()]));
      const tokenizer = await Tokenizer.load(dir);
      assert.deepEqual(tokenizer.encode("a a"), [5, 5]);
      // A space of its own before the text's, as sentencepiece has it.
      assert.deepEqual(tokenizer.encode(" a"), [4, 5]);
      assert.deepEqual([tokenizer.bosId, tokenizer.eosId, tokenizer.unkId], [1, 2, 0]);
      assert.equal(tokenizer.decode([4, 5]), " a");
      const again = join(dir, "again");
      await tokenizer.save(again);
      assert.deepEqual((await Tokenizer.load(again)).encode(" a"), [4, 5]);
      assert.ok(
        readFileSync(join(again, "tokenizer.model")).equals(readFileSync(join(dir, "tokenizer.model"))),
      );
    }));

  it("tekken.json: special tokens first, listed ones by their names", () =>
    inFolder(async (dir) => {
      writeFileSync(join(dir, "tekken.json"), tekken());
      const plain = await Tokenizer.load(dir);
      assert.deepEqual(plain.encode("ab"), [276]);
      assert.deepEqual(plain.encode("[INST]<SPECIAL_14>", { allowSpecial: true }), [3, 14]);
      writeFileSync(join(dir, "tekken.json"), tekken({ special_tokens: [{ rank: 3, token_str: "[ASK]" }] }));
      assert.deepEqual((await Tokenizer.load(dir)).encode("[ASK]", { allowSpecial: true }), [3]);
    }));

  const refused: [string, string, Uint8Array | string, RegExp][] = [
    [
      "a unigram model",
      "tokenizer.model",
      Buffer.concat([...pieces, trainer(1), normalizer()]),
      /tokenizer\.model: not a tokenizer\.model that the lab can use: expected a BPE model \(type 2\), got type 1\. Take tokenizer\.json of the checkpoint/,
    ],
    [
      "one that changes text",
      "tokenizer.model",
      Buffer.concat([...pieces, trainer(), normalizer(0, "nmt_nfkc")]),
      /expected no normalisation of text, got "nmt_nfkc"/,
    ],
    [
      "one that removes spaces",
      "tokenizer.model",
      Buffer.concat([...pieces, trainer(), normalizer(1)]),
      /it removes extra spaces, which is not followed/,
    ],
    ["one without pieces", "tokenizer.model", Buffer.concat([trainer(), normalizer()]), /it has no pieces/],
    [
      "a piece twice",
      "tokenizer.model",
      Buffer.concat([...pieces, piece("a"), trainer(), normalizer()]),
      /the token "a" stands twice in the vocabulary/,
    ],
    [
      "a long field",
      "tokenizer.model",
      Uint8Array.of(10, 255, 255, 255, 255, 15),
      /a field of kind 2 and length 4294967295 at byte 6 of 6/,
    ],
    ["a number without end", "tokenizer.model", Uint8Array.of(8, 255), /a number ends at byte 2 of 2/],
    [
      "no words",
      "tekken.json",
      tekken({ vocab: [] }),
      /tekken\.json: not a tekken\.json that the lab can use: vocab: /,
    ],
    [
      "ranks with a hole",
      "tekken.json",
      tekken().replace('"rank":7,', '"rank":8,'),
      /vocab\.7\.rank: expected 7, got 8/,
    ],
    ["no JSON", "tekken.json", "{", /tekken\.json: expected JSON, got /],
  ];
  for (const [what, file, content, message] of refused) {
    it(`refuses ${what}`, () =>
      inFolder(async (dir) => {
        writeFileSync(join(dir, file), content);
        await assert.rejects(Tokenizer.load(dir), message);
      }));
  }
});
