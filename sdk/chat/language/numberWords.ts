/** Numbers, money, measures and numbers of orders in a language. All folded. */
export interface NumberWords {
  /** Number words to their value. */
  numbers: Map<string, number>;
  /** "vingt et un": the word between, and the one after it. Absent: numbers are not joined so. */
  numberAnd?: { and: string; one: string };
  /** Whether a number word multiplies what came before it ("quatre-vingt"). Default: from 100 on. */
  multiplies: (total: number, value: number) => boolean;
  /** Names of currencies to their code. A single letter ("30e") counts only where it is glued to its number. */
  currencies: Map<string, string>;
  /** Spellings of a unit, as stems, to the one that is compared; years to "year", months to "month". */
  units: Map<string, string>;
  /** Units, so spelt, of what may well be another number in an answer: times, money, measures. */
  measures: Set<string>;
  /** Right before a number that is one of an order, at most two words between: matched at the end of the folded text. */
  orderLead: RegExp;
  /** Units glued to digits that make a quantity and no number of an order ("3jours"), beside those of all languages. */
  gluedUnits: string[];
  /** Units right behind a number, which is then a quantity. */
  quantityBehind: RegExp;
  /** Units behind one or two digits, which then belong to no model: "iphone 13 fois". */
  countBehind: RegExp;
  /** A national telephone number, as typed, whole. */
  phone: RegExp;
}
