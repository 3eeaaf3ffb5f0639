/**
 * Text to records, strictly by a dialect and as fast as it goes. What breaks the rules is not interpreted here: the
 * record is marked as broken and gives its first line only; `records.ts` mends it.
 * Invariant: the `raw` texts of all records, with their record ends between, are the text.
 */

import type { RepairKind } from "./report.ts";

/** The part of a dialect that splits text. */
export interface Syntax {
  delimiter: string;
  /** Opening and closing marks; "" for none. `quote[i]` is closed by any mark of `closing`. */
  quote: string;
  escape: "doubled" | "backslash" | "none";
  blankAfterDelimiter: boolean;
}

export interface TextRecord {
  fields: string[];
  /** As it stands in the text, without its record end. */
  raw: string;
  /** Where it begins, from 1. */
  line: number;
  /** How many lines it takes. */
  lines: number;
  /** What its record end is: "\n", "\r\n", "\r", or "" at the end of the text. */
  end: string;
  /** False where quotes break the rules; then `fields` are split at every delimiter. */
  clean: boolean;
  /** What was mended in it; none as the reader gives it. */
  repairs: CellRepair[];
  /** Why it could not be read as cells. */
  reason?: string;
}

export interface CellRepair {
  /** Place of the column; undefined where the whole record is meant. */
  column?: number;
  kind: RepairKind;
}

const noRepairs: CellRepair[] = [];

/** Which marks open and which close a field. */
export function quoteMarks(quote: string): { open: string; close: string } {
  if (quote === "“”") return { open: "“”„", close: "“”" };
  if (quote === "«»") return { open: "«", close: "»" };
  return { open: quote, close: quote };
}

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;

export class RecordReader {
  /** Line of the next record, from 1. */
  line = 1;
  #text = "";
  #at = 0;
  #last = false;
  readonly #lf = new Finder("\n");
  readonly #cr = new Finder("\r");
  readonly #opening: Finder;
  readonly #closing: Finder;
  readonly #open: string;
  readonly #close: string;
  readonly #backslash: boolean;
  readonly #doubled: boolean;
  readonly #syntax: Syntax;
  readonly #maxCell: number;

  /** @param maxCell a quoted field that is still open after so many characters was never closed */
  constructor(syntax: Syntax, maxCell: number) {
    this.#syntax = syntax;
    this.#maxCell = maxCell;
    const { open, close } = quoteMarks(syntax.quote);
    this.#backslash = syntax.escape === "backslash";
    this.#doubled = syntax.escape === "doubled";
    this.#open = open;
    this.#close = close;
    this.#opening = new Finder(open);
    this.#closing = new Finder(close);
  }

