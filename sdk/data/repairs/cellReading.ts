/**
 * One cell as it stands between two delimiters: its text, and the price of what is wrong with it. A text between
 * delimiters grows to the right, one delimiter after another, so that no character is looked at twice.
 */

import { quoteMarks, type Syntax, unescapeBackslash } from "../records/syntax.ts";
import type { RepairKind } from "../report/report.ts";

export interface CellReading {
  text: string;
  kind?: RepairKind;
  cost: number;
  /** Marks stood around it and were taken off. */
  quoted: boolean;
}

// Of faults of one kind in one cell, the first ones count: a long sentence with many commas is one fault.
const TEXT_DELIMITER = 0.35;
const BARE_DELIMITER = 1;
const FIRST_DELIMITER = 0.3;
const AT_QUOTE = 1.2;
const AFTER_QUESTION = 0.5;
const FURTHER = 0.03;
const MOST_COUNTED = 4;
const NEWLINE = 0.8;
const FURTHER_NEWLINE = 0.2;
const UNCLOSED = 1.8;
const UNOPENED = 0.6;
const UNESCAPED = 1;
const CELL_EDGE = 0.8;
const ODD = 0.6;
// A semicolon of HTML ("&amp;") separates nothing.
const OF_ENTITY = 0.05;
// A quote that is escaped, but not as the others of the file are.
const OTHER_ESCAPE = 0.5;

const newlines = /\r\n?|\n/g;

export class GrowingCell {
  #end: number;
  #delimiters = 0;
  /** Of those, the ones that a sentence would hardly hold. */
  #priced = 0;
  #newlines = 0;
  #quotes = 0;
  #cost = 0;
  readonly #opens: boolean;
  readonly #open: string;
  readonly #close: string;

  /** @param start, end the first piece, up to a delimiter */
  constructor(
    readonly raw: string,
    readonly start: number,
    end: number,
    readonly syntax: Syntax,
  ) {
    const { open, close } = quoteMarks(syntax.quote);
    this.#open = open;
    this.#close = close;
    this.#end = end;
    let first = start;
    while (first < end && raw.charCodeAt(first) <= 32) first++;
    this.#opens = first < end && open !== "" && open.includes(raw[first]);
    this.#count(start, end);
  }

  /** @param end where the piece after the next delimiter ends */
  grow(end: number): void {
    const { raw, syntax } = this;
    const { delimiter } = syntax;
    const at = this.#end;
    this.#cost += delimiter === ";" && endsEntity(raw, this.start, at) ? OF_ENTITY : this.#priceAt(at);
    this.#delimiters++;
    this.#end = end;
    this.#count(at + delimiter.length, end);
  }

  /** Of a delimiter that is text. */
  #priceAt(at: number): number {
    const { raw, syntax } = this;
    const { delimiter } = syntax;
    const before = raw[at - 1];
    const after = raw[at + delimiter.length];
    // In text a blank follows a comma, and digits stand on both sides of one in a number; a separator has neither.
    const likeText = delimiter === " " || after === " " || (isDigit(before) && isDigit(after));
    const counted = this.#priced < MOST_COUNTED;
    let price = counted ? (likeText ? TEXT_DELIMITER : BARE_DELIMITER) : FURTHER;
    if (this.#priced === 0 && delimiter !== " ") price += FIRST_DELIMITER;
    // Marks at its edge speak for cells on both sides, and so does the end of a question.
    const opens = after !== undefined && this.#open.includes(after);
    const closes = before !== undefined && this.#close.includes(before) && this.#quotes % 2 === 1;
    if (opens || closes) price += AT_QUOTE;
    if (before === "?" && after !== " ") price += AFTER_QUESTION;
    this.#priced++;
    return price;
  }

