/**
 * Finds out what a record that does not fit was meant to be: itself with faults, itself with lines that follow, or
 * further lines of the record before. The cheapest wins; a text that goes wrong costs a bounded look at what follows.
 */

import { type ColumnModel, endsSentence } from "../columns/columnModel.ts";
import { isBlankRecord, isMarkedTitle, isName } from "../detect/recordKind.ts";
import type { RecordReader } from "../records/recordReader.ts";
import { quoteMarks, type Syntax } from "../records/syntax.ts";
import type { CellRepair, TextRecord } from "../records/textRecord.ts";
import { type AlignedCell, type Alignment, align } from "./align.ts";
import { continues, joins } from "./continuation.ts";
import { alignOtherwise } from "./otherDelimiter.ts";

/** Characters that must follow, for a decision that the end of the text does not make. */
export const LOOKAHEAD = 1 << 16;
// A record that goes wrong is searched for its end in so many lines.
const MOST_LINES = 24;
// And given up earlier when so many lines make it no better.
const MOST_DEARER = 5;
// A text that lines are added to without quotes: each addition copies it, and no answer is as long.
const LONGEST_JOINED = 1 << 16;
// Of its end so much is looked at.
const SEAM = 200;
// Beyond it, a reading has more faults than sense.
const MOST_COST = 9;

interface Reading {
  cost: number;
  cells: AlignedCell[];
  dropped: number;
  /** How many lines it takes; 0: the record as the reader gave it. */
  lines: number;
  raw: string;
}

export interface Mended {
  record: TextRecord;
  /** It is the record before, with this one as its end. */
  replacesPending: boolean;
}

export class Mender {
  readonly #columns: number;
  readonly #openMarks: string;
  readonly #closeMarks: string;

  constructor(
    readonly reader: RecordReader,
    readonly syntax: Syntax,
    readonly models: readonly ColumnModel[],
  ) {
    this.#columns = models.length;
    const { open, close } = quoteMarks(syntax.quote);
    this.#openMarks = open;
    this.#closeMarks = close;
  }

  /**
   * Leaves the reader behind all that it took.
   *
   * @param pending the record before
   */
  mend(record: TextRecord, pending: TextRecord | undefined, afterBlank: boolean): Mended {
    const { reader } = this;
    const isLast = reader.complete && reader.waiting === 0;
    const best = this.#readings(record).reduce<Reading | undefined>(
      (a, b) => (a && a.cost <= b.cost + 1e-9 ? a : b),
      undefined,
    );
    const back = pending ? this.#backCost(record, pending, afterBlank, isLast) : Number.POSITIVE_INFINITY;
    // To look at what follows has moved the reader.
    reader.reset(record);
    if (pending && back < (best?.cost ?? Number.POSITIVE_INFINITY)) {
      reader.next();
      return { record: this.#joined(pending, record.raw, afterBlank), replacesPending: true };
    }
    if (!best || best.cost > MOST_COST) {
      reader.next();
      const reason = record.clean
        ? `${record.fields.length} fields for ${this.#columns} columns`
        : `its quotes leave no reading as ${this.#columns} columns`;
      return { record: record.because(reason), replacesPending: false };
    }
    if (best.lines === 0) reader.next();
    else for (let i = 0; i < best.lines; i++) reader.nextLine();
    const repairs: CellRepair[] = best.cells.flatMap(({ kind }, column) => (kind ? [{ column, kind }] : []));
    for (let i = 0; i < best.dropped; i++) repairs.push({ kind: "surplus separator" });
    const fields = best.cells.map(({ text }) => text);
    return { record: record.mended(fields, repairs, best.raw), replacesPending: false };
  }

