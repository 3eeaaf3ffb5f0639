/**
 * What the checks of answers know about a language: how an answer says yes, no, sorry or nothing at all, and which
 * words exclude each other. All folded.
 */
export interface ReplyWords {
  yes: string[];
  no: string[];
  /** Excuses and sympathy: what a complaint may expect. */
  apologies: string[];
  /** Joy, which a complaint may not get as its first words. */
  cheers: string[];
  /** Phrases that an agent does not write: slang, scorn, blame. */
  rude: string[];
  /** Second person among friends, where a shop says "vous". Empty in a language without. */
  familiar: Set<string>;
  /** Phrases that answer nothing by themselves. */
  emptyTalk: string[];
  /** Phrases that answer thanks, greetings and small talk. */
  welcome: string[];
  /** Verbs and phrases that tell how something is done. */
  steps: string[];
  /** A question back whether the answer was right. */
  checksBack: string[];
  /** Words for "costs nothing" or "has no number", which answer "combien". */
  free: string[];
  /** Phrases under which two prices may stand side by side. */
  conditions: string[];
  /** Phrases by which a fact says that its list is complete. */
  only: string[];
  colours: Set<string>;
  /** Pairs of stems: an answer may not turn one into the other. */
  opposites: [string[], string[]][];
  /** The same, where an answer begins with yes: "Oui, il est épuisé" to "est-il disponible ?". */
  yesOpposites: [string[], string[]][];
  /** Words that deny without a negation: "interdit". */
  forbids: string[];
  /** Words that exclude each other where an answer says yes to one of them. */
  alternatives: string[][];
  /** Goods of any kind, singular: "outil" may stand for a spade. */
  genericGoods: Set<string>;
  /** A street address, where a house number comes first. */
  street: RegExp;
  /** Titles before a person's name, as written. */
  title: RegExp;
  /** How a dictionary says what a thing is, and how one asks for that. */
  defines: RegExp;
  definition: RegExp;
  /** Presents, for which any goods may be an answer. */
  presents: RegExp;
  /** An answer that ends in praise of the question, as typed. */
  praise: RegExp;
  /** A word that says that something costs nothing. */
  costsNothing: RegExp;
  /** Words that make a condition of their clause: "tant que". */
  conditionWords: Set<string>;
  /** How a clause begins that denies without a negation of its own: "sauf". */
  denialBegins: RegExp;
  /** Limits in a fact, as typed, that a "no" could mean: "uniquement". */
  limits: RegExp;
  /** Talk of money that comes back or is charged, folded, in a question and in an answer. */
  paid: { asked: RegExp; answered: RegExp };
  /** How an answer tells a number of goods that is no count of the question's. */
  inStock: RegExp;
  /** Words, folded, that tell somebody to ring a number. */
  calls: RegExp;
  /** What comes between a street and its town. */
  streetEnd: RegExp;
  /** Words, as typed, by which an answer gives what is asked for without a number, a time or a sum. */
  gives: Partial<Record<"measure" | "time" | "money" | "phone" | "mail" | "address" | "place", RegExp>>;
  /** What a question asks for by its nouns. */
  asks: {
    money: string[];
    time: string[];
    colour: string[];
    phone: string[];
    mail: string[];
    measure: string[];
    address: string[];
  };
}

/** What a question asks for by its nouns: "quel prix". */
export type AskedKind = keyof ReplyWords["asks"];
