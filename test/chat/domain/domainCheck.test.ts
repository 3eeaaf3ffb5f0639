import assert from "node:assert/strict";
import { loadDomain, parseDomain } from "../../../sdk/chat/domain/domain.ts";
import { checkDomain } from "../../../sdk/chat/domain/domainCheck.ts";
import { newDomain } from "../../../sdk/chat/domain/domainNew.ts";
import { reasonAbout } from "../../../sdk/chat/items.ts";
import { ReasoningSystem } from "../../../sdk/chat/reasoning.ts";

describe("a domain of one's own", () => {
  it("begins small and valid, in the language and name asked for", async () => {
    for (const [base, greeting] of [
      ["ecommerce.fr", "Bonjour"],
      ["support.en", "Hello"],
    ]) {
      const domain = parseDomain(newDomain("Mon Club", await loadDomain(base), "schema.json"));
      assert.equal(domain.name, "Mon Club");
      const reasoning = new ReasoningSystem(domain);
      const role = (id?: string) => domain.categories.find((category) => category.id === id)?.role;
      assert.equal(role(reasonAbout(reasoning, { query: greeting }).category), "greeting");
      const { phrase, category } = {
        phrase: domain.categories[1].examples[0],
        category: domain.categories[1].id,
      };
      assert.equal(reasonAbout(reasoning, { query: phrase }).category, category);
      assert.doesNotMatch(JSON.stringify(domain.ui), /Brouette|Quillon/);
      // Small talk with many phrases would drown the requests of an author who has a dozen.
      for (const { examples, keywords } of domain.categories) {
        assert.ok(examples.length <= 15, `${examples.length}`);
        assert.ok(keywords.length <= 20, `${keywords.length}`);
      }
    }
  });

  it("takes no ordinary word for a typing error of one of its few", async () => {
    const shop = await loadDomain("ecommerce.fr");
    const library = structuredClone(newDomain("Médiathèque", shop, "schema.json"));
    library.categories[0].keywords.push(
      "conte",
      "fraise",
      "papier",
      "urgente",
      "casse",
      "salaire",
      "peinture",
    );
    const { compiled } = new ReasoningSystem(parseDomain(library));
    const health = await loadDomain("sante.fr");
    const texts = [shop, health].flatMap(({ facts, categories }) => [
      ...facts.map(({ text }) => text),
      ...categories.flatMap(({ answers }) => answers),
    ]);
    const tokens = texts.flatMap((text) => compiled.analyse(text).tokens);
    const wrong = tokens.filter(({ repaired, word, text }) => repaired && word !== text.toLowerCase());
    // One of 2,728 (2026-11-28; it was 40 before there were so many common words); a domain that ships may add a few.
    assert.ok(
      tokens.length > 2000 && wrong.length <= 0.004 * tokens.length,
      wrong.map(({ text, word }) => `${text} → ${word}`).join(", "),
    );
    assert.equal(compiled.analyse("contre la caisse").tokens[0].word, "contre");
  });

  it("is told which words two categories claim, and which phrases go astray", async () => {
    const domain = structuredClone(await loadDomain("sante.fr"));
    assert.deepEqual(checkDomain(domain).claimedTwice, []);
    const [first, second] = domain.categories;
    second.keywords.push(first.keywords[0]);
    // The very phrase of another category cannot be learnt here.
    second.examples.push("J'ai très mal au ventre et de la fièvre");
    const report = checkDomain(structuredClone(domain));
    assert.deepEqual(report.claimedTwice, [{ word: first.keywords[0], categories: [first.id, second.id] }]);
    const astray = report.astray.find(({ phrase }) => phrase.startsWith("J'ai très mal"));
    assert.deepEqual([astray?.category, astray?.landsIn], [second.id, "URGENCE"]);
    assert(report.heldOut > 0.6 && report.heldOut < 1);
  });

  it("is told how many questions of a file it understands", async () => {
    const domain = await loadDomain("sante.fr");
    const { coverage } = checkDomain(domain, [
      "Je voudrais un rendez-vous",
      "Combien coûte une consultation ?",
    ]);
    assert.equal(coverage?.questions, 2);
    assert.equal(coverage?.byCategory.RENDEZ_VOUS, 1);
    assert.equal(
      Object.values(coverage?.byCategory ?? {}).reduce((a, b) => a + b),
      2,
    );
  });
});

describe("reasoning about items", () => {
  let shop: ReasoningSystem;
  before(async () => {
    shop = new ReasoningSystem(await loadDomain("ecommerce.fr"));
  });

  it("gives what each stage found, and the check where there is a response", () => {
    const item = {
      id: "a",
      query: "je veux annuler la commande 4521 passée hier",
      response: "Votre commande 4512 est annulée.",
      now: "2026-11-28",
    };
    const found = reasonAbout(shop, item);
    assert.equal(found.id, "a");
    assert.equal(found.category, "RETOUR");
    assert.equal(found.scores?.RETOUR, Math.max(...Object.values(found.scores ?? {})));
    assert.deepEqual(
      Object.entries(found.entities ?? {}).flatMap(([kind, list]) =>
        list.map(({ normal }) => `${kind} ${normal}`),
      ),
      ["actions annuler", "time_references 2026-11-27", "order_numbers 4521"],
    );
    assert.deepEqual(
      [found.relation, found.sentiment, found.offensive, found.consistent, found.issues?.[0].kind],
      ["new_topic", "neutral", false, false, "changes_number"],
    );
    assert.equal(reasonAbout(shop, { query: "bonjour" }).consistent, undefined);
  });

  it("says which field is wrong", () => {
    assert.throws(() => reasonAbout(shop, {}), /^Error: query: Invalid input: expected string/);
    assert.throws(
      () => reasonAbout(shop, { query: "a", history: [{ role: "me" }] }),
      /^Error: history\.0\.role: /,
    );
    assert.throws(() => reasonAbout(shop, 7), /^Error: the item: /);
  });
});
