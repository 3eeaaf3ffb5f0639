/** Makes a language out of what is particular to it; a rule that is not given is no rule of the language. */
import type { Language } from "./language.ts";
import type { ReplyWords } from "./replyWords.ts";
import type { RudeWords } from "./rudeWords.ts";

/** Matches nothing. */
export const NEVER = /(?!)/;

const noReplies = (): ReplyWords => ({
  ...{
    yes: [],
    no: [],
    apologies: [],
    cheers: [],
    rude: [],
    emptyTalk: [],
    welcome: [],
    steps: [],
    checksBack: [],
  },
  ...{ free: [], conditions: [], only: [], opposites: [], yesOpposites: [], forbids: [], alternatives: [] },
  ...{ familiar: new Set(), colours: new Set(), genericGoods: new Set(), conditionWords: new Set() },
  ...{
    presents: NEVER,
    praise: NEVER,
    costsNothing: NEVER,
    denialBegins: NEVER,
    limits: NEVER,
    inStock: NEVER,
  },
  ...{ calls: NEVER, street: NEVER, streetEnd: NEVER, title: NEVER, defines: NEVER, definition: NEVER },
  paid: { asked: NEVER, answered: NEVER },
  asks: { money: [], time: [], colour: [], phone: [], mail: [], measure: [], address: [] },
  gives: {},
});

const noRudeWords = (): RudeWords => ({
  ...{ insults: [], swearing: [], shortInsults: [], modelWords: [], phrases: [], thrown: [], masked: [] },
  ...{
    throwers: [],
    between: [],
    alsoThings: [],
    throwersOfThings: [],
    aboutSelf: [],
    threats: [],
    innocent: [],
  },
  spellings: {},
});

/** What a language must say, and what it may; of `replies` and `rude` each part may be left out too. */
export type LanguageParts = Pick<Language, "code" | "no" | "stopWords" | "texts"> &
  Partial<Omit<Language, "replies" | "rude">> & { replies?: Partial<ReplyWords>; rude?: Partial<RudeWords> };

/** The language, whole. What its parts leave out is empty; "default" in their descriptions says where it is not. */
export function defineLanguage(parts: LanguageParts): Language {
  const { negations = new Set<string>(), replies, rude } = parts;
  return {
    stem: (word) => word,
    singular: (word) => word,
    plural: () => undefined,
    ...{
      elisions: new Map(),
      abbreviations: new Map(),
      soundsLike: [],
      commonWords: [],
      letterWords: new Set(),
    },
    ...{ recalls: [], newSubjects: [], continuations: [], interjections: new Set(), modals: new Set() },
    ...{
      noAntecedents: new Set(),
      pronouns: new Set(),
      demonstratives: new Set(),
      objectPronouns: new Set(),
    },
    ...{ subjects: new Set(), links: new Set(), emptyPronouns: new Set(), howAreYou: new Set() },
    pointers: {
      ...{ ends: new Set(), prepositions: new Set(), asksAnew: new Set(), these: new Set() },
      ...{ attributes: new Set(), days: new Set(), itIs: NEVER },
    },
    ...{ months: new Map(), doubtfulMonths: new Set(), weekdays: new Map(), relativeDays: new Map() },
    ...{
      periods: new Map(),
      clockUnits: new Set(),
      one: new Set(),
      agoWords: [],
      inWords: [],
      agoEnds: new Set(),
    },
    ...{ dayParts: new Set(), sinceWords: new Set(), dayArticles: new Set(), firstOfMonth: new Set() },
    ...{
      coming: { before: new Set(), after: NEVER },
      gone: { before: new Set(), after: NEVER },
      looseTimes: [],
    },
    numbers: new Map(),
    multiplies: (_, value) => value >= 100,
    ...{ currencies: new Map(), units: new Map(), measures: new Set(), orderLead: NEVER, gluedUnits: [] },
    ...{ quantityBehind: NEVER, countBehind: NEVER, phone: NEVER },
    ...{ nounsFirst: new Set(), nounsAlways: new Set(), auxiliaries: new Set(), determiners: new Set() },
    ...{ nounLinks: new Set(), reflexives: new Set(), tooMuch: new Set(), tooMuchNot: new Set() },
    denials: (phrase) => [phrase],
    ...{ places: [], countries: new Set(), ambiguousPlaces: new Set(), placePrepositions: new Set() },
    ...{
      whereVerbs: new Set(),
      trades: new Set(),
      articles: new Set(),
      between: new Set(),
      compoundNot: new Set(),
    },
    isNegated: (tokens) => tokens.some(({ word }) => negations.has(word)),
    ...{
      positive: [],
      negative: [],
      fillers: [],
      refusals: [],
      questions: new Map(),
      asksOnlyFirst: new Set(),
    },
    ...{ synonyms: [], vocatives: new Set() },
    ...parts,
    negations,
    replies: { ...noReplies(), ...replies },
    rude: { ...noRudeWords(), ...rude },
  };
}
