/**
 * Turns a domain into the indices that the stages search: once when the ReasoningSystem is made, so that a
 * query costs far less than a millisecond.
 */

import type { Language } from "../language/language.ts";
import { languageOf, languages } from "../language/languages.ts";
import type { AskedKind } from "../language/replyWords.ts";
import { CourtesyCheck } from "../reading/courtesy.ts";
import { Lexicon } from "../reading/lexicon.ts";
import { type AnalysedText, analyseText, fold, Speller, type Token } from "../reading/normalise.ts";
import { PhraseIndex } from "../reading/phrases.ts";
import { Classifier, type TokenClass } from "./classifier.ts";
import type { Domain } from "./domainSchema.ts";
import {
  type CourtesyKind,
  courtesyPhrases,
  entityPhrases,
  knownWords,
  labelledAnswers,
  labelledPhrases,
  spellingsOf,
} from "./domainWords.ts";
import { FactBook } from "./facts.ts";

/** Set expressions of the language. */
export type ExpressionKind =
  | "positive"
  | "negative"
  | "recall"
  | "continuation"
  | "newSubject"
  | "filler"
  | "refusal"
  | "question"
  | "emptyPronoun"
  | "relativeDay"
  | "ago"
  | "within"
  | "looseTime";

/** Indices of the language's reply words. */
export interface ReplyIndices
  extends Record<
    | "yes"
    | "no"
    | "apologies"
    | "cheers"
    | "rude"
    | "emptyTalk"
    | "welcome"
    | "steps"
    | "free"
    | "conditions"
    | "only"
    | "checksBack"
    | "forbids",
    PhraseIndex<string>
  > {
  asks: { kind: AskedKind; index: PhraseIndex<string> }[];
}

/** A domain, ready to be searched. */
export interface CompiledDomain {
  domain: Domain;
  language: Language;
  /** With typing errors repaired. */
  analyse: (text: string) => AnalysedText;
  /** As it stands: what an author writes is no typing error. */
  plain: (text: string) => AnalysedText;
  /** Whether domain or language use a folded word, in any form. */
  knows: (word: string) => boolean;
  isPlace: (word: string) => boolean;
  /** What the tokens of a text name, for the classifier. */
  classes: (tokens: readonly Token[]) => TokenClass[];
  classifier: Classifier;
  lexicon: Lexicon;
  courtesy: PhraseIndex<CourtesyKind>;
  offences: CourtesyCheck;
  expressions: Record<ExpressionKind, PhraseIndex<string>>;
  /** From a stem to how strongly it speaks for each theme. */
  themes: Map<string, { theme: string; weight: number }[]>;
  orderNumbers: RegExp[];
  facts: FactBook;
  /** What an answer is about, by category; learnt from facts, templates and example answers. */
  answerTopics: Classifier;
  /** Stems of all that the domain file says of its subject: an answer without any is about something else. */
  vocabulary: Set<string>;
  replies: ReplyIndices;
  /** From a folded word to its one spelling with accents; words with two ("livre", "livré") are not in it. */
  spellings: Map<string, string>;
}

/** Domains are not changed once they are loaded, so each is compiled once. */
const compiledDomains = new WeakMap<Domain, CompiledDomain>();

/** Builds all indices of a domain: some 200 ms at the first time, nothing after. */
export function compileDomain(domain: Domain): CompiledDomain {
  const known = compiledDomains.get(domain);
  if (known !== undefined) return known;
  const compiled = compile(domain);
  compiledDomains.set(domain, compiled);
  return compiled;
}

function compile(domain: Domain): CompiledDomain {
  const language = languageOf(domain.language);
  const speller = new Speller(knownWords(domain, language), language);
  const plain = (text: string) => analyseText(text, language);
  // Stages and checks ask about the same query, answer and history over and over.
  const analyse = remember(RECENT_TEXTS, (text: string) =>
    analyseText(text, language, (word) => speller.repair(word)),
  );
  const lexicon = new Lexicon(domain, language, plain);
  const courtesy = new PhraseIndex(courtesyPhrases(domain), plain);
  const places = new Set(language.places.map(fold));
  const compiled = {
    domain,
    language,
    analyse,
    knows: (word: string) => speller.knows(word),
    isPlace: (word: string) => places.has(word),
    lexicon,
    courtesy,
    offences: new CourtesyCheck(
      [...languages.values()].map(({ rude }) => rude),
      domain.courtesy,
    ),
    expressions: expressionIndices(language, plain),
    themes: themeIndex(domain, plain),
    orderNumbers: domain.entities.orderNumbers.map((pattern) => new RegExp(pattern, "giu")),
    spellings: spellingsOf(domain),
    replies: replyIndices(language, plain),
    facts: new FactBook(domain.facts, domain.entities.actions, language, plain),
  };
  const classes = (tokens: readonly Token[]) => tokenClasses(tokens, lexicon);
  const phrases = labelledPhrases(domain, { plain, courtesy });
  const classifier = new Classifier(phrases, domain.categories.length, language, classes);
  const answers = once(() => labelledAnswers(domain, plain));
  const answerTopics = once(() => new Classifier(answers(), domain.categories.length, language, classes));
  const vocabulary = once(() => {
    const texts = [...phrases, ...answers(), ...entityPhrases(domain, plain)];
    return new Set(texts.flatMap(({ tokens }) => [...compiled.facts.stems(tokens)]));
  });
  return {
    ...compiled,
    plain,
    classes,
    classifier,
    // Trained at the first answer that is checked.
    get answerTopics() {
      return answerTopics();
    },
    get vocabulary() {
      return vocabulary();
    },
  };
}

