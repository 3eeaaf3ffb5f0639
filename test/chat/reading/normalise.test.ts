import assert from "node:assert/strict";
import { english } from "../../../sdk/chat/language/english/english.ts";
import { french } from "../../../sdk/chat/language/french/french.ts";
import { analyseText, fold, oneEditApart, Speller } from "../../../sdk/chat/reading/normalise.ts";
import { PhraseIndex } from "../../../sdk/chat/reading/phrases.ts";

const words = (text: string, language = french) => analyseText(text, language).tokens.map((t) => t.word);
const stem = (word: string) => french.stem(fold(word));

describe("normalise", () => {
  it("folds case, accents, ligatures and apostrophes", () => {
    assert.equal(fold("ÉTÉ Cœur l’Œuvre"), "ete coeur l'oeuvre");
  });

  it("leaves elided articles out and keeps the negation", () => {
    assert.deepEqual(words("l'arrosoir n’est pas d'ici"), ["arrosoir", "ne", "est", "pas", "ici"]);
    assert.deepEqual(words("existe-t-il en 34 l ?"), ["existe", "il", "en", "34", "l", "?"]);
  });

  it("spells out abbreviations, which keep the place of what was typed", () => {
    const { tokens } = analyseText("ma cmd svp", french);
    assert.deepEqual(
      tokens.slice(0, 2).map(({ word, start, end, repaired }) => ({ word, start, end, repaired })),
      [
        { word: "ma", start: 0, end: 2, repaired: false },
        { word: "commande", start: 3, end: 6, repaired: true },
      ],
    );
    assert.equal(tokens.at(-1)?.word, "plait");
  });

  it("reads n't as not", () => {
    assert.deepEqual(words("It doesn't; I can't, won’t", english).slice(1, 3), ["does", "not"]);
    assert.deepEqual(words("can't won't", english), ["can", "not", "will", "not"]);
  });

  it("calms drawn-out letters and leaves numbers alone", () => {
    assert.deepEqual(words("merciiii 1000"), ["merci", "1000"]);
  });

  it("gives plurals, genders and conjugations one stem", () => {
    for (const group of [
      ["livrer", "livré", "livrée", "livrez", "livre", "livrés"],
      ["rembourser", "remboursement", "remboursé"],
      ["journal", "journaux"],
    ])
      assert.equal(new Set(group.map(stem)).size, 1, group.join());
    assert.equal(stem("client"), "client");
    for (const group of [
      ["battery", "batteries"],
      ["setting", "settings", "set"],
      ["switch", "switches"],
      ["update", "updated", "updating"],
    ])
      assert.equal(new Set(group.map(english.stem)).size, 1, group.join());
  });

  it("knows one edit from two", () => {
    for (const [a, b] of [
      ["colis", "coli"],
      ["coli", "colis"],
      ["colis", "colis2"],
      ["colis", "clois"],
      ["colis", "colas"],
    ])
      assert.equal(oneEditApart(a, b), true, `${a} ${b}`);
    for (const [a, b] of [
      ["colis", "colis"],
      ["colis", "col"],
      ["colis", "salis"],
    ])
      assert.equal(oneEditApart(a, b), false, `${a} ${b}`);
  });

  it("takes nothing for a common word of the language, which is no error itself", () => {
    const speller = new Speller(new Map([["conte", 5]]), { ...french, commonWords: ["contre", "menteur"] });
    assert.equal(speller.repair("contre"), undefined);
    assert.equal(speller.repair("monteur"), undefined);
    assert.equal(speller.repair("conttre"), undefined);
  });

  it("repairs typing errors, but no short, known or far words", () => {
    const known = new Map([
      ["livraison", 3],
      ["table", 1],
      ["commande", 2],
      ["commandes", 1],
    ]);
    const speller = new Speller(known, { ...french, elisions: new Map() });
    assert.equal(speller.repair("livrason"), "livraison");
    assert.equal(speller.repair("livriason"), "livraison");
    assert.equal(speller.repair("comande"), "commande");
    assert.equal(speller.repair("tabel"), "table");
    for (const word of [
      "vommande",
      "sable",
      "table",
      "cable",
      "tible",
      "tabl",
      "commander",
      "voiture",
      "12345",
    ])
      assert.equal(speller.repair(word), undefined, word);
    assert.equal(speller.knows("tables"), true);
  });
});

describe("phrases", () => {
  const index = new PhraseIndex(
    ["point relais", "point", "frais de port"].map((phrase) => ({ entry: phrase, phrase })),
    (text) => analyseText(text, french),
  );
  it("finds the longest phrase at each place, in any number", () => {
    const { tokens } = analyseText("des points relais, un point et les frais de ports", french);
    assert.deepEqual(
      index.find(tokens).map(({ entry, from, to }) => [entry, from, to]),
      [
        ["point relais", 1, 3],
        ["point", 4, 5],
        ["frais de port", 7, 10],
      ],
    );
  });
});
