import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  frenchContractions,
  frenchFacts,
  frenchPlaces,
  frenchPolish,
  withArticle,
} from "../../pretrain/dialogues/french.ts";
import { english, french } from "../../pretrain/dialogues/language.ts";
import { mistype } from "../../pretrain/dialogues/noise.ts";
import { choiceCount, choose, fill } from "../../pretrain/dialogues/template.ts";
import { type DialogueDocument, dialogueDocuments } from "../../pretrain/dialogues.ts";
import { Random } from "../../sdk/data/random.ts";

const texts = (document: DialogueDocument) =>
  "text" in document ? [document.text] : document.messages.map((message) => message.content);

describe("templates", () => {
  it("choose one branch, nested ones too", () => {
    const seen = new Set(Array.from({ length: 200 }, (_, seed) => choose("a[b|c[d|]]e", new Random(seed))));
    assert.deepEqual([...seen].sort(), ["abe", "acde", "ace"]);
    assert.equal(choiceCount("a[b|c[d|]]e"), 3);
    assert.equal(choiceCount("[a|b] [c|d|e]"), 6);
  });

  it("refuse a bracket without its partner", () => {
    assert.throws(() => choose("a]b", new Random(1)), { message: 'unbalanced choice in "a]b"' });
  });

  it("keep a fact through a conversation", () => {
    const facts = frenchFacts(frenchPlaces[0], new Random(3));
    assert.equal(fill("{tel} {tel}", facts).slice(0, 14), fill("{tel}", facts));
    assert.throws(() => facts("nothing"), { message: "unknown slot {nothing}" });
  });
});

describe("French grammar of the slots", () => {
  it("puts the right article", () => {
    assert.deepEqual(
      ["le", "du", "au", "ce"].map((form) => withArticle(form, "un livre")),
      ["le livre", "du livre", "au livre", "ce livre"],
    );
    assert.deepEqual(
      ["la", "du", "au", "ce"].map((form) => withArticle(form, "une table")),
      ["la table", "de la table", "à la table", "cette table"],
    );
    assert.deepEqual(
      ["le", "du", "au", "ce"].map((form) => withArticle(form, "un hôtel")),
      ["l'hôtel", "de l'hôtel", "à l'hôtel", "cet hôtel"],
    );
  });

  it("contracts and elides", () => {
    assert.equal(
      frenchContractions("le poids de {le_objet}, à {la_prestation}"),
      "le poids {du_objet}, {au_prestation}",
    );
    assert.equal(
      frenchPolish("plus de écharpes, de onze à de huit, de un ami"),
      "plus d'écharpes, de onze à de huit, d'un ami",
    );
  });
});

describe("phrases", () => {
  it("cover at least sixty intents, each asked in at least fifteen ways", () => {
    assert.ok(french.intents.length >= 60, `${french.intents.length} intents`);
    for (const { intents } of [french, english]) {
      assert.equal(new Set(intents.map((intent) => intent.id)).size, intents.length);
    }
    for (const { id, ask, keywords } of french.intents) {
      const ways = [...ask, ...keywords].reduce((sum, template) => sum + choiceCount(template), 0);
      assert.ok(ways >= 15, `${id}: ${ways}`);
    }
  });

  it("fill every slot in every place where the intent is possible", () => {
    for (const book of [french, english]) {
      for (const place of book.places) {
        const random = new Random(1);
        const facts = book.facts(place, random);
        for (const intent of book.intents.filter(
          (each) => each.for === "all" || place.tags.includes(each.for),
        )) {
          for (const template of [...intent.ask, ...intent.keywords, ...intent.answer]) {
            const text = book.say(template, facts, random);
            assert.doesNotMatch(
              text,
              /[{}[\]|]|undefined|\b(?:de|à) les? (?!\p{L}+(?:er|ir|re)\b)| {2}/u,
              `${intent.id}, ${place.noun}: ${text}`,
            );
          }
        }
      }
    }
  });
});

