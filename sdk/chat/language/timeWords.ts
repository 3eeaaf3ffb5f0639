/** Times in a language. All folded. */
import type { LanguageWord } from "./language.ts";

export interface TimeWords {
  months: Map<string, number>;
  /** Months whose name alone is more often another word: "may". */
  doubtfulMonths: Set<string>;
  /** 0 is Sunday, as in Date. */
  weekdays: Map<string, number>;
  /** Words for a day counted from today. */
  relativeDays: Map<string, number>;
  /** Words for a length of time, to days; 0 for parts of a day. */
  periods: Map<string, number>;
  /** Those of them before minutes: "9 h 40" is a time of day. */
  clockUnits: Set<string>;
  /** How one says a single period: "une". */
  one: Set<string>;
  /** Words before a number of periods that say "that long ago" or "in that long". */
  agoWords: string[];
  inWords: string[];
  /** Words after one: "3 days ago". */
  agoEnds: Set<string>;
  /** Whether the words before and after a number make an age of it: "une ado de 15 ans". Absent: no rule. */
  isAge?: (before: string, after: string) => boolean;
  /** Parts of a day that may follow one: "demain matin". */
  dayParts: Set<string>;
  /** Words that say before a time that it lasts until now: "depuis lundi". */
  sinceWords: Set<string>;
  /** Articles of a day: "depuis le 3". */
  dayArticles: Set<string>;
  /** "1er". */
  firstOfMonth: Set<string>;
  /** Words before a weekday, and stems after one, that say which is meant: "next", "prochain". */
  coming: { before: Set<string>; after: RegExp };
  gone: { before: Set<string>; after: RegExp };
  /** A past tense right before a weekday: "j'ai commandé lundi" means the one before. Absent: no rule. */
  happenedBefore?: RegExp;
  /**
   * Whether a number of one or two digits is a day of no month: "commandé le 3". `isAction` tells whether a token
   * ends an action of the domain. Absent: it never is.
   */
  isBareDay?: (
    raw: string,
    tokens: readonly LanguageWord[],
    at: number,
    isAction: (index: number) => boolean,
  ) => boolean;
  /** Other words that say when: "bientot". */
  looseTimes: string[];
}
