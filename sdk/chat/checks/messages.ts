/** What the consistency checks say, by language: shown in the trace and told to the model for its next try. */
import type { AskedKind, CompiledDomain } from "../compile.ts";

interface Messages {
  empty: string;
  wrongLanguage: string;
  wrongTone: (words: string) => string;
  padding: string;
  repeats: string;
  offTopic: (question: string, answer: string) => string;
  foreign: (question: string) => string;
  saysNothing: string;
  noAnswer: (asked: string) => string;
  otherFact: (expected: string) => string;
  number: (given: string, expected: string) => string;
  notInFact: (given: string, fact: string) => string;
  earlier: (now: string, before: string) => string;
  itself: string;
  opposite: (asked: string, given: string) => string;
  name: (given: string, expected: string) => string;
  invents: (given: string) => string;
}

const french: Messages = {
  empty: "La réponse est vide.",
  wrongLanguage: "La réponse n'est pas en français.",
  wrongTone: (words) => `Le ton ne convient pas : « ${words} ».`,
  padding: "La réponse commence par une formule inutile.",
  repeats: "La réponse se répète.",
  offTopic: (question, answer) => `La réponse parle de ${answer}, la question de ${question}.`,
  foreign: (question) =>
    `La réponse ne parle pas ${/^[aeiouéèêh]/i.test(question) ? "d'" : "de "}${question}.`,
  saysNothing: "La réponse ne dit rien de ce qui est demandé.",
  noAnswer: (asked) => `La question demande ${asked}, la réponse n'en donne pas.`,
  otherFact: (expected) => `La réponse ne dit pas ce qui est demandé : « ${expected} »`,
  number: (given, expected) => `La réponse dit ${given} au lieu de ${expected}.`,
  notInFact: (given, fact) => `La réponse dit ${given}, or : « ${fact} »`,
  earlier: (now, before) => `La réponse dit ${now}, une réponse précédente disait ${before}.`,
  itself: "La réponse se contredit.",
  opposite: (asked, given) => `La question dit « ${asked} », la réponse « ${given} ».`,
  name: (given, expected) => `La réponse parle de ${given} au lieu de ${expected}.`,
  invents: (given) => `La réponse invente « ${given} ».`,
};

const english: Messages = {
  empty: "The answer is empty.",
  wrongLanguage: "The answer is not in English.",
  wrongTone: (words) => `The tone is wrong: "${words}".`,
  padding: "The answer begins with an empty phrase.",
  repeats: "The answer repeats itself.",
  offTopic: (question, answer) => `The answer is about ${answer}, the question about ${question}.`,
  foreign: (question) => `The answer is not about ${question}.`,
  saysNothing: "The answer says nothing about what was asked.",
  noAnswer: (asked) => `The question asks for ${asked}, the answer gives none.`,
  otherFact: (expected) => `The answer does not say what was asked: "${expected}"`,
  number: (given, expected) => `The answer says ${given} instead of ${expected}.`,
  notInFact: (given, fact) => `The answer says ${given}, but: "${fact}"`,
  earlier: (now, before) => `The answer says ${now}, an earlier answer said ${before}.`,
  itself: "The answer contradicts itself.",
  opposite: (asked, given) => `The question says "${asked}", the answer "${given}".`,
  name: (given, expected) => `The answer is about ${given} instead of ${expected}.`,
  invents: (given) => `The answer invents "${given}".`,
};

export function messages({ language }: CompiledDomain): Messages {
  return language.code === "fr" ? french : english;
}

/** What a question asks for, as the messages call it. */
export const askedFor: Record<"fr" | "en", Record<AskedKind | "quantity" | "manner" | "place", string>> = {
  fr: {
    ...{ quantity: "un nombre", time: "un moment", manner: "une marche à suivre", money: "un prix" },
    ...{ colour: "une couleur", phone: "un numéro", mail: "une adresse e-mail", measure: "une mesure" },
    address: "une adresse",
    place: "un lieu",
  },
  en: {
    ...{ quantity: "a number", time: "a time", manner: "steps", money: "a price", colour: "a colour" },
    ...{
      phone: "a number",
      mail: "a mail address",
      measure: "a measure",
      address: "an address",
      place: "a place",
    },
  },
};
