/**
 * What the reasoning needs to know about a language as such, apart from any shop: a domain file names its
 * language and adds its own words. To add a language, write one such value and list it in `languages.ts`.
 */
import type { ReplyWords } from "./replyWords.ts";
import type { LanguageTexts } from "./texts.ts";

/** What a language sees of a token. */
export interface LanguageWord {
  /** Folded, and as typed. */
  word: string;
  text: string;
  /** Words with no comma or full stop between them have one number. */
  clause: number;
}

export interface Language {
  /** What a domain file names it by: "fr". */
  code: string;
  /** The plain word that denies. */
  no: string;
  /** The part of a folded word that plurals, genders and conjugations share. */
  stem: (word: string) => string;
  /** The singular of a folded noun: "rideau" of "rideaux". Verbs keep their endings, so "livrez" is no "livre". */
  singular: (word: string) => string;
  /** Words that lose their vowel before an apostrophe, folded: "l", "qu". */
  elisions: Set<string>;
  /** SMS spellings and glued words, folded, to the words that they stand for. */
  abbreviations: Map<string, string[]>;
  /** Common words, none of which is a typing error of another. */
  commonWords: readonly string[];
  /** Words that carry grammar and no topic, folded. */
  stopWords: Set<string>;
  /** Words that turn the meaning of the next few words round. */
  negations: Set<string>;
  /** Phrases of a satisfied or a dissatisfied customer, folded. */
  positive: string[];
  negative: string[];
  /** Phrases that recall an earlier turn outright: "comme je disais". */
  recalls: string[];
  /** Signs of a short phrase that points back. */
  pointers: {
    /** Last words: "aussi". */
    ends: Set<string>;
    prepositions: Set<string>;
    /** How "c'est" begins, as typed. */
    itIs: RegExp;
    /** Words after it that ask for something named: "c'est quoi vos horaires". */
    asksAnew: Set<string>;
    these: Set<string>;
    /** What things have: alone ("le prix ?") it is that of the thing of before. */
    attributes: Set<string>;
    /** Words after "ce" that name a time. */
    days: Set<string>;
  };
  /** Phrases that announce another subject: "rien à voir". */
  newSubjects: string[];
  /** Words that may stand before a continuation: "dommage, et en bleu ?". */
  interjections: Set<string>;
  /** Words before an infinitive, between which "le" and "la" are pronouns: "je peux le mettre". */
  modals: Set<string>;
  /** Nouns that a pronoun after them does not stand for: "combien de temps elles durent". */
  noAntecedents: Set<string>;
  /** Beginnings that continue the sentence of before: "et pour". */
  continuations: string[];
  /** Pronouns that stand for something said before. */
  pronouns: Set<string>;
  /** Those of them that stand for a whole sentence, whatever noun comes before. */
  demonstratives: Set<string>;
  /** Words that stand for something said before where a subject comes right before them. */
  objectPronouns: Set<string>;
  subjects: Set<string>;
  /** Words that join two phrases. */
  links: Set<string>;
  /** Word pairs in which such a pronoun stands for nothing: "il y", "ca va". */
  emptyPronouns: Set<string>;
  /** Phrases that pad the start of an answer. */
  fillers: string[];
  /** Phrases by which an answer says that it does not know. */
  refusals: string[];
  /** Number words, folded, to their value. */
  numbers: Map<string, number>;
  /** Question words to what they ask for. */
  questions: Map<string, QuestionKind>;
  months: Map<string, number>;
  /** 0 is Sunday, as in Date. */
  weekdays: Map<string, number>;
  /** Words for a day counted from today. */
  relativeDays: Map<string, number>;
  /** Words for a length of time, to days; 0 for parts of a day. */
  periods: Map<string, number>;
  /** Words before a number of periods that say "that long ago" or "in that long". */
  agoWords: string[];
  inWords: string[];
  /** Parts of a day that may follow one: "demain matin". */
  dayParts: Set<string>;
  /** Words that say before a time that it lasts until now: "depuis lundi". */
  sinceWords: Set<string>;
  /** A past tense right before a weekday: "j'ai commandé lundi" means the one before. */
  happenedBefore: RegExp;
  /** Nouns that look like a form of a verb, unless a subject comes right before: "commande". */
  nounsFirst: Set<string>;
  /** Words before a participle: "est livré". */
  auxiliaries: Set<string>;
  /** Words after which a verb form is a noun: "un conseiller". */
  determiners: Set<string>;
  /** Words that make a complaint of the word after them ("trop petit"), and words that they do not. */
  tooMuch: Set<string>;
  tooMuchNot: Set<string>;
  /** The end of a trouble that begins at a token and that no list knows: "ne refroidit plus", "arrivé fendu". */
  troubleAt: (
    tokens: readonly LanguageWord[],
    at: number,
    isThing: (index: number) => boolean,
  ) => number | undefined;
  /** A preposition of place (1) and the capitalised words behind it (2). Absent: such words name nothing. */
  where?: RegExp;
  /** Words of selling, buying and looking for: an unknown noun behind them and an article is goods. */
  trades: Set<string>;
  articles: Set<string>;
  /** What may stand between them. */
  between: Set<string>;
  /** Behind goods it makes them other goods ("de pluie"); 1 is its noun. */
  compound?: RegExp;
  /** Nouns that make no other goods: "de qualité". */
  compoundNot: Set<string>;
  /** Other words that say when: "bientot". */
  looseTimes: string[];
  /** Towns, regions, countries, in their proper spelling. */
  places: readonly string[];
  countries: Set<string>;
  /** Names of currencies to their code. */
  currencies: Map<string, string>;
  /** Words of a group mean the same to whoever looks for a fact: "boutique", "magasin". */
  synonyms: string[][];
  /** Words by which one addresses somebody behind a greeting: "coucou toi". */
  vocatives: Set<string>;
  /** What the checks of answers know. */
  replies: ReplyWords;
  /** What the program itself says. */
  texts: LanguageTexts;
  /** Tone words that the guidance uses. */
  wording: Wording;
}

/** What a question asks for. */
export type QuestionKind = "quantity" | "time" | "place" | "manner" | "reason" | "person" | "thing" | "yesno";

/** The sentences out of which guidance for the model and stage summaries are made. */
export interface Wording {
  /** Asks a language model for a category; holds {query}. */
  classify: string;
  tones: Record<"neutral" | "warm" | "apologetic" | "calm" | "enthusiastic", string>;
  formats: Record<"short" | "sentence" | "steps" | "list", string>;
  focus: string;
  clarify: string;
  begin: string;
  known: string;
  followUp: string;
  facts: string;
  retry: string;
}
