/**
 * What the reasoning needs to know about a language as such, apart from any shop: a domain file names its
 * language and adds its own words. Nothing outside of this folder knows a word of any language.
 *
 * To add one, write a value with `defineLanguage`, in Latin letters: most rules are optional, and what a language does
 * not say is no rule of it. Words are written folded: lower case, without accents ("ß" is "ss").
 */
import type { ContextWords } from "./contextWords.ts";
import type { NumberWords } from "./numberWords.ts";
import type { ReplyWords } from "./replyWords.ts";
import type { RudeWords } from "./rudeWords.ts";
import type { SpellingWords } from "./spellingWords.ts";
import type { LanguageTexts } from "./texts.ts";
import type { ThingWords } from "./thingWords.ts";
import type { TimeWords } from "./timeWords.ts";

/** What a language sees of a token. */
export interface LanguageWord {
  /** Folded, and as typed. */
  word: string;
  text: string;
  /** Words with no comma or full stop between them have one number. */
  clause: number;
  /** Place in the text as typed. */
  start: number;
  end: number;
}

export interface Language extends SpellingWords, ContextWords, TimeWords, NumberWords, ThingWords {
  /** What a domain file names it by: "fr". */
  code: string;
  /** The domain that ships in this language: a new one begins with its courtesy and its texts. */
  baseDomain?: string;
  /** The plain word that denies. */
  no: string;
  /** Words that turn the meaning of the next few words round. */
  negations: Set<string>;
  /** Whether a clause is negated. Default: it holds one of `negations`. */
  isNegated: (tokens: readonly LanguageWord[]) => boolean;
  /** Phrases of a satisfied or a dissatisfied customer. */
  positive: string[];
  negative: string[];
  /** Phrases that pad the start of an answer. */
  fillers: string[];
  /** Phrases by which an answer says that it does not know. */
  refusals: string[];
  /** Question words to what they ask for. */
  questions: Map<string, QuestionKind>;
  /** Question words, as typed in small letters, that ask only at the beginning: "ou" is more often "or". */
  asksOnlyFirst: Set<string>;
  /** Words of a group mean the same to whoever looks for a fact: "boutique", "magasin". */
  synonyms: string[][];
  /** Words by which one addresses somebody behind a greeting: "coucou toi". */
  vocatives: Set<string>;
  /** What the checks of answers know. */
  replies: ReplyWords;
  /** Insults and threats. Those of every language count in every domain: customers swear in any. */
  rude: RudeWords;
  /** What the program itself says. */
  texts: LanguageTexts;
}

/** What a question asks for. */
export type QuestionKind = "quantity" | "time" | "place" | "manner" | "reason" | "person" | "thing" | "yesno";
