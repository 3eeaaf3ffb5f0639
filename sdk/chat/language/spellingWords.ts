/** How a language writes its words, and how customers mistype them. All folded. */
export interface SpellingWords {
  /** The part of a folded word that plurals, genders and conjugations share. Default: the word. */
  stem: (word: string) => string;
  /** The singular of a folded noun: "rideau" of "rideaux". Verbs keep their endings, so "livrez" is no "livre". */
  singular: (word: string) => string;
  /** The usual plural of a noun, which the speller is to know; undefined where it is one already. Default: none. */
  plural: (noun: string) => string | undefined;
  /** Words that lose their vowel before an apostrophe, to what is read: "n" is "ne", and "l" (to "") says nothing. */
  elisions: Map<string, string>;
  /** The letter that customers glue to any verb, and its word: "jcherche". No word begins with it and a consonant. */
  gluedSubject?: { letter: string; word: string };
  /** Letters that customers write by their sound, and what they stand for: "k" for "qu" or "c". */
  soundsLike: readonly (readonly [string, readonly string[]])[];
  /** A folded token that is no word of its own ("don" before "'t"): what to read in its place. Default: itself. */
  readToken?: (word: string, raw: string, start: number, end: number) => readonly string[] | undefined;
  /** SMS spellings and glued words to the words that they stand for. */
  abbreviations: Map<string, string[]>;
  /** Words of one letter: any other is what is left of an abbreviation. */
  letterWords: Set<string>;
  /** Common words, none of which is a typing error of another. */
  commonWords: readonly string[];
  /** Words that carry grammar and no topic. */
  stopWords: Set<string>;
}
