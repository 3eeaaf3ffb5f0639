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
