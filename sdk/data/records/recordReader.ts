/**
 * Text to records, strictly by a dialect and as fast as it goes. What breaks the rules is not interpreted here: the
 * record is marked as broken and gives its first line only; `Mender` mends it.
 * Invariant: the `raw` texts of all records, with their record ends between, are the text.
 */
import { anyOf, Finder } from "./finder.ts";
import { isEscaped, quoteMarks, type Syntax, unescapeBackslash } from "./syntax.ts";
import { TextRecord } from "./textRecord.ts";

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
// No closing mark: the field is still open at the end of what there is.
const OPEN = -2;

/** A place between two records. */
export interface Mark {
  start: number;
  line: number;
}

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
  readonly #separator: Finder;
  readonly #open: string;
  readonly #close: string;
  readonly #delimiter: string;
  readonly #backslash: boolean;
  readonly #doubled: boolean;
  readonly #blankAfter: boolean;
  readonly #maxCell: number;
  /** The quoted field at hand holds marks that are escaped. */
  #hasEscapes = false;
  /** Fields of the last record: most have as many, and an array of the right size is the smallest. */
  #width = 1;

  /** @param maxCell a quoted field that is still open after so many characters was never closed */
  constructor({ delimiter, quote, escape: how, blankAfterDelimiter }: Syntax, maxCell: number) {
    const { open, close } = quoteMarks(quote);
    this.#maxCell = maxCell;
    this.#delimiter = delimiter;
    this.#backslash = how === "backslash";
    this.#doubled = how === "doubled";
    this.#blankAfter = blankAfterDelimiter;
    this.#open = open;
    this.#close = close;
    this.#opening = anyOf(open);
    this.#closing = anyOf(close);
    this.#separator = new Finder(delimiter);
  }

  /** @param last no more text comes */
  append(text: string, last: boolean): void {
    this.#text = this.#at < this.#text.length ? this.#text.slice(this.#at) + text : text;
    this.#at = 0;
    for (const finder of [this.#lf, this.#cr, this.#opening, this.#closing, this.#separator]) finder.forget();
    this.#last = last;
  }

  /** Characters that are there and not read yet. */
  get waiting(): number {
    return this.#text.length - this.#at;
  }

  get complete(): boolean {
    return this.#last;
  }

  mark(): Mark {
    return { start: this.#at, line: this.line };
  }

  /** Back to an earlier mark or record, with no text appended in between. */
  reset({ start, line }: Mark): void {
    this.#at = start;
    this.line = line;
  }

  /** The next record; undefined when its end has not come yet, or there is no more. */
  next(): TextRecord | undefined {
    const start = this.#at;
    if (start >= this.#text.length) return undefined;
    const end = this.#lineEnd(start);
    if (end < 0) return undefined;
    if (this.#opening.find(this.#text, start) < end) return this.#quoted(start, end);
    return this.#finish(this.#split(start, end), start, end, 1, true);
  }

  /** The next line as a record of its own, whatever its quotes say. */
  nextLine(): TextRecord | undefined {
    const start = this.#at;
    if (start >= this.#text.length) return undefined;
    const end = this.#lineEnd(start);
    return end < 0 ? undefined : this.#finish(this.#split(start, end), start, end, 1, false);
  }

  /** The next record, which stays to be read. */
  peek(): TextRecord | undefined {
    const mark = this.mark();
    const record = this.next();
    this.reset(mark);
    return record;
  }

  #finish(fields: string[], start: number, end: number, lines: number, clean: boolean): TextRecord {
    const text = this.#text;
    const { line } = this;
    const isPair = text.charCodeAt(end) === CR && text.charCodeAt(end + 1) === LF;
    this.#at = Math.min(text.length, end + (isPair ? 2 : 1));
    this.line = line + lines;
    this.#width = fields.length;
    return new TextRecord(fields, clean, line, lines, text, start, end);
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

  /** Fields between delimiters, whatever their quotes say. */
  #split(start: number, end: number): string[] {
    const fields = new Array<string>(this.#width);
    let count = 0;
    for (let at = start; ; ) {
      const next = this.#delimiterIn(at, end);
      fields[count++] = this.#plain(at, next < 0 ? end : next);
      if (next < 0) break;
      at = next + this.#delimiter.length;
    }
    if (fields.length > count) fields.length = count;
    return fields;
  }

  /** A record whose first line holds a quote. */
  #quoted(start: number, firstEnd: number): TextRecord | undefined {
    const text = this.#text;
    const fields = new Array<string>(this.#width);
    let count = 0;
    let lines = 1;
    let end = firstEnd;
    for (let at = start; ; at += this.#delimiter.length) {
      const first = this.#skipBlanks(at, text.length);
      if (first < text.length && this.#isMark(first, this.#open)) {
        const close = this.#closingMark(first + 1);
        if (close === OPEN) {
          const tooLong = text.length - first > this.#maxCell;
          return this.#last || tooLong ? this.#broken(start) : undefined;
        }
        if (close > end) {
          lines += countLines(text, end, close);
          end = this.#lineEnd(close);
          if (end < 0) return undefined;
        }
        fields[count++] = this.#unescape(first + 1, close);
        at = this.#skipBlanks(close + 1, end);
        if (at >= end) break;
        if (!this.#isDelimiter(at)) return this.#broken(start);
      } else {
        const next = this.#delimiterIn(at, end);
        fields[count++] = this.#plain(at, next < 0 ? end : next);
        if (next < 0) break;
        at = next;
      }
    }
    if (fields.length > count) fields.length = count;
    return this.#finish(fields, start, end, lines, true);
  }

  #broken(start: number): TextRecord | undefined {
    const end = this.#lineEnd(start);
    return end < 0 ? undefined : this.#finish(this.#split(start, end), start, end, 1, false);
  }

  #isDelimiter(at: number): boolean {
    return this.#delimiter !== "" && this.#text.startsWith(this.#delimiter, at);
  }

  #isMark(at: number, marks: string): boolean {
    const code = this.#text.charCodeAt(at);
    for (let i = 0; i < marks.length; i++) if (marks.charCodeAt(i) === code) return true;
    return false;
  }

  #skipBlanks(from: number, to: number): number {
    let at = from;
    for (; at < to; at++) {
      const code = this.#text.charCodeAt(at);
      if ((code !== SPACE && code !== TAB) || this.#isDelimiter(at)) break;
    }
    return at;
  }

  /** The first delimiter of a stretch, or -1. */
  #delimiterIn(from: number, end: number): number {
    let at = this.#separator.find(this.#text, from);
    while (at < end && this.#backslash && isEscaped(this.#text, at, from))
      at = this.#separator.find(this.#text, at + this.#delimiter.length);
    return at < end ? at : -1;
  }

  /** A field without quotes. */
  #plain(start: number, end: number): string {
    const from =
      this.#blankAfter && this.#text.charCodeAt(start) === SPACE && start < end ? start + 1 : start;
    const field = this.#text.slice(from, end);
    return this.#backslash ? unescapeBackslash(field, this.#open + this.#close, this.#delimiter) : field;
  }

  /** The mark that closes a field, or `OPEN`. */
  #closingMark(from: number): number {
    const text = this.#text;
    const limit = from + this.#maxCell;
    this.#hasEscapes = false;
    for (let at = from; ; this.#hasEscapes = true) {
      const close = this.#closing.find(text, at);
      if (close > limit || close >= text.length) return OPEN;
      if (this.#backslash && isEscaped(text, close, from)) at = close + 1;
      else if (this.#doubled && this.#isMark(close + 1, this.#close)) at = close + 2;
      // Whether it is doubled shows the next character only.
      else return close + 1 >= text.length && !this.#last ? OPEN : close;
    }
  }

  /** The text between quotes. */
  #unescape(start: number, close: number): string {
    const field = this.#text.slice(start, close);
    if (this.#backslash) return unescapeBackslash(field, this.#open + this.#close, this.#delimiter);
    if (!this.#hasEscapes) return field;
    const mark = this.#text[close];
    return field.replaceAll(mark + mark, mark);
  }
}

/** Record ends in a stretch of text; CR LF is one. */
function countLines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code === LF || (code === CR && text.charCodeAt(at + 1) !== LF)) count++;
  }
  return count;
}