  /** @param last no more text comes */
  append(text: string, last: boolean): void {
    this.#text = this.#at < this.#text.length ? this.#text.slice(this.#at) + text : text;
    this.#at = 0;
    for (const finder of [this.#lf, this.#cr, this.#opening, this.#closing]) finder.forget();
    this.#last = last;
  }

  /** Characters that are there and not read yet. */
  get waiting(): number {
    return this.#text.length - this.#at;
  }

  get complete(): boolean {
    return this.#last;
  }

  mark(): { at: number; line: number } {
    return { at: this.#at, line: this.line };
  }

  /** Back to an earlier mark, with no text appended in between. */
  reset({ at, line }: { at: number; line: number }): void {
    this.#at = at;
    this.line = line;
  }

  /** The next record; undefined when its end has not come yet, or there is no more. */
  next(): TextRecord | undefined {
    const start = this.#at;
    const text = this.#text;
    if (start >= text.length) return undefined;
    const end = this.#lineEnd(start);
    if (end < 0) return undefined;
    if (this.#opening.find(text, start) >= end) {
      const raw = text.slice(start, end);
      return this.#finish(this.#split(raw), raw, end, 1, true);
    }
    return this.#quoted(start, end);
  }

  /** The next line as a record of its own, whatever its quotes say. */
  nextLine(): TextRecord | undefined {
    const start = this.#at;
    if (start >= this.#text.length) return undefined;
    const end = this.#lineEnd(start);
    if (end < 0) return undefined;
    const raw = this.#text.slice(start, end);
    return this.#finish(this.#split(raw), raw, end, 1, false);
  }

  #split(raw: string): string[] {
    const { delimiter, blankAfterDelimiter } = this.#syntax;
    if (delimiter === "") return [raw];
    if (this.#backslash && raw.includes("\\")) return splitEscaped(raw, this.#syntax);
    const fields = raw.split(delimiter);
    return blankAfterDelimiter ? fields.map(withoutBlank) : fields;
  }

  #finish(fields: string[], raw: string, end: number, lines: number, clean: boolean): TextRecord {
    const text = this.#text;
    let endText = "";
    if (end < text.length) {
      if (text.charCodeAt(end) === LF) endText = "\n";
      else endText = text.charCodeAt(end + 1) === LF ? "\r\n" : "\r";
    }
    const record: TextRecord = {
      fields,
      raw,
      line: this.line,
      lines,
      end: endText,
      clean,
      repairs: noRepairs,
      reason: undefined,
    };
    this.#at = end + endText.length;
    this.line += lines;
    return record;
  }

  /** Where the line ends; -1 when that has not come yet. */
  #lineEnd(from: number): number {
    const text = this.#text;
    const cr = this.#cr.find(text, from);
    const end = Math.min(cr, this.#lf.find(text, from), text.length);
    // The last character may be the first half of CR LF.
    if (!this.#last && (end >= text.length || (end === cr && end + 1 === text.length))) return -1;
    return end;
  }

  /** A record whose first line holds a quote. */
  #quoted(start: number, firstEnd: number): TextRecord | undefined {
    const text = this.#text;
    const { delimiter } = this.#syntax;
    const fields: string[] = [];
    let at = start;
    let lines = 1;
    let end = firstEnd;
    for (;;) {
      let first = at;
      while (isBlank(text.charCodeAt(first)) && !text.startsWith(delimiter, first)) first++;
      if (first < text.length && this.#open.includes(text[first])) {
        const close = this.#closingMark(first + 1);
        if (close === -2) {
          const tooLong = text.length - first > this.#maxCell;
          if (!this.#last && !tooLong) return undefined;
          return this.#broken(start);
        }
        if (close > end) {
          lines += countLines(text, end, close);
          end = this.#lineEnd(close);
          if (end < 0) return undefined;
        }
        let after = close + 1;
        while (after < end && isBlank(text.charCodeAt(after)) && !text.startsWith(delimiter, after)) after++;
        if (after < end && !(delimiter !== "" && text.startsWith(delimiter, after)))
          return this.#broken(start);
        fields.push(this.#unescape(text.slice(first + 1, close), text[close]));
        if (after >= end) break;
        at = after + delimiter.length;
      } else {
        const next = this.#delimiterIn(at, end);
        const field = this.#plain(text.slice(at, next < 0 ? end : next));
        fields.push(this.#syntax.blankAfterDelimiter ? withoutBlank(field) : field);
        if (next < 0) break;
        at = next + delimiter.length;
      }
    }
    return this.#finish(fields, text.slice(start, end), end, lines, true);
  }

  #delimiterIn(from: number, end: number): number {
    const { delimiter } = this.#syntax;
    if (delimiter === "") return -1;
    let at = this.#text.indexOf(delimiter, from);
    while (at >= 0 && at < end && this.#backslash && isEscaped(this.#text, at, from))
      at = this.#text.indexOf(delimiter, at + delimiter.length);
    return at >= end ? -1 : at;
  }

  #plain(field: string): string {
    return this.#backslash && field.includes("\\")
      ? unescapeBackslash(field, this.#open + this.#close, this.#syntax.delimiter)
      : field;
  }

  /** The mark that closes a field; -2 when there is none. */
  #closingMark(from: number): number {
    const text = this.#text;
    const limit = from + this.#maxCell;
    let at = from;
    for (;;) {
      const close = this.#closing.find(text, at);
      if (close > limit || close >= text.length) return -2;
      if (this.#backslash && isEscaped(text, close, from)) {
        at = close + 1;
        continue;
      }
      if (this.#doubled && this.#close.includes(text[close + 1] ?? "\n")) {
        at = close + 2;
        continue;
      }
      // Whether it is doubled shows the next character only.
      if (close + 1 >= text.length && !this.#last) return -2;
      return close;
    }
  }

  #unescape(field: string, close: string): string {
    if (this.#backslash)
      return field.includes("\\")
        ? unescapeBackslash(field, this.#open + this.#close, this.#syntax.delimiter)
        : field;
    return this.#doubled && field.includes(close) ? field.replaceAll(close + close, close) : field;
  }

  #broken(start: number): TextRecord | undefined {
    const end = this.#lineEnd(start);
    if (end < 0) return undefined;
    const raw = this.#text.slice(start, end);
    return this.#finish(this.#split(raw), raw, end, 1, false);
  }
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

function withoutBlank(field: string, i: number): string;
function withoutBlank(field: string): string;
function withoutBlank(field: string): string {
  return field.charCodeAt(0) === SPACE ? field.slice(1) : field;
}

/** The next place of any of some characters, searched for once although it is asked for often. */
class Finder {
  #from = 0;
  #found = -1;
  readonly #any: RegExp | undefined;

  constructor(readonly marks: string) {
    if (marks.length > 1) this.#any = new RegExp(`[${marks}]`, "g");
  }

  forget(): void {
    this.#from = 0;
    this.#found = -1;
  }

  /** @returns Infinity when there is none */
  find(text: string, from: number): number {
    if (from >= this.#from && from <= this.#found) return this.#found;
    this.#from = from;
    let at = -1;
    if (this.#any) {
      this.#any.lastIndex = from;
      at = this.#any.exec(text)?.index ?? -1;
    } else if (this.marks !== "") at = text.indexOf(this.marks, from);
    this.#found = at < 0 ? Number.POSITIVE_INFINITY : at;
    return this.#found;
  }
}

/** True when a cell with this text stands in quotes in its record, as far as its beginning shows. */
export function standsQuoted(field: string, raw: string, quote: string): boolean {
  return quote !== "" && raw.includes(quote + field.slice(0, 12).replaceAll(quote, quote + quote));
}

/** True when an odd number of backslashes stands before. */
function isEscaped(text: string, at: number, from: number): boolean {
  let count = 0;
  while (at - 1 - count >= from && text.charCodeAt(at - 1 - count) === 92) count++;
  return count % 2 === 1;
}

/** `\"`, `\\` and an escaped delimiter lose their backslash; any other stays, as in `C:\data` or `\n` of JSON. */
export function unescapeBackslash(field: string, quotes: string, delimiter: string): string {
  return field.replace(/\\([\s\S])/g, (both, character: string) =>
    character === "\\" || quotes.includes(character) || character === delimiter ? character : both,
  );
}

function splitEscaped(raw: string, { delimiter, quote, blankAfterDelimiter }: Syntax): string[] {
  const fields: string[] = [];
  let start = 0;
  for (let at = raw.indexOf(delimiter); ; at = raw.indexOf(delimiter, at + delimiter.length)) {
    if (at >= 0 && isEscaped(raw, at, start)) continue;
    const field = raw.slice(start, at < 0 ? raw.length : at);
    const { open, close } = quoteMarks(quote);
    fields.push(
      unescapeBackslash(blankAfterDelimiter ? withoutBlank(field) : field, open + close, delimiter),
    );
    if (at < 0) return fields;
    start = at + delimiter.length;
  }
}

/** Record ends in a stretch of text; CR LF is one. */
export function countLines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code === LF || (code === CR && text.charCodeAt(at + 1) !== LF)) count++;
  }
  return count;
}
