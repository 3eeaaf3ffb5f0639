/** What the consistency checks say, by language: shown in the trace and told to the model for its next try. */
import type { CompiledDomain } from "../compile.ts";

interface Messages {
  empty: string;
  wrongLanguage: string;
  padding: string;
  repeats: string;
  offTopic: (question: string, answer: string) => string;
  noAnswer: (asked: string) => string;
  otherFact: (expected: string) => string;
  number: (given: string, expected: string) => string;
  earlier: (now: string, before: string) => string;
  name: (given: string, expected: string) => string;
}

const french: Messages = {
  empty: "La réponse est vide.",
  wrongLanguage: "La réponse n'est pas en français.",
  padding: "La réponse commence par une formule inutile.",
  repeats: "La réponse se répète.",
  offTopic: (question, answer) => `La réponse parle de ${answer}, la question de ${question}.`,
  noAnswer: (asked) => `La question demande ${asked}, la réponse n'en donne pas.`,
  otherFact: (expected) => `La réponse ne dit pas ce qui est demandé : « ${expected} »`,
  number: (given, expected) => `La réponse dit ${given} au lieu de ${expected}.`,
  earlier: (now, before) => `La réponse dit ${now}, une réponse précédente disait ${before}.`,
  name: (given, expected) => `La réponse parle de ${given} au lieu de ${expected}.`,
};

const english: Messages = {
  empty: "The answer is empty.",
  wrongLanguage: "The answer is not in English.",
  padding: "The answer begins with an empty phrase.",
  repeats: "The answer repeats itself.",
  offTopic: (question, answer) => `The answer is about ${answer}, the question about ${question}.`,
  noAnswer: (asked) => `The question asks for ${asked}, the answer gives none.`,
  otherFact: (expected) => `The answer does not say what was asked: "${expected}"`,
  number: (given, expected) => `The answer says ${given} instead of ${expected}.`,
  earlier: (now, before) => `The answer says ${now}, an earlier answer said ${before}.`,
  name: (given, expected) => `The answer is about ${given} instead of ${expected}.`,
};

export function messages({ language }: CompiledDomain): Messages {
  return language.code === "fr" ? french : english;
}

/** What a question asks for, as the messages call it. */
export const askedFor = {
  fr: { quantity: "un nombre", time: "un moment", place: "un lieu" },
  en: { quantity: "a number", time: "a time", place: "a place" },
};
