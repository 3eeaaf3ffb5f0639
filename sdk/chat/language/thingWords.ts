/** How a language tells things, places, actions and troubles by the words around them. All folded. */
import type { LanguageWord } from "./language.ts";

export interface ThingWords {
  /** Nouns that look like a form of a verb, unless a subject comes right before: "commande". */
  nounsFirst: Set<string>;
  /** Those of them that are nouns also where a domain lists them as a form of an action. */
  nounsAlways: Set<string>;
  /** Words before a participle: "est livré". */
  auxiliaries: Set<string>;
  /** The endings of a participle, as typed: "livré" is no "livre". Absent: none is told by its ending. */
  participle?: RegExp;
  /** Endings of nouns made of verbs: they count only where the domain lists them ("remboursement"). */
  madeOfVerb?: RegExp;
  /** Words after which a verb form is a noun: "un conseiller". */
  determiners: Set<string>;
  /** Words that join two nouns: "porte de placard". */
  nounLinks: Set<string>;
  /** What a thing does with itself is nobody's action: "où il se trouve". */
  reflexives: Set<string>;
  ownDoing?: RegExp;
  /** Whether a determiner before a verb form is a pronoun: "le renvoyer". Absent: never. */
  isObjectPronounAt?: (tokens: readonly LanguageWord[], at: number) => boolean;
  /** Endings of verbs that no noun of the domain has behind a determiner: "le payer". */
  verbEnding?: RegExp;
  /** A trouble that a domain writes, in all the ways to deny it: "marche pas", "ne marche plus". Default: itself. */
  denials: (phrase: string) => string[];
  /** Words that make a complaint of the word after them ("trop petit"), and words that they do not. */
  tooMuch: Set<string>;
  tooMuchNot: Set<string>;
  /** The end of a trouble that begins at a token and that no list knows: "ne refroidit plus", "arrivé fendu". */
  troubleAt?: (
    tokens: readonly LanguageWord[],
    at: number,
    isThing: (index: number) => boolean,
  ) => number | undefined;
  /** Towns, regions, countries, in their proper spelling. */
  places: readonly string[];
  countries: Set<string>;
  /** Places whose name is a common word too: they count in capitals, or behind one of `placePrepositions`. */
  ambiguousPlaces: Set<string>;
  placePrepositions: Set<string>;
  /** A preposition of place (1) and the capitalised words behind it (2). Absent: such words name nothing. */
  where?: RegExp;
  /** Prepositions of `where` that are verbs behind a subject: "il a Netflix". */
  whereVerbs: Set<string>;
  /** Words of selling, buying and looking for: an unknown noun behind them and an article is goods. */
  trades: Set<string>;
  articles: Set<string>;
  /** What may stand between them. */
  between: Set<string>;
  /** Behind goods it makes them other goods ("de pluie"); 1 is its noun. Absent: nothing does. */
  compound?: RegExp;
  /** Nouns that make no other goods: "de qualité". */
  compoundNot: Set<string>;
}
