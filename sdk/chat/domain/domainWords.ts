/** The phrases and words of a domain file, read for one purpose each. `compile.ts` makes indices of them. */

import type { Language } from "../language/language.ts";
import { type AnalysedText, fold, type Token } from "../reading/normalise.ts";
import type { PhraseIndex } from "../reading/phrases.ts";
import type { LabelledPhrase } from "./classifier.ts";
import type { Domain } from "./domainSchema.ts";

/** Kinds of phrases that carry courtesy and no request. */
export type CourtesyKind = "greeting" | "thanks" | "farewell" | "politeness";

/** The tokens without greetings, thanks and politeness; all of them where nothing else is there. */
export function withoutCourtesy(tokens: Token[], courtesy: PhraseIndex<CourtesyKind>): Token[] {
  const rest = [...tokens];
  for (const match of courtesy.find(tokens).reverse()) rest.splice(match.from, match.to - match.from);
  return rest.some((token) => /[\p{L}\d]/u.test(token.word)) ? rest : tokens;
}

/** All phrases that the categories are learnt from; `example` is the text of an example. */
export function labelledPhrases(
  domain: Domain,
  { plain, courtesy }: { plain: (text: string) => AnalysedText; courtesy: PhraseIndex<CourtesyKind> },
): (LabelledPhrase & { example?: string })[] {
  return domain.categories.flatMap((category, label) => [
    ...category.keywords.map((text) => ({ label, tokens: plain(text).tokens, weight: 0.6 })),
    ...category.examples.map((example) => ({
      label,
      tokens: withoutCourtesy(plain(example).tokens, courtesy),
      weight: 1,
      example,
    })),
  ]);
}

/** What answers of each category are learnt from: its facts, examples, openings and keywords. */
export function labelledAnswers(domain: Domain, analyse: (text: string) => AnalysedText): LabelledPhrase[] {
  return domain.categories.flatMap(({ id, answers, keywords }, label) => {
    const facts = domain.facts.filter(({ category }) => category === id).map(({ text }) => text);
    const openings = (domain.templates[id] ?? []).map(({ text }) => text.replace(/\{\w+\}/g, ""));
    return [
      ...[...facts, ...answers].map((text) => ({ label, tokens: analyse(text).tokens, weight: 1 })),
      ...[...openings, ...keywords].map((text) => ({ label, tokens: analyse(text).tokens, weight: 0.4 })),
    ];
  });
}

/** Everything that the domain names. */
export function entityPhrases({ entities }: Domain, analyse: (text: string) => AnalysedText): AnalysedText[] {
  const { products, actions, concerns, locations, productKinds } = entities;
  const words = [...products, ...actions, ...concerns, ...locations].flatMap(({ normal, forms, kind }) => [
    normal,
    ...forms,
    ...(kind === undefined ? [] : [kind]),
  ]);
  return [...words, ...productKinds].map(analyse);
}

/** Greetings, thanks, farewells and politeness. */
export function courtesyPhrases(domain: Domain): { entry: CourtesyKind; phrase: string }[] {
  const { greetings, thanks, farewells, politeness } = domain.courtesy;
  const entries = (entry: CourtesyKind, list: string[]) => list.map((phrase) => ({ entry, phrase }));
  return [
    ...entries("greeting", greetings),
    ...entries("thanks", thanks),
    ...entries("farewell", farewells),
    ...entries("politeness", politeness),
  ];
}

/** Every word that the domain or the language uses, with how often: what a typing error is repaired to. */
export function knownWords(domain: Domain, language: Language): Map<string, number> {
  const known = new Map<string, number>();
  const read = (text: string, times: number) => {
    for (const word of fold(text).match(/[a-z]+/g) ?? []) known.set(word, (known.get(word) ?? 0) + times);
  };
  const { entities, courtesy } = domain;
  for (const category of domain.categories) {
    for (const text of category.keywords) read(text, 3);
    for (const text of category.examples) read(text, 1);
  }
  for (const fact of domain.facts) read(fact.text, 1);
  for (const list of [entities.products, entities.actions, entities.concerns, entities.locations])
    for (const { normal, forms } of list) for (const text of [normal, ...forms]) read(text, 2);
  for (const text of [...entities.productKinds, ...entities.timeReferences]) {
    read(text, 2);
    // A plural is a word of its own to the speller, which repairs one letter only.
    if (language.plural(text) !== undefined)
      read(language.plural(text.split(" ")[0]) ?? text.split(" ")[0], 1);
  }
  for (const list of [courtesy.greetings, courtesy.thanks, courtesy.farewells, courtesy.politeness])
    for (const text of list) read(text, 3);
  for (const text of [...courtesy.insults, ...courtesy.innocent]) read(text, 1);
  for (const { words } of Object.values(domain.themes)) for (const text of Object.keys(words)) read(text, 1);
  for (const list of [
    language.positive,
    language.negative,
    language.recalls,
    language.fillers,
    language.refusals,
  ])
    for (const text of list) read(text, 1);
  for (const words of [language.stopWords, language.numbers.keys(), language.months.keys()])
    for (const text of words) read(text, 5);
  for (const words of [language.weekdays.keys(), language.periods.keys(), language.relativeDays.keys()])
    for (const text of words) read(text, 3);
  for (const text of language.places) read(text, 1);
  for (const words of language.abbreviations.values()) for (const text of words) read(text, 1);
  return known;
}

/** From a folded word to its one spelling with accents; words with two ("livre", "livré") are left out. */
export function spellingsOf(domain: Domain): Map<string, string> {
  const seen = new Map<string, string>();
  const twice = new Set<string>();
  const { products, actions, concerns } = domain.entities;
  const words = [...products, ...actions, ...concerns].flatMap(({ normal, forms }) => [normal, ...forms]);
  const examples = domain.categories.flatMap((category) => [...category.keywords, ...category.examples]);
  for (const text of [...domain.facts.map((fact) => fact.text), ...words, ...examples])
    for (const [word] of text.matchAll(/\p{L}+/gu)) {
      const lower = word.toLowerCase();
      const key = fold(lower);
      if (seen.has(key) && seen.get(key) !== lower) twice.add(key);
      seen.set(key, lower);
    }
  for (const key of twice) seen.delete(key);
  return seen;
}