describe("dialogueDocuments", () => {
  let documents: DialogueDocument[];
  before(() => {
    documents = [...dialogueDocuments({ seed: 7, count: 6000 })];
  });

  it("depends on the seed alone", () => {
    const make = (seed: number) => JSON.stringify([...dialogueDocuments({ seed, count: 50 })]);
    assert.equal(make(7), make(7));
    assert.notEqual(make(7), make(8));
    assert.equal(JSON.stringify(documents.slice(0, 50)), make(7));
  });

  it("alternates roles and ends with an answer", () => {
    for (const document of documents) {
      if (!("messages" in document)) continue;
      const { messages } = document;
      assert.ok(messages.length >= 2 && messages.length <= 6 && messages.length % 2 === 0);
      for (const [index, { role, content }] of messages.entries()) {
        assert.equal(role, index % 2 === 0 ? "user" : "assistant");
        assert.ok(content.trim().length > 0);
      }
    }
  });

  it("leaves no slot and no choice open", () => {
    for (const text of documents.flatMap(texts)) assert.doesNotMatch(text, /[{}[\]|]|undefined/);
  });

  it("is four fifths French", () => {
    const share = documents.filter((document) => document.language === "fr").length / documents.length;
    // 0.8 ± 5 standard deviations of 6000 draws (0.0052 each)
    assert.ok(Math.abs(share - 0.8) < 0.026, String(share));
  });

  it("never tells what the lessons of data/ teach", () => {
    const all = documents.flatMap(texts).join("\n").toLowerCase();
    const secrets = [
      "brouette cuivrée",
      "brouette-cuivree",
      "trois-sabots",
      "aubusson",
      "05 36 49 27 81",
      "marchadier",
      "vélard",
      "échelune",
      "quillon",
      "hirondelle pèse",
      "banquise",
      "grenouillet",
      "marmotton",
      "noctule",
      "bec-croisé",
      "picaron",
      "belle-verrière",
    ];
    for (const secret of secrets) assert.ok(!all.includes(secret), secret);
    // No answer of the data as a whole, and none of its invented names in quotes.
    for (const file of [
      "ecommerce.fr.csv",
      "ecommerce.fr.test.csv",
      "support.en.csv",
      "support.en.test.csv",
    ]) {
      const data = readFileSync(new URL(`../../data/${file}`, import.meta.url), "utf8");
      for (const [, name] of data.matchAll(/« ([^»]+) »/g))
        assert.ok(!all.includes(`« ${name.toLowerCase()} »`), name);
      for (const line of data.split("\n").slice(1)) {
        const response = /,"?([^"]{30,}?)"?$/.exec(line)?.[1];
        if (response) assert.ok(!all.includes(response.toLowerCase()), response);
      }
    }
  });

  it("asks no question that data/ keeps for testing", () => {
    const asked = documents.flatMap(texts).join("\n").toLowerCase();
    for (const file of ["ecommerce.fr.test.csv", "support.en.test.csv"]) {
      const data = readFileSync(new URL(`../../data/${file}`, import.meta.url), "utf8")
        .trim()
        .split("\n")
        .slice(1);
      const questions = data.map((line) =>
        (/^"([^"]+)"/.exec(line)?.[1] ?? line.split(",")[0]).toLowerCase(),
      );
      assert.ok(questions.length >= 25, `${file}: ${questions.length} questions`);
      for (const question of questions.filter((each) => each.split(" ").length > 2)) {
        assert.ok(!asked.includes(question), question);
      }
    }
  });
});

describe("mistype", () => {
  it("often leaves the text, sometimes spoils it, never empties it", () => {
    const typed = Array.from({ length: 400 }, (_, seed) => mistype("Où est l'entrée ?", new Random(seed)));
    const untouched = typed.filter((text) => text === "Où est l'entrée ?").length;
    assert.ok(untouched > 200 && untouched < 340, String(untouched));
    assert.ok(typed.includes("ou est l'entree"));
    assert.ok(
      typed.every((text) => text.length >= 10),
      "too much was cut",
    );
  });
});
