// The hand-written phrases of one language and what goes with them, in one place for the generators.

import type { Random } from "../../sdk/data/random.ts";
import englishIntents from "../phrases/en.intents.json" with { type: "json" };
import englishSynonyms from "../phrases/en.synonyms.json" with { type: "json" };
import frenchMoney from "../phrases/fr.money.json" with { type: "json" };
import frenchOrders from "../phrases/fr.orders.json" with { type: "json" };
import frenchPeople from "../phrases/fr.people.json" with { type: "json" };
import frenchProducts from "../phrases/fr.products.json" with { type: "json" };
import frenchSpecial from "../phrases/fr.special.json" with { type: "json" };
import frenchSynonyms from "../phrases/fr.synonyms.json" with { type: "json" };
import frenchVisit from "../phrases/fr.visit.json" with { type: "json" };
import { englishFacts, englishPlaces } from "./english.ts";
import { frenchContractions, frenchFacts, frenchPlaces, frenchPolish } from "./french.ts";
import { capitalise, choose, type Facts, fill } from "./template.ts";

/** One thing that people want to know or say. */
export interface Intent {
  id: string;
  /** a noun phrase: "les horaires d'ouverture" */
  topic: string;
  /** "all", or the tag of the places where it is asked */
  for: string;
  /** greetings, thanks and goodbyes: not asked again in other words */
  social?: boolean;
  ask: string[];
  keywords: string[];
  answer: string[];
}

export interface Place {
  noun: string;
  tags: string[];
}

export interface PhraseBook {
  intents: Intent[];
  places: Place[];
  synonyms: { groups: string[][]; frames: string[]; causes: string[] };
  /** sentences around questions, for the documents that compare them */
  words: Record<
    | "again"
    | "same"
    | "other"
    | "topic"
    | "which"
    | "information"
    | "question"
    | "confirm"
    | "repeat"
    | "compare"
    | "yes"
    | "no",
    string[]
  >;
  facts(place: Place, random: Random): Facts;
  /** A template as a finished sentence. */
  say(template: string, facts: Facts, random: Random): string;
}

export const french: PhraseBook = {
  intents: [
    ...frenchVisit,
    ...frenchMoney,
    ...frenchOrders,
    ...frenchProducts,
    ...frenchPeople,
    ...frenchSpecial,
  ],
  places: frenchPlaces,
  synonyms: frenchSynonyms,
  words: {
    again: [
      "Autrement dit : {q}",
      "En d'autres mots : {q}",
      "La même question : {q}",
      "Ou encore : {q}",
      "Plus court : {q}",
      "Une autre façon de le demander : {q}",
      "Cela revient à demander : {q}",
      "On peut aussi dire : {q}",
      "{q}",
    ],
    same: [
      "Toutes ces questions portent sur {topic}.",
      "Le sujet est toujours le même : {topic}.",
      "Dans chaque cas, on veut savoir quelque chose sur {topic}.",
    ],
    other: [
      "Mais « {q} » est une autre question : elle porte sur {topic}.",
      "En revanche, « {q} » concerne {topic}.",
    ],
    topic: [
      "Cette question porte sur {topic}.",
      "Le sujet est {topic}.",
      "On demande ici quelque chose sur {topic}.",
      "Il s'agit de : {topic}.",
    ],
    which: [
      "De quoi parle cette question : « {q} »",
      "Quel est le sujet de « {q} »",
      "Sur quoi porte la question « {q} »",
      "« {q} » De quoi s'agit-il ?",
    ],
    information: [
      "Voici ce que nous savons : {info}",
      "Informations : {info}",
      "{info}",
      "À savoir : {info}",
    ],
    question: ["Question : {q}", "{q}", "Un client demande : {q}"],
    confirm: [
      "Comme je vous le disais : {a}",
      "Oui. {a}",
      "C'est bien cela. {a}",
      "Je vous le répète volontiers : {a}",
      "{a}",
    ],
    repeat: [
      "Je n'ai pas bien compris. {q}",
      "Attendez, {q}",
      "Pardon, {q}",
      "Je reformule : {q}",
      "Donc, {q}",
      "{q}",
    ],
    compare: [
      "Ces deux questions demandent-elles la même chose ? « {q} » et « {r} »",
      "« {q} » Est-ce la même question que « {r} » ?",
      "« {q} » « {r} » Le sujet est-il le même ?",
    ],
    yes: ["Oui, toutes deux portent sur {topic}.", "Oui, il s'agit dans les deux cas de ceci : {topic}."],
    no: [
      "Non, la première porte sur {topic}, la seconde sur {other}.",
      "Non. D'abord {topic}, ensuite {other}.",
    ],
  },
  facts: (place, random) => frenchFacts(place as (typeof frenchPlaces)[number], random),
  say: (template, facts, random) =>
    capitalise(frenchPolish(fill(frenchContractions(choose(template, random)), facts))),
};

export const english: PhraseBook = {
  intents: englishIntents,
  places: englishPlaces,
  synonyms: englishSynonyms,
  words: {
    again: ["In other words: {q}", "The same question: {q}", "Or: {q}", "You can also say: {q}", "{q}"],
    same: ["All these questions are about {topic}.", "The subject is always the same: {topic}."],
    other: ['But "{q}" is another question: it is about {topic}.'],
    topic: ["This question is about {topic}.", "The subject is {topic}."],
    which: ['What is this question about: "{q}"', '"{q}" What is the subject?'],
    information: ["Here is what we know: {info}", "Information: {info}", "{info}"],
    question: ["Question: {q}", "{q}", "A customer asks: {q}"],
    confirm: ["As I said: {a}", "Yes. {a}", "{a}"],
    repeat: ["I did not quite understand. {q}", "Sorry, {q}", "So, {q}", "{q}"],
    compare: ['Do these two questions ask the same? "{q}" and "{r}"', '"{q}" Is that the same as "{r}"?'],
    yes: ["Yes, both are about {topic}.", "Yes, the subject is {topic} in both."],
    no: ["No, the first is about {topic}, the second about {other}."],
  },
  facts: (place, random) => englishFacts(place as (typeof englishPlaces)[number], random),
  say: (template, facts, random) => capitalise(fill(choose(template, random), facts)),
};
