/** How a language points back to what was said before. All folded. */
import type { LanguageWord } from "./language.ts";

export interface ContextWords {
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
  /** The endings of infinitives. Absent: none is told by its ending. */
  infinitive?: RegExp;
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
  /** Whether a pronoun that is no token of its own stands before a token: "l'envoyer". Absent: there are none. */
  elidedObjectAt?: (raw: string, tokens: readonly LanguageWord[], at: number) => boolean;
  subjects: Set<string>;
  /** Words that join two phrases. */
  links: Set<string>;
  /** Word pairs in which such a pronoun stands for nothing: "il y", "ca va". */
  emptyPronouns: Set<string>;
  /** Pairs that ask how one is: alone they stand for nothing, "ça va être long ?" does. */
  howAreYou: Set<string>;
}
