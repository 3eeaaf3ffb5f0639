import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";
import { type CompiledDomain, compileDomain } from "../../sdk/chat/domain/compile.ts";
import { loadDomain } from "../../sdk/chat/domain/domain.ts";
import { f1, labelledItemSchema, scoreItems } from "../../sdk/chat/itemScores.ts";
import { numbersIn } from "../../sdk/chat/reading/amounts.ts";
import { sentimentOf } from "../../sdk/chat/reading/sentiment.ts";
import { ReasoningSystem } from "../../sdk/chat/reasoning.ts";
import type { Conversation } from "../../sdk/chat/stage.ts";
import { findEntities } from "../../sdk/chat/stages/entities.ts";
import { findings } from "../../sdk/chat/trace.ts";

/** Sunday. */
const NOW = new Date(2026, 10, 22);
const turns = (...texts: string[]): Conversation => ({
  messages: texts.map((content, i) => ({ role: i % 2 === 0 ? "user" : "assistant", content })),
  now: NOW,
});

describe("stages", () => {
  let shop: ReasoningSystem;
  let support: ReasoningSystem;
  let french: CompiledDomain;
  before(async () => {
    shop = new ReasoningSystem(await loadDomain("ecommerce.fr"));
    support = new ReasoningSystem(await loadDomain("support.en"));
    french = compileDomain(shop.domain);
  });
  const ask = (query: string, conversation?: Conversation, system = shop) =>
    findings(system.analyse(query, conversation));

  describe("categorise", () => {
    it("reaches the bars on the development set and on the items that nothing was tuned on", () => {
      const read = (name: string) =>
        readFileSync(join(packageRoot(), "data/evaluation", name), "utf8")
          .trim()
          .split("\n")
          .map((line) => labelledItemSchema.parse(JSON.parse(line)));
      const development = scoreItems(shop, read("reasoning.fr.jsonl"));
      assert(development.category.all >= 600);
      const share = ({ right, all }: { right: number; all: number }) => right / all;
      // Measured on 2026-11-28, after tuning on these items: 97.6, 97.1, 97.6, 100 and 95.2 %.
      assert(share(development.category) >= 0.95, JSON.stringify(development.confusions));
      assert(share(development.relation) >= 0.93);
      assert(share(development.consistency) >= 0.93);
      assert(f1(development.offensive) >= 0.97);
      assert(f1(development.entities) >= 0.92);
      // Written last, and measured once: 91.7, 100 and 90.9 %, entities 98.9 %. The bars are 90, 85, 85 and 80 %.
      const unseen = scoreItems(shop, read("reasoning.unseen.fr.jsonl"));
      assert(share(unseen.category) >= 0.9, JSON.stringify(unseen.confusions));
      assert(share(unseen.relation) >= 0.85);
      assert(share(unseen.consistency) >= 0.85);
      assert(f1(unseen.entities) >= 0.8);
    });

    it("gives the scores of all categories, which sum to 1, and the words that decided", () => {
      const [entry] = shop.analyse("bonjour je veux un remboursement").entries;
      assert.equal(Object.keys(entry.scores).length, 13);
      assert(Math.abs(Object.values(entry.scores).reduce((a, b) => a + b) - 1) < 1e-9);
      const word = entry.evidence.find(({ rule, text }) => rule === "classifier" && text === "remboursement");
      assert.deepEqual([word?.start, word?.end], [19, 32]);
    });

    it("does not count courtesy beside a request, and ranks it where it is alone", () => {
      const cases: [string, string][] = [
        ["Bonjour, où est mon colis ? Merci, bonne journée", "LIVRAISON"],
        ["Bonjour !", "SALUTATION"],
        ["merci et au revoir", "FIN_CONVERSATION"],
        ["bonjour, merci", "CONVERSATION"],
      ];
      for (const [query, category] of cases) assert.equal(ask(query).categorise?.category, category, query);
      assert.equal(ask("Bonjour !").categorise?.courtesyOnly, true);
      assert.deepEqual(ask("Bonjour, où est mon colis ?").categorise?.courtesies, ["greeting"]);
    });

    it("asks back where two requests are about equally probable, and not for courtesy", () => {
      assert.equal(ask("Bonjour").categorise?.needsClarification, false);
      assert.equal(ask("Je veux un remboursement").categorise?.needsClarification, false);
      const unclear = ask("le truc du machin").categorise;
      assert.equal(unclear?.needsClarification, false, "no request is likely here");
      const two = ask("remboursement livraison").categorise;
      assert.equal(two?.needsClarification, (two?.margin ?? 1) < 0.12);
    });

    it("takes the category of a fragment from the turn before", () => {
      const before = turns("Livrez-vous en Belgique ?", "Oui.");
      const entry = shop.analyse("et en Suisse ?", before).entries[0];
      assert.match(entry.summary, /^LIVRAISON/);
      assert(entry.evidence.some(({ rule }) => rule === "continues the turn before"));
      assert.equal(ask("Vous avez un parking ?", before).categorise?.category, "INFORMATION_SITE");
    });

    it("works in English", () => {
      for (const [query, category] of [
        ["my wifi is sooo slow", "NETWORK"],
        ["forgot my acct pw", "ACCOUNT"],
        ["hello", "GREETING"],
        ["the fan doesn't stop", "LAPTOP"],
        ["restor a deleted file", "STORAGE"],
      ])
        assert.equal(ask(query, undefined, support).categorise?.category, category, query);
    });
  });

  describe("context", () => {
    const before = turns("Combien coûte la tente ?", "La tente Vire-Vent est vendue 287 €.");
    const relation = (query: string, conversation = before) => ask(query, conversation).context?.relation;

    it("calls the first question a new topic", () => {
      assert.equal(relation("et elle ?", turns()), "new_topic");
    });

    it("sees pronouns, continuations, recalls and fragments", () => {
      for (const query of [
        "elle est étanche ?",
        "et pour deux ?",
        "vous avez dit combien ?",
        "je la trouve où ?",
        "pourquoi ?",
        "pourquoi si cher",
        "c gratuit a partir de combien ?",
        "le prix ?",
      ])
        assert.equal(relation(query), "refers_to_previous", query);
      for (const query of ["Il y a un parking ?", "Le hamac est-il lourd ?", "Vendez-vous des bottes ?"])
        assert.notEqual(relation(query), "refers_to_previous", query);
    });

    it("tells the same topic from a new one by theme vectors that move with the talk", () => {
      assert.equal(relation("Peut-on payer par chèque ?"), "same_topic");
      assert.equal(relation("J'ai oublié mon mot de passe"), "new_topic");
      const value = ask("J'ai oublié mon mot de passe", before).context;
      assert.equal(Object.keys(value?.queryThemes ?? {})[0], "compte");
      assert(
        (value?.themes.paiement ?? 0) > 0 && (value?.themes.compte ?? 0) > (value?.themes.paiement ?? 1),
      );
      const norm = Object.values(value?.themes ?? {}).reduce((sum, w) => sum + w * w, 0);
      assert(Math.abs(norm - 1) < 1e-9);
    });
  });

  describe("entities", () => {
    const found = (query: string, domain = french) => {
      const value = findEntities(domain.analyse(query), domain, NOW);
      return Object.fromEntries(
        Object.entries(value).flatMap(([kind, list]) =>
          list.length === 0 ? [] : [[kind, list.map(({ text, normal }) => `${text} = ${normal}`)]],
        ),
      );
    };

    it("finds each kind with its normal form", () => {
      assert.deepEqual(found("La brouette hirondelle est cassée, cmd n° 784512, remboursez 45,50€ à Lyon"), {
        products: ["brouette hirondelle = Hirondelle"],
        actions: ["remboursez = rembourser"],
        concerns: ["cassée = article cassé"],
        order_numbers: ["784512 = 784512"],
        amounts: ["45,50€ = 45.50 EUR"],
        locations: ["Lyon = Lyon"],
      });
    });

    it("finds troubles, places and goods that no list has, by the shape of the sentence", () => {
      const [refroidir, fendu] = ["le frigo ne refroidit plus", "l'écran est arrivé fendu"];
      assert.deepEqual(found(refroidir).concerns, ["ne refroidit plus = ne refroidit plus"]);
      assert.deepEqual(found(fendu).concerns, ["fendu = fendu"]);
      assert.deepEqual(found("le colis bloqué à Gennevilliers").locations, ["Gennevilliers = Gennevilliers"]);
      assert.deepEqual(found("avez-vous des mandolines ?").products, ["mandolines = mandoline"]);
      assert.deepEqual(found("un pantalon de pluie").products, ["pantalon de pluie = pantalon"]);
      const english = compileDomain(support.domain);
      assert.deepEqual(found("my laptop won't wake up", english).concerns, [
        "won't wake up = will not wake up",
      ]);
      // What a person does not do, a wish, a day and a known word are none of it.
      for (const query of ["je ne danse pas", "une poêle qui attache pas", "il arrive mardi", "il a Paypal"])
        for (const kind of ["concerns", "locations"]) assert.equal(found(query)[kind], undefined, query);
      assert.deepEqual(found("la poêle de ma mère").products, ["poêle = poêle"]);
    });

    it("reads no phrase across a comma, and no grammar word as a trouble", () => {
      assert.equal(found("il est pas, la caisse est là").concerns, undefined);
      assert.equal(found("pourriez-vous me dire").concerns, undefined);
      assert.equal(found("où se trouve le magasin").actions, undefined);
    });

    it("says where in the text", () => {
      const query = "où est CMD-88213 ?";
      const [entity] = findEntities(french.analyse(query), french, NOW).order_numbers;
      assert.equal(query.slice(entity.start, entity.end), "CMD-88213");
      assert.equal(entity.normal, "CMD88213");
    });

    it("reads times relative to today", () => {
      for (const [query, normal] of [
        ["hier", "hier = 2026-11-21"],
        ["après-demain", "après-demain = 2026-11-24"],
        ["depuis 3 jours", "depuis 3 jours = 2026-11-19"],
        ["dans deux semaines", "dans deux semaines = 2026-12-06"],
        ["le 12 mars", "12 mars = 2027-03-12"],
        ["le 3/11/2026", "3/11/2026 = 2026-11-03"],
        ["samedi", "samedi = 2026-11-28"],
        ["j'attends depuis mardi", "depuis mardi = 2026-11-17"],
        ["lundi dernier", "lundi dernier = 2026-11-16"],
        ["à 9 h 40", "9 h 40 = 09:40"],
        ["j'ai commandé lundi", "lundi = 2026-11-16"],
        ["g commande une table lundi", "lundi = 2026-11-16"],
        ["colis reçu le samedi", "samedi = 2026-11-21"],
        ["je serai livré samedi", "samedi = 2026-11-28"],
        ["vous livrez lundi", "lundi = 2026-11-23"],
        ["10 jours", "10 jours = P10D"],
        ["livraison prévue le 24", "24 = 2026-11-24"],
      ])
        assert.deepEqual(found(query).time_references, [normal], query);
      for (const query of ["le 24 est trop petit", "entre le 13 et le 14", "un vélo pour 8 ans"])
        assert.equal(found(query).time_references, undefined, query);
      const english = compileDomain(support.domain);
      assert.deepEqual(found("two days ago", english).time_references, ["two days ago = 2026-11-20"]);
      assert.deepEqual(found("I ordered it on Monday", english).time_references, ["Monday = 2026-11-16"]);
      assert.deepEqual(found("are you open on Monday", english).time_references, ["Monday = 2026-11-23"]);
      assert.deepEqual(found("it may fail", english).time_references, undefined);
    });

    it("reads amounts in digits and words", () => {
      for (const [query, normal] of [
        ["12€50", "12€50 = 12.50 EUR"],
        ["30 euros", "30 euros = 30.00 EUR"],
        ["vingt-cinq euros", "vingt-cinq euros = 25.00 EUR"],
      ])
        assert.deepEqual(found(query).amounts, [normal], query);
      const values = (text: string) =>
        numbersIn(french.analyse(text), french).map(({ value, unit }) => [value, unit]);
      assert.deepEqual(values("1 940 points, vingt et un jours"), [
        [1940, "point"],
        [21, "jour"],
      ]);
      assert.deepEqual(values("http://10.77.0.1"), []);
      assert.deepEqual(values("quatre-vingt-dix kg"), [[90, "kg"]]);
    });
  });

  describe("approach", () => {
    it("understands negation in the mood", () => {
      const mood = (text: string) => sentimentOf(french.analyse(text), french).label;
      for (const text of ["je ne suis pas content", "mécontent", "toujours pas reçu", "C'EST NUL !!!"])
        assert.equal(mood(text), "negative", text);
      for (const text of ["je suis très content", "c'est super", "j'adore"])
        assert.equal(mood(text), "positive", text);
      // "conte" has the stem of "content".
      for (const text of ["aucun problème", "ce n'est pas cassé", "le prix ?", "l'heure du conte"])
        assert.equal(mood(text), "neutral", text);
    });

    it("chooses tone, format and the template with the most conditions met", () => {
      const angry = ask("Ma commande CMD-88213 est en retard, inadmissible").approach;
      assert.equal(angry?.tone, "apologetic");
      const order = ask("Quel est le statut de la commande CMD-88213 ?").approach;
      assert.equal(order?.begin, "Pour la commande CMD88213 :");
      assert.equal(ask("Quels sont les délais de livraison ?").approach?.begin, "Pour votre livraison :");
      assert.equal(ask("Comment suivre mon colis ?").approach?.format, "steps");
      assert.equal(ask("Combien pèse la brouette ?").approach?.asksFor, "quantity");
      assert.equal(ask("Bonjour").approach?.tone, "warm");
    });

    it("keeps calm at insults, and takes innocent words for what they are", () => {
      const rude = ask("vous êtes des abrutis").approach;
      assert.deepEqual([rude?.offensive, rude?.tone], [true, "calm"]);
      assert.equal(rude?.begin, shop.domain.courtesy.replies.insult);
      assert.equal(ask("je sais où vous habitez").approach?.begin, shop.domain.courtesy.replies.threat);
      for (const query of ["table sale", "des concombres", "un pique-nique", "le TG 450"])
        assert.equal(ask(query).approach?.offensive, false, query);
    });
  });
});