/** Computed at the first call. */
function once<T>(compute: () => T): () => T {
  let result: { value: T } | undefined;
  return () => {
    result ??= { value: compute() };
    return result.value;
  };
}

function replyIndices({ replies }: Language, analyse: (text: string) => AnalysedText): ReplyIndices {
  const index = (list: readonly string[], by: "stem" | "noun" = "noun") =>
    new PhraseIndex(
      list.map((phrase) => ({ entry: phrase, phrase })),
      analyse,
      by,
    );
  return {
    yes: index(replies.yes),
    no: index(replies.no),
    apologies: index(replies.apologies),
    cheers: index(replies.cheers),
    rude: index(replies.rude),
    emptyTalk: index(replies.emptyTalk),
    welcome: index(replies.welcome),
    steps: index(replies.steps, "stem"),
    free: index(replies.free),
    conditions: index(replies.conditions),
    only: index(replies.only),
    checksBack: index(replies.checksBack),
    forbids: index(replies.forbids),
    asks: Object.entries(replies.asks).map(([kind, list]) => ({
      kind: kind as AskedKind,
      index: index(list),
    })),
  };
}

/** Texts whose analysis is kept. */
const RECENT_TEXTS = 128;

/** A function that knows its last results; texts of any length, so few of them. */
function remember<T>(most: number, compute: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    let result = known.get(text);
    if (result !== undefined) return result;
    result = compute(text);
    // A Map keeps the order of insertion: the first key is the oldest.
    if (known.size >= most) known.delete(known.keys().next().value as string);
    known.set(text, result);
    return result;
  };
}

function tokenClasses(tokens: readonly Token[], lexicon: Lexicon): TokenClass[] {
  const classes = new Array<TokenClass>(tokens.length).fill(undefined);
  for (const { entry, from, to } of lexicon.find(tokens)) {
    const { list, word } = entry;
    if (list === "products" || list === "productKinds" || list === "locations")
      for (let i = from; i < to; i++)
        classes[i] = {
          name: list === "locations" ? "@place" : list === "products" ? "@product" : "@goods",
          instead: true,
        };
    // The words of actions and concerns count one by one as well: "perdu" is more than one trouble.
    else if (list === "actions" || list === "concerns")
      classes[from] = { name: `=${word.normal}`, instead: false };
  }
  return classes;
}

function expressionIndices(
  language: Language,
  analyse: (text: string) => AnalysedText,
): Record<ExpressionKind, PhraseIndex<string>> {
  const index = (list: Iterable<string>) =>
    new PhraseIndex(
      [...list].map((phrase) => ({ entry: phrase, phrase })),
      analyse,
    );
  return {
    positive: index(language.positive),
    negative: index(language.negative),
    recall: index(language.recalls),
    continuation: index(language.continuations),
    newSubject: index(language.newSubjects),
    filler: index(language.fillers),
    refusal: index(language.refusals),
    question: index(language.questions.keys()),
    emptyPronoun: index(language.emptyPronouns),
    relativeDay: index(language.relativeDays.keys()),
    ago: index(language.agoWords),
    within: index(language.inWords),
    looseTime: index(language.looseTimes),
  };
}

function themeIndex(
  domain: Domain,
  analyse: (text: string) => AnalysedText,
): Map<string, { theme: string; weight: number }[]> {
  const index = new Map<string, { theme: string; weight: number }[]>();
  for (const [theme, { words }] of Object.entries(domain.themes))
    for (const [word, weight] of Object.entries(words))
      for (const { stem } of analyse(word).tokens) {
        const list = index.get(stem) ?? [];
        // Two words of a theme with one stem ("livraison livrer") are one word.
        const same = list.find((entry) => entry.theme === theme);
        if (same === undefined) list.push({ theme, weight });
        else same.weight = Math.max(same.weight, weight);
        index.set(stem, list);
      }
  return index;
}
