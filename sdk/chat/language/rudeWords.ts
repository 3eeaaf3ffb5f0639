/**
 * Insults and threats of a language, folded. Those of all languages serve every domain: customers swear in any. A
 * domain adds its own words (`courtesy.insults`) and its own innocents (`courtesy.innocent`).
 */
export interface RudeWords {
  /** Words that insult wherever they stand. Plurals and feminines are listed; disguises are undone elsewhere. */
  insults: string[];
  /** Those of them that swear at nobody in particular. */
  swearing: string[];
  /** Short forms that insult only as a word of its own: "tg", not "TG 450". */
  shortInsults: string[];
  /** Words before a short form that make a model or a unit of it: "le TG". */
  modelWords: string[];
  /** Phrases that insult. */
  phrases: string[];
  /** Words that insult only when thrown at somebody: "vous êtes des voleurs", not "des voleurs ont pris mon colis". */
  thrown: string[];
  /** Those of them that are hidden behind asterisks: "m**de". */
  masked: string[];
  /** What comes before a word that is thrown at somebody. */
  throwers: string[];
  /** Words that may stand between: "vous êtes vraiment tous nuls". */
  between: string[];
  /** Goods, animals and food among the words that are thrown … */
  alsoThings: string[];
  /** … and the throwers that stand before things too: "vos gourdes", "boîte de thon". */
  throwersOfThings: string[];
  /** Said of oneself, an insult hurts nobody: "je suis con, j'ai oublié". */
  aboutSelf: string[];
  /** Threats of harm. Going to court is no threat: it is a customer's right. */
  threats: string[];
  /** Innocent phrases that hold the word of an insult or a threat. */
  innocent: string[];
  /** Spellings inside phrases that customers vary: "vs" for "vous". */
  spellings: Record<string, string>;
  /** How many words from one on call names, whatever noun they hold: "espèce de vieille chouette". 0 for none. */
  calledNames?: (words: readonly { word: string }[], at: number) => number;
}
