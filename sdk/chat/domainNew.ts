/** The beginning of a new domain: complete and valid, small, with what to write in its place said in the values. */
import type { z } from "zod";
import type { Domain, domainSchema } from "./domainSchema.ts";

type DomainFile = z.input<typeof domainSchema>;

const KEPT_EXAMPLES = 45;

const WORDS = {
  fr: {
    systemPrompt: (name: string) =>
      `Tu es l'assistant de ${name}. Tu réponds en français, poliment, en une ou deux phrases, et seulement avec des faits sûrs.`,
    welcome: (name: string) => `Bienvenue : ${name}. Posez votre question, ou tapez « aide ».`,
    fallback: "Je préfère ne pas répondre au hasard. Pouvez-vous préciser votre question ?",
    fact: "Notre accueil est ouvert du lundi au vendredi de 9 h à 17 h.",
    first: {
      id: "HORAIRES",
      description: "horaires et lieu : quand et où venir",
      keywords: ["horaires", "ouvert", "fermé", "adresse", "venir"],
      examples: ["Quels sont vos horaires ?", "vous etes ouvert samedi", "C'est à quelle adresse ?"],
      answers: ["Nous sommes ouverts du lundi au vendredi."],
    },
    second: {
      id: "RENDEZ_VOUS",
      description: "prendre, déplacer ou annuler un rendez-vous",
      keywords: ["rendez-vous", "réserver", "déplacer", "annuler"],
      examples: ["Je voudrais un rendez-vous", "annuler mon rdv de demain", "Peut-on décaler à jeudi ?"],
      answers: ["Votre rendez-vous est déplacé à jeudi."],
    },
  },
  en: {
    systemPrompt: (name: string) =>
      `You are the assistant of ${name}. You answer in English, politely, in one or two sentences, and with certain facts only.`,
    welcome: (name: string) => `Welcome to ${name}. Ask your question, or type "help".`,
    fallback: "I would rather not guess. Could you say more about your question?",
    fact: "Our desk is open from Monday to Friday, from 9 to 17.",
    first: {
      id: "OPENING",
      description: "opening hours and place: when and where to come",
      keywords: ["hours", "open", "closed", "address"],
      examples: ["When are you open?", "r u open on saturday", "What is your address?"],
      answers: ["We are open from Monday to Friday."],
    },
    second: {
      id: "APPOINTMENT",
      description: "make, move or cancel an appointment",
      keywords: ["appointment", "book", "move", "cancel"],
      examples: [
        "I would like an appointment",
        "cancel my appointment of tomorrow",
        "Can we move it to Thursday?",
      ],
      answers: ["Your appointment was moved to Thursday."],
    },
  },
};

/**
 * A new domain in the language of `base`, a domain that ships: its commands, its courtesy and its categories for
 * greetings, small talk and goodbyes are kept, since they are the same everywhere; two categories of requests and
 * one fact stand as examples. `schema` is where the editor finds the JSON Schema.
 */
export function newDomain(name: string, base: Domain, schema: string): DomainFile {
  const words = WORDS[base.language];
  const requests = [words.first, words.second].map((category) => ({ ...category, near: [] }));
  const kept = base.categories.filter(({ role }) => role !== "request");
  const ids = new Set(kept.map(({ id }) => id));
  return {
    $schema: schema,
    name,
    language: base.language,
    systemPrompt: words.systemPrompt(name),
    promptGuidance: "full",
    categories: [
      ...requests,
      ...kept.map((category) => ({
        ...category,
        // More would drown the few examples that a new domain has.
        examples: category.examples.slice(0, KEPT_EXAMPLES),
        near: category.near.filter((id) => ids.has(id)),
      })),
    ],
    templates: Object.fromEntries(
      kept.map(({ id }) => [
        id,
        (base.templates[id] ?? []).map((template) => ({
          ...template,
          text: template.text.replaceAll(base.name, name),
        })),
      ]),
    ),
    themes: Object.fromEntries(
      requests.map(({ id, keywords }) => [
        id.toLowerCase(),
        { categories: [id], words: Object.fromEntries(keywords.map((word) => [word, 1])) },
      ]),
    ),
    entities: { products: [], productKinds: [], actions: [], concerns: [] },
    courtesy: base.courtesy,
    facts: [{ text: words.fact, category: words.first.id }],
    fallback: words.fallback,
    ui: { ...base.ui, welcome: words.welcome(name) },
  };
}
