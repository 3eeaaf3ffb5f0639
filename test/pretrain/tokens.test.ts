import assert from "node:assert/strict";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { corpusTokens, documentExamples } from "../../pretrain/tokens.ts";
import { Tokenizer } from "../../sdk/text/tokenizer.ts";
import { inFolder } from "../inFolder.ts";

const LINES = [
  { source: "a", language: "fr", text: "Il pleut ; l'eau monte." },
  {
    source: "b",
    language: "fr",
    messages: [
      { role: "user", content: "Un </s> ?" },
      { role: "assistant", content: "Oui." },
    ],
  },
];

describe("the corpus as tokens", () => {
  let tokenizer: Tokenizer;
  before(async () => {
    tokenizer = await Tokenizer.load("data/models/mini");
  });

  const write = (dir: string, lines: object[]) =>
    writeFileSync(join(dir, "c.jsonl"), `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`);

  it("are made once and read again without the text", () =>
    inFolder(async (dir) => {
      const path = join(dir, "c");
      write(dir, LINES);
      const ids = await corpusTokens(path, tokenizer);
      const written = statSync(`${path}.tokens`).mtimeMs;
      assert.deepEqual(await corpusTokens(path, tokenizer), ids);
      rmSync(`${path}.jsonl`);
      assert.deepEqual(await corpusTokens(path, tokenizer), ids);
      assert.equal(statSync(`${path}.tokens`).mtimeMs, written);
    }));

  it("are made anew for another corpus, and refused for another tokenizer or a cut file", () =>
    inFolder(async (dir) => {
      const path = join(dir, "c");
      write(dir, LINES);
      const ids = await corpusTokens(path, tokenizer);
      write(dir, LINES.slice(1));
      const fewer = await corpusTokens(path, tokenizer);
      assert.deepEqual(fewer, ids.slice(ids.length - fewer.length));
      rmSync(`${path}.jsonl`);
      const other = await Tokenizer.load("test/fixtures/tokenizer/byteLevel");
      await assert.rejects(corpusTokens(path, other), /another tokenizer/);
      writeFileSync(`${path}.tokens`, readFileSync(`${path}.tokens`).subarray(0, -2));
      await assert.rejects(corpusTokens(path, tokenizer), /cut off/);
      await assert.rejects(corpusTokens(join(dir, "d"), tokenizer), /build the corpus first/);
    }));

  it("are examples of whole documents, long ones in equal pieces", () =>
    inFolder(async (dir) => {
      write(dir, LINES);
      const ids = Array.from(await corpusTokens(join(dir, "c"), tokenizer));
      const bos = tokenizer.bosId!;
      const second = ids.indexOf(bos, 1);
      const whole = documentExamples(Uint16Array.from(ids), bos, 512);
      assert.deepEqual(
        whole.map((example) => Array.from(example.ids)),
        [ids.slice(0, second), ids.slice(second)],
      );
      assert.deepEqual(Array.from(whole[0].labels), [...ids.slice(1, second), -100]);

      const pieces = documentExamples(Uint16Array.from(ids), bos, 5);
      assert.deepEqual(
        pieces.flatMap((example) => Array.from(example.ids)),
        ids,
      );
      assert.ok(pieces.every((example) => example.ids.length >= 3 && example.ids.length <= 5));
      // The last token of a piece foretells the first of the next one; that of a document foretells nothing.
      const labels = pieces.flatMap((example) => Array.from(example.labels));
      assert.deepEqual(
        labels,
        ids.map((_, i) => (i + 1 === second || i + 1 === ids.length ? -100 : ids[i + 1])),
      );
    }));
});
