import assert from "node:assert/strict";
import { loadDomain } from "../../sdk/chat/domain/domain.ts";
import { ReasoningSystem } from "../../sdk/chat/reasoning.ts";
import type { Conversation } from "../../sdk/chat/stage.ts";
import type { ConsistencyFinding } from "../../sdk/chat/stages/consistency.ts";

/** Sunday. */
const NOW = new Date(2026, 10, 22);
const turns = (...texts: string[]): Conversation => ({
  messages: texts.map((content, i) => ({ role: i % 2 === 0 ? "user" : "assistant", content })),
  now: NOW,
});

describe("checks of answers", () => {
  let shop: ReasoningSystem;
  before(async () => {
    shop = new ReasoningSystem(await loadDomain("ecommerce.fr"));
  });
  const check = (query: string, answer: string, conversation: Conversation = turns()): ConsistencyFinding => {
    const trace = shop.analyse(query, conversation);
    return shop.check(answer, trace, conversation);
  };
  const kinds = (query: string, answer: string, conversation?: Conversation) =>
    check(query, answer, conversation).issues.map(({ kind }) => kind);

  it("passes right answers", () => {
    for (const [query, answer] of [
      ["Combien pèse la brouette ?", "La brouette Hirondelle pèse 11,3 kg à vide."],
      [
        "Bonjour, livrez-vous en Espagne ?",
        "Bonjour, nous expédions vers la Belgique, le Luxembourg, l'Irlande et la Slovénie.",
      ],
      ["Bonjour", "Bonjour et bienvenue à La Brouette Cuivrée !"],
      ["Combien coûte le retrait ?", "Le retrait en boutique est gratuit, 90 minutes après la validation."],
    ])
      assert.deepEqual(check(query, answer), { consistent: true, score: 1, issues: [] }, query);
  });

  it("finds each kind of fault and says it in the domain's language", () => {
    const one = (
      query: string,
      answer: string,
      kind: string,
      message: string,
      conversation?: Conversation,
    ) => {
      const issue = check(query, answer, conversation).issues.find((found) => found.kind === kind);
      assert.equal(issue?.message, message, JSON.stringify(check(query, answer, conversation)));
    };
    one(
      "bonjour",
      "Bonjour ! La livraison coûte 5,60 €.",
      "off_topic",
      "La réponse parle de colis, la question de salutation seule, sans demande.",
    );
    one(
      "Puis-je payer par chèque ?",
      "Oui, nous acceptons les chèques.",
      "contradicts_fact",
      "La réponse dit oui, or : « Nous acceptons la carte bancaire, PayPal, Bancontact et le virement, mais plus les chèques depuis le printemps dernier. »",
    );
    one(
      "remboursez mes 80 €",
      "Nous vous rembourserons 18 €.",
      "changes_number",
      "La réponse parle de 18.00 EUR au lieu de 80.00 EUR.",
    );
    one(
      "j'ai reçu deux articles",
      "Vos trois articles sont bien partis.",
      "changes_number",
      "La réponse parle de trois au lieu de deux.",
    );
    one(
      "vous êtes sûr ?",
      "Elle part dans trois semaines.",
      "contradicts_earlier",
      "La réponse dit « Elle part dans trois semaines », une réponse précédente disait « Elle part demain ».",
      {
        messages: [
          { role: "user", content: "quand part ma commande ?" },
          { role: "assistant", content: "Elle part demain." },
        ],
      },
    );
    one(
      "mon code promo est refusé",
      "Vérifiez que votre routeur est branché.",
      "does_not_answer",
      "La réponse ne dit rien de ce qui est demandé.",
    );
    one(
      "combien de temps est garanti le sécateur Bec-Croisé ?",
      "Le sécateur Bec-Croisé est garanti 24 mois.",
      "contradicts_fact",
      "La réponse dit 24 au lieu de vingt-deux.",
    );
    one(
      "quel est le numéro du service client ?",
      "Appelez le +41 22 700 11 33.",
      "invents",
      "La réponse invente « +41 22 700 11 33 ».",
    );
    one(
      "Le canapé est disponible ?",
      "Le canapé est un meuble sur lequel on s'assoit.",
      "does_not_answer",
      "La réponse ne dit rien de ce qui est demandé.",
    );
    one(
      "elle est lourde ?",
      "Les girafes dorment debout.",
      "off_topic",
      "La réponse ne parle pas d'existence ou choix d'articles.",
      {
        messages: [
          { role: "user", content: "Avez-vous une tente légère ?" },
          { role: "assistant", content: "Oui." },
        ],
      },
    );
    one(
      "le hamac est dispo ?",
      "Oui, le hamac est épuisé.",
      "contradicts_question",
      "La question dit « disponible », la réponse « epuise ».",
    );
    one(
      "ma cafetière fuit",
      "Désolé pour votre imprimante, quel est votre numéro de commande ?",
      "changes_product",
      "La réponse parle de imprimante au lieu de cafetière.",
    );
    one(
      "où est votre boutique ?",
      "Elle est ouverte.",
      "does_not_answer",
      "La question demande un lieu, la réponse n'en donne pas.",
    );
    one(
      "puis-je payer en 3 fois ?",
      "Le paiement en 3 fois est une bonne question.",
      "does_not_answer",
      "La réponse ne dit rien de ce qui est demandé.",
    );
    one(
      "les chiens sont acceptés ?",
      "Non, les chiens sont interdits.",
      "contradicts_fact",
      "La réponse dit non, or : « Les chiens tenus en laisse sont les bienvenus au magasin, où une gamelle d'eau fraîche les attend à l'entrée. »",
    );
    const weight = "Combien pèse la brouette ?";
    one(weight, " … ", "empty", "La réponse est vide.");
    one(
      weight,
      "The wheelbarrow is not very heavy and you can lift it with one hand.",
      "wrong_language",
      "La réponse n'est pas en français.",
    );
    one(
      "Où est mon colis ?",
      "Your parcel will arrive tomorrow.",
      "wrong_language",
      "La réponse n'est pas en français.",
    );
    one(
      "Puis-je payer par chèque ?",
      "Les girafes dorment debout sous les acacias.",
      "off_topic",
      "La réponse ne parle pas de moyens de paiement.",
    );
    one(
      "La lampe est disponible ?",
      "Oui, le canapé est en stock.",
      "changes_product",
      "La réponse parle de canapé au lieu de lampe.",
    );
    one(
      weight,
      "Excellente question ! La brouette Hirondelle pèse 11,3 kg.",
      "pads_greeting",
      "La réponse commence par une formule inutile.",
    );
    one(weight, "La brouette brouette brouette pèse 11,3 kg.", "repeats", "La réponse se répète.");
    one(
      weight,
      "La brouette Hirondelle pèse 13,3 kg à vide, grâce à sa caisse en aluminium.",
      "contradicts_fact",
      "La réponse dit 13,3 au lieu de 11,3.",
    );
    one(
      "Le Loriot est-il lourd ?",
      "La Noctule éclaire 23 heures.",
      "changes_product",
      "La réponse parle de Noctule au lieu de Loriot.",
    );
    one(
      "Livrez-vous à Lyon ?",
      "Oui, votre colis arrive à Paris.",
      "changes_place",
      "La réponse parle de Paris au lieu de Lyon.",
    );
    one(
      "Où en est la commande 784512 ?",
      "La commande 784513 part demain.",
      "changes_number",
      "La réponse parle de 784513 au lieu de 784512.",
    );
    one(
      "Combien de temps dure l'enquête ?",
      "L'enquête est en cours.",
      "does_not_answer",
      "La question demande un moment, la réponse n'en donne pas.",
    );
    one(
      "Je veux un remboursement",
      "Un parking ombragé de 26 places se trouve derrière la filature, gratuit pour nos visiteurs pendant deux heures.",
      "off_topic",
      "La réponse ne dit pas ce qui est demandé : « Le remboursement apparaît sur votre compte bancaire onze jours au plus après l'arrivée du retour dans notre entrepôt. »",
    );
    one(
      "Et pour le colis ?",
      "Un colis pour la Lune arrive en 12 jours.",
      "contradicts_earlier",
      "La réponse dit 12, une réponse précédente disait 14.",
      turns("Et la Lune ?", "Un colis pour la Lune arrive en 14 jours."),
    );
    one(
      "donc vous êtes ouverts le dimanche ?",
      "Oui, nous sommes ouverts.",
      "contradicts_earlier",
      "La réponse dit « Oui, nous sommes ouverts », une réponse précédente disait « Non, le dimanche nous fermons ».",
      turns("Êtes-vous ouverts le dimanche ?", "Non, le dimanche nous fermons."),
    );
  });

  it("lets pass what only looks like a fault", () => {
    const earlier = (user: string, assistant: string): Conversation => ({
      messages: [
        { role: "user", content: user },
        { role: "assistant", content: assistant },
      ],
    });
    for (const [query, answer, conversation] of [
      ["Avez-vous un magasin à Paris ?", "Non, notre magasin se trouve à Aubusson."],
      ["le retrait en magasin est payant ?", "Non, le retrait en boutique est gratuit."],
      ["le hamac est dispo ?", "Non, le hamac est épuisé."],
      ["Le colis part à Nîmes ?", "Oui, il part à Nîmes demain."],
      ["commande 88120 annulée ?", "Oui, la commande 88120 est bien annulée."],
      [
        "vraiment gratuit ?",
        "Oui, le retrait ne coûte rien.",
        earlier("le retrait est gratuit ?", "Oui, il est gratuit."),
      ],
      ["c'est quoi un sécateur ?", "Un sécateur est un outil qui coupe les branches."],
    ] as [string, string, Conversation?][])
      assert.deepEqual(check(query, answer, conversation).issues, [], query);
  });

  it("takes a greeting that nobody gave for padding, and an honest refusal for an answer", () => {
    const answer = "Bonjour ! La brouette Hirondelle pèse 11,3 kg.";
    assert.deepEqual(kinds("Combien pèse la brouette ?", answer), ["pads_greeting"]);
    assert.deepEqual(kinds("Bonjour, combien pèse la brouette ?", answer), []);
    assert.deepEqual(kinds("Combien de salariés avez-vous ?", "Je ne sais pas combien, désolé."), []);
  });

  it("flags at most 2 % of the bundled answers, and 90 % of those with a changed number", () => {
    let [flagged, changed, caught] = [0, 0, 0];
    for (const { text, category } of shop.domain.facts) {
      const query = shop.domain.categories.find(({ id }) => id === category)?.examples[0] ?? "";
      const finding = check(query, text);
      if (finding.issues.some(({ kind }) => kind === "contradicts_fact")) flagged++;
      const other = text.replace(/\d+/, (digits) => String(Number(digits) + 3));
      if (other === text) continue;
      changed++;
      if (!check(query, other).consistent) caught++;
    }
    assert(flagged <= 1, `${flagged} flagged`);
    assert(changed >= 30 && caught / changed >= 0.9, `${caught} of ${changed}`);
  });
});
