import assert from "node:assert/strict";
import { type Bpe, byteSymbols, splitPattern, trainBpe } from "../../pretrain/bpe.ts";

const specialTokens = ["<unk>", "<s>"];
const base = specialTokens.length + 256;

/** The definition, without any bookkeeping: count all pairs anew for every merge. */
function naiveMerges(texts: string[], count: number): [string, string][] {
  const words = texts
    .flatMap((text) => text.match(new RegExp(splitPattern, "gu")) ?? [])
    .map((word) => [...Buffer.from(word)].map((byte) => byteSymbols[byte]));
  const ids = new Map([...specialTokens, ...byteSymbols].map((token, id) => [token, id]));
  const merges: [string, string][] = [];
  while (ids.size < base + count) {
    const pairs = new Map<string, { pair: [string, string]; count: number }>();
    for (const word of words) {
      for (let i = 1; i < word.length; i++) {
        const key = `${word[i - 1]} ${word[i]}`;
        const entry = pairs.get(key) ?? { pair: [word[i - 1], word[i]] as [string, string], count: 0 };
        entry.count++;
        pairs.set(key, entry);
      }
    }
    const rank = ([left, right]: [string, string]) => ids.get(left)! * 2 ** 20 + ids.get(right)!;
    const best = [...pairs.values()].sort((a, b) => b.count - a.count || rank(a.pair) - rank(b.pair))[0];
    if (!best || best.count < 2) break;
    const [left, right] = best.pair;
    merges.push(best.pair);
    if (!ids.has(left + right)) ids.set(left + right, ids.size);
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++) {
        if (word[i] === left && word[i + 1] === right) word.splice(i, 2, left + right);
      }
    }
  }
  return merges;
}

/** Encodes by the merges in order, and back to bytes: what a reader of the vocabulary does. */
function roundTrip({ vocab, merges }: Bpe, text: string): { ids: number[]; text: string } {
  const ids: number[] = [];
  for (const word of text.match(new RegExp(splitPattern, "gu")) ?? []) {
    const symbols = [...Buffer.from(word)].map((byte) => byteSymbols[byte]);
    for (const [left, right] of merges) {
      for (let i = 0; i + 1 < symbols.length; i++) {
        if (symbols[i] === left && symbols[i + 1] === right) symbols.splice(i, 2, left + right);
      }
    }
    ids.push(...symbols.map((symbol) => vocab[symbol]));
  }
  const tokens: string[] = []; // not Object.keys(vocab): "0" to "9" would come first
  for (const [token, id] of Object.entries(vocab)) tokens[id] = token;
  const bytes = [...ids.map((id) => tokens[id]).join("")].map((symbol) => byteSymbols.indexOf(symbol));
  return { ids, text: Buffer.from(bytes).toString() };
}

const french = [
  "L'abonnement coûte 12,50 € par mois ; l'entrée, elle, coûte 4 €. Aujourd'hui, c'est gratuit !",
  "Le livre que vous cherchez n'est pas là, mais le libraire l'attend pour le 14 mars. Le livre arrive.",
  "Nous ouvrons à 9 h et nous fermons à 18 h, du lundi au samedi. Nous fermons le lundi en août.",
];

describe("trainBpe", () => {
  it("learns the example worked out by hand", () => {
    // Words: "ab" once, "Ġab" twice, "Ġabc" once. Pairs: a b 4, Ġ a 3, b c 1. After "ab": Ġ ab 3, ab c 1.
    // After "Ġab" only Ġab c is left, once, which is not worth a token.
    const { vocab, merges } = trainBpe(["ab ab ab abc"], { vocabSize: base + 10, specialTokens });
    assert.deepEqual(merges, [
      ["a", "b"],
      ["Ġ", "ab"],
    ]);
    assert.equal(vocab["<unk>"], 0);
    assert.equal(vocab["<s>"], 1);
    assert.equal(vocab.a, 2 + 0x61);
    assert.equal(vocab.ab, base);
    assert.equal(vocab.Ġab, base + 1);
    assert.equal(Object.keys(vocab).length, base + 2);
  });

  it("counts overlapping pairs right", () => {
    assert.deepEqual(trainBpe(["aaaa", "aaaa"], { vocabSize: base + 5, specialTokens }).merges, [
      ["a", "a"],
      ["aa", "aa"],
    ]);
  });

  it("prefers the smaller ids among equally frequent pairs", () => {
    assert.deepEqual(trainBpe(["zw", "xy", "zw", "xy"], { vocabSize: base + 1, specialTokens }).merges, [
      ["x", "y"],
    ]);
  });

  it("equals the definition, merge for merge", () => {
    const { merges } = trainBpe(french, { vocabSize: base + 80, specialTokens });
    assert.ok(merges.length >= 40, `${merges.length} merges`);
    assert.deepEqual(merges, naiveMerges(french, 80));
  });

  it("is the same twice", () => {
    const train = () => JSON.stringify(trainBpe(french, { vocabSize: base + 50, specialTokens }));
    assert.equal(train(), train());
  });

  it("gives every text back, seen or unseen", () => {
    const bpe = trainBpe(french, { vocabSize: base + 80, specialTokens });
    for (const text of [...french, "Ÿ ∀ 👩‍🚀\n\n\t l'été   1234 «\u00a0où\u00a0»", "\0\x7f"]) {
      const { ids, text: back } = roundTrip(bpe, text);
      assert.equal(back, text);
      assert.ok(
        ids.every((id) => id >= specialTokens.length),
        "a text was encoded into a special token",
      );
    }
  });

  it("cuts at words, elisions, single digits and runs of punctuation", () => {
    const cut = (text: string) => text.match(new RegExp(splitPattern, "gu"));
    assert.deepEqual(cut("L'été, 120 € ?!"), ["L'", "été", ",", " ", "1", "2", "0", " €", " ?!"]);
    assert.deepEqual(cut("qu'il  dit «oui»"), ["qu'", "il", " ", " dit", " «", "oui", "»"]);
  });

  it("refuses a vocabulary without room and a token that stands twice", () => {
    assert.throws(() => trainBpe([], { vocabSize: 257, specialTokens }), {
      message: "vocabSize: expected at least 258 (special tokens and bytes), got 257",
    });
    assert.throws(
      () => trainBpe([], { vocabSize: 300, specialTokens: ["a"] }),
      /a token stands twice or is a single byte/,
    );
  });
});