  #count(from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const code = this.raw.charCodeAt(at);
      if (code === 10 || (code === 13 && this.raw.charCodeAt(at + 1) !== 10)) this.#newlines++;
      else if (this.#close !== "" && this.#close.includes(this.raw[at])) this.#quotes++;
    }
  }

  get end(): number {
    return this.#end;
  }

  /** It begins with a quote and ends with one. */
  get isWrapped(): boolean {
    if (!this.#opens) return false;
    let last = this.#end - 1;
    while (last > this.start && this.raw.charCodeAt(last) <= 32) last--;
    return this.#close.includes(this.raw[last]) && this.raw.slice(this.start, last).trim() !== "";
  }

  read(): CellReading {
    const piece = this.raw.slice(this.start, this.#end);
    if (this.isWrapped) return readQuoted(piece.trim(), this.syntax, this.#close);
    let cost = this.#cost;
    let kind: RepairKind | undefined = this.#delimiters > 0 ? "unquoted delimiter" : undefined;
    const inner = this.#newlines === 0 ? 0 : (piece.trim().match(newlines)?.length ?? 0);
    if (inner > 0) {
      cost += NEWLINE + FURTHER_NEWLINE * Math.min(inner, MOST_COUNTED);
      kind = "unquoted newline";
    }
    const text = unescaped(this.syntax.blankAfterDelimiter ? piece.replace(/^ /, "") : piece, this.syntax);
    // One mark alone is text as well as a mark: it is kept, and taken off where columns have a meaning.
    if (this.#opens) return { text, kind: "unclosed quote", cost: UNCLOSED + 0.8 * cost, quoted: false };
    const last = piece.trimEnd().at(-1);
    if (last !== undefined && this.#close.includes(last) && this.#quotes % 2 === 1)
      return { text, kind: kind ?? "quotes", cost: UNOPENED + cost, quoted: false };
    return { text, kind, cost, quoted: false };
  }
}

/** A text without delimiters around it. */
export function readCell(piece: string, syntax: Syntax): CellReading {
  return new GrowingCell(piece, 0, piece.length, syntax).read();
}

function readQuoted(text: string, syntax: Syntax, close: string): CellReading {
  const inner = text.slice(1, -1);
  const pairs = pairsOf(close);
  const isBackslash = syntax.escape === "backslash";
  const rest = isBackslash ? inner.replace(/\\[\s\S]/g, "") : inner.replace(pairs, "");
  const mended = isBackslash ? unescaped(inner, syntax) : inner.replace(pairs, "$1");
  const lone = count(rest, close);
  if (lone === 0) return { text: mended, cost: 0, quoted: true };
  const otherwise = escapedOtherwise(inner, close);
  if (otherwise !== undefined) return { text: otherwise, kind: "quotes", cost: OTHER_ESCAPE, quoted: true };
  const cost = unescapedCost(isBackslash ? rest : inner, lone, syntax, close);
  return { text: mended, kind: "quotes", cost, quoted: true };
}

/** Some marks doubled, others behind a backslash, none without; undefined where it is not so. */
function escapedOtherwise(inner: string, close: string): string | undefined {
  // The last mark of the cell would be text, too.
  if (/(?<!\\)\\(?:\\\\)*$/.test(inner)) return undefined;
  const escaped = new RegExp(`\\\\([${close}])|([${close}])\\2`, "g");
  return count(inner.replace(escaped, ""), close) === 0 ? inner.replace(escaped, "$1$2") : undefined;
}

const patterns = new Map<string, RegExp>();

function pairsOf(close: string): RegExp {
  let pattern = patterns.get(close);
  if (!pattern) {
    pattern = new RegExp(`([${close}])\\1`, "g");
    patterns.set(close, pattern);
  }
  return pattern;
}

/** "&amp" stands before `at`. */
function endsEntity(raw: string, start: number, at: number): boolean {
  // No name of an entity has more letters.
  return /&(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z]\w{1,31})$/i.test(raw.slice(Math.max(start, at - 34), at));
}

/** Marks that stand where a field would end or begin speak for several fields. */
function unescapedCost(inner: string, lone: number, { delimiter }: Syntax, close: string): number {
  let edges = 0;
  if (delimiter !== "")
    for (let at = inner.indexOf(delimiter); at >= 0; at = inner.indexOf(delimiter, at + delimiter.length)) {
      const before = inner[at - 1];
      const after = inner[at + delimiter.length];
      // A quotation inside a sentence may end there, with a blank after the comma.
      if (before !== undefined && close.includes(before))
        edges += after === " " && delimiter !== " " ? 0.2 : 1;
      if (after !== undefined && close.includes(after)) edges++;
    }
  const breaks = inner.match(newlines)?.length ?? 0;
  // Quotations come in pairs; inches do not.
  const odd = lone % 2 === 1 && !/\d["”]/.test(inner) ? ODD : 0;
  return UNESCAPED + 0.02 * Math.min(10, lone) + CELL_EDGE * edges + 0.1 * Math.min(10, breaks) + odd;
}

function unescaped(text: string, { escape: how, quote, delimiter }: Syntax): string {
  if (how !== "backslash" || !text.includes("\\")) return text;
  const { open, close } = quoteMarks(quote);
  return unescapeBackslash(text, open + close, delimiter);
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}

function count(text: string, marks: string): number {
  let found = 0;
  for (const character of text) if (marks.includes(character)) found++;
  return found;
}