  /** Readings of this record and of it with more and more of the lines that follow. */
  #readings(record: TextRecord): Reading[] {
    const { reader, syntax, models } = this;
    const readings: Reading[] = [];
    const take = (found: Alignment | undefined, raw: string, lines: number, extra: number) => {
      if (found) readings.push({ ...found, cost: found.cost + extra, raw, lines });
    };
    take(align(record.raw, syntax, models), record.raw, 0, 0);
    if (record.fields.length < this.#columns || !record.clean)
      take(alignOtherwise(record.raw, syntax, models), record.raw, 0, 0);
    const enough = record.clean && record.fields.length > this.#columns;
    if (enough || record.lines > 1) return readings;
    reader.reset(record);
    const own = reader.nextLine();
    if (!own) return readings;
    const opens = this.#opens(record.raw);
    const closes = opens && this.#isClosed(record.raw, readings[0]);
    let raw = own.raw + own.end;
    let swallowed = 0;
    let dearer = 0;
    let least = readings[0]?.cost ?? Number.POSITIVE_INFINITY;
    for (let lines = 2; lines <= MOST_LINES && dearer < MOST_DEARER; lines++) {
      const strict = reader.peek();
      const line = reader.nextLine();
      if (!line || (line.raw.trim() === "" && least < 3)) break;
      // A mark on both sides of the line's end: one record closes and another opens.
      if (lines === 2 && closes && this.#opens(line.raw)) break;
      const evidence = joins(raw, line.raw, record.fields[0], (strict ?? line).fields[0], models[0]);
      if (strict && this.#isWhole(strict)) swallowed += 2.5 - 1.4 * Math.max(0, evidence);
      if (swallowed >= least) break;
      raw += line.raw;
      const found = align(raw, syntax, models);
      const quoted = found?.cells.every(({ kind }) => kind !== "unquoted newline");
      take(found, raw, lines, swallowed - (quoted ? 0 : 0.5 * evidence));
      const total = found ? found.cost + swallowed : Number.POSITIVE_INFINITY;
      dearer = total < least ? 0 : dearer + 1;
      least = Math.min(least, total);
      if (!opens && raw.split(syntax.delimiter || "\n").length > this.#columns + 12) break;
      raw += line.end;
    }
    return readings;
  }

  #opens(raw: string): boolean {
    return this.#openMarks !== "" && this.#openMarks.includes(raw.trimStart()[0]);
  }

  /** It ends with a mark, and nothing but marks inside its cells or a separator between them is wrong with it. */
  #isClosed(raw: string, reading: Reading | undefined): boolean {
    const isWhole = reading?.cells.every(
      ({ kind }) => kind === undefined || kind === "quotes" || kind === "missing separator",
    );
    return isWhole === true && this.#closeMarks !== "" && this.#closeMarks.includes(raw.trimEnd().slice(-1));
  }

  /** Complete on its own: to take it for the rest of another record loses a row. */
  #isWhole({ raw, clean, fields }: TextRecord): boolean {
    const marks = this.#openMarks === "" ? 0 : raw.split(this.#openMarks[0]).length - 1;
    return clean && fields.length === this.#columns && marks % 2 === 0 && !isBlankRecord(fields);
  }

  /** The price of reading a record as further lines of the record before. */
  #backCost(
    { raw, fields, clean }: TextRecord,
    pending: TextRecord,
    afterBlank: boolean,
    isLast: boolean,
  ): number {
    if (pending.reason !== undefined || fields.length >= this.#columns || !clean)
      return Number.POSITIVE_INFINITY;
    const at = this.#columns - 1;
    const [begin, model] = [this.models[0], this.models[at]];
    const { length } = pending.fields[at];
    const text = pending.fields[at].slice(-SEAM);
    // Nothing goes on there, and a title is none of its lines.
    if (length > LONGEST_JOINED || text.trim() === "" || isMarkedTitle(raw)) return Number.POSITIVE_INFINITY;
    const like = begin.typed && begin.cost(fields[0]) < 1;
    const begins = like || this.#opens(raw) ? 3 : 0;
    const typed = model.typed ? 2 : 0;
    const blank = afterBlank ? 0.8 : 0;
    const first = fields.length > 1 ? fields[0] : raw;
    const evidence = continues(text, first, model, begin);
    // A sum, a signature or a title goes on with nothing, and ends like no sentence where cells are sentences.
    const noSentence = endsSentence(text) && model.endedShare > 0.65 && !endsSentence(raw);
    const title = isLast
      ? evidence < -0.5 || noSentence
      : noSentence && isTitle(raw) && !isJoined(pending, at);
    // Within a sentence a blank follows.
    const cells = fields.slice(1).some((field) => field !== "" && !/^\s/.test(field)) ? 0.8 : 0;
    return 1.4 + 0.35 * (fields.length - 1) + cells + begins + typed + blank + (title ? 2 : 0) - evidence;
  }

  /** The record before, gone on with this line. */
  #joined(pending: TextRecord, raw: string, afterBlank: boolean): TextRecord {
    const at = this.#columns - 1;
    const between = afterBlank ? "\n\n" : "\n";
    const fields = [...pending.fields];
    const repairs = [...pending.repairs];
    // What looked like one separator too many at the end of its line is a mark of the sentence that goes on.
    const { delimiter } = this.syntax;
    if (repairs.at(-1)?.kind === "surplus separator" && pending.raw.trimEnd().endsWith(delimiter)) {
      repairs.pop();
      fields[at] += delimiter;
    }
    fields[at] += between + raw;
    if (!isJoined(pending, at)) repairs.push({ column: at, kind: "unquoted newline" });
    return pending.mended(fields, repairs, `${pending.raw}${between}${raw}`);
  }
}

/** Lines were added to it: what else is short may be the end of a letter. */
function isJoined({ repairs }: TextRecord, at: number): boolean {
  return repairs.some(({ column, kind }) => column === at && kind === "unquoted newline");
}

/** A name that begins with a capital: "Returns", "RETOURS". */
function isTitle(raw: string): boolean {
  return isName(raw) && /^\s*\p{Lu}/u.test(raw);
}
