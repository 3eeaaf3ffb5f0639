/** Numbers and amounts of money in a text, in digits and in words. */
import type { CompiledDomain } from "../domain/compile.ts";
import type { AnalysedText, Token } from "./normalise.ts";

/** A piece of a text with its normal form. */
export interface Found {
  text: string;
  start: number;
  end: number;
  normal: string;
}

/** A number with the stem of the word after it, which is mostly its unit. */
export interface NumberInText {
  value: number;
  /** Stem of the next word, as the language's `units` has it: "jour", "kg", "€"; empty at the end of a sentence. */
  unit: string;
  text: string;
  start: number;
  end: number;
}

/** The value of digits as written: "11,3" is 11.3, "1 940" (a thin space) was joined before. */
function digitValue(text: string): number {
  return Number(text.replace(",", "."));
}

/** All numbers of a text with their units. Number words are added up: "vingt-deux" is 22. */
export function numbersIn(text: AnalysedText, domain: CompiledDomain): NumberInText[] {
  const { tokens, raw } = text;
  return readNumbers(text, domain).map(({ value, from, to }) => {
    const next = tokens[to];
    const gap = next === undefined ? "" : raw.slice(tokens[to - 1].end, next.start);
    // A full stop or comma between ends the phrase: what comes after is no unit.
    const unit = next === undefined || /[.,;:?!]/.test(gap) || /[?!]/.test(next.word) ? "" : next.stem;
    const start = tokens[from].start;
    const end = tokens[to - 1].end;
    const name = domain.language.units.get(unit) ?? unit;
    // "2 ans" and "24 mois" are one length of time.
    const years = name === "year";
    return {
      value: years ? value * 12 : value,
      unit: years ? "month" : name,
      text: raw.slice(start, end),
      start,
      end,
    };
  });
}

/** Every number, of the tokens [from, to). */
function readNumbers({ tokens, raw }: AnalysedText, domain: CompiledDomain) {
  const numbers: { value: number; from: number; to: number }[] = [];
  for (let i = 0; i < tokens.length; ) {
    const read = readNumber(tokens, i, raw, domain);
    if (read !== undefined) numbers.push({ ...read, from: i });
    i = read?.to ?? i + 1;
  }
  return numbers;
}

function readNumber(
  tokens: readonly Token[],
  at: number,
  raw: string,
  domain: CompiledDomain,
): { value: number; to: number } | undefined {
  const first = tokens[at].word;
  if (/^\d/.test(first)) {
    // An address ("10.77.0.1") or a date is no number.
    if (Number.isNaN(digitValue(first))) return undefined;
    let digits = first;
    let to = at + 1;
    // "1 940": groups of three digits after a single space are one number.
    while (
      /^\d{1,3}(?: ?\d{3})*$/.test(digits) &&
      /^\d{3}(?:[.,]\d\d)?$/.test(tokens[to]?.word ?? "") &&
      /^[\s\u00a0\u202f]$/.test(raw.slice(tokens[to - 1].end, tokens[to].start))
    )
      digits += tokens[to++].word;
    // "9 h 40" keeps its minutes, "12€50" its cents.
    const cents = tokens[to + 1]?.word ?? "";
    if (
      domain.language.currencies.has(tokens[to]?.word) &&
      /^\d\d$/.test(cents) &&
      tokens[to + 1].start === tokens[to].end
    )
      return { value: digitValue(digits) + Number(cents) / 100, to: to + 2 };
    return { value: digitValue(digits), to };
  }
  const { numbers, numberAnd, multiplies } = domain.language;
  let total = 0;
  let to = at;
  while (to < tokens.length) {
    const value = numbers.get(tokens[to].word);
    if (value === undefined) {
      // "vingt et un": "et" inside a number.
      if (to > at && tokens[to].word === numberAnd?.and && tokens[to + 1]?.word === numberAnd.one) {
        total += 1;
        to += 2;
      }
      break;
    }
    total = multiplies(total, value) ? Math.max(1, total) * value : total + value;
    to++;
  }
  return to === at ? undefined : { value: total, to };
}

/** Amounts of money: "12,50 €", "30 euros", "12€50". Normal form: "12.50 EUR". */
export function findAmounts(text: AnalysedText, domain: CompiledDomain): Found[] {
  const { currencies } = domain.language;
  const { tokens, raw } = text;
  const found: Found[] = [];
  for (const { value, from, to } of readNumbers(text, domain)) {
    const after = tokens[to];
    const before = tokens[from - 1];
    const inside = tokens.slice(from, to).find((token) => currencies.has(token.word));
    const mark = inside ?? [after, before].find((token) => token !== undefined && currencies.has(token.word));
    if (mark === undefined) {
      // "payé 19.99": two decimals without a unit are money.
      const digits = raw.slice(tokens[from].start, tokens[to - 1].end);
      if (
        /^\d+[.,]\d\d$/.test(digits) &&
        !/^[a-z]{1,3}$/.test(after?.start === tokens[to - 1].end ? after.word : "")
      )
        found.push({
          text: digits,
          start: tokens[from].start,
          end: tokens[to - 1].end,
          normal: `${value.toFixed(2)} ${domain.domain.entities.currency}`,
        });
      continue;
    }
    // The e of "30e" is money, that of "2e étage" is not.
    if (/^[a-z]$/.test(mark.word) && (mark !== after || mark.start !== tokens[to - 1].end || value < 4))
      continue;
    const start = mark === before ? before.start : tokens[from].start;
    const end = mark === after ? after.end : tokens[to - 1].end;
    found.push({
      text: raw.slice(start, end),
      start,
      end,
      normal: `${value.toFixed(2)} ${currencies.get(mark.word)}`,
    });
  }
  return found;
}
