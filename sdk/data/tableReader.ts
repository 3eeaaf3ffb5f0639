/**
 * Records of one table, mended. Invariant: every record after the header is given back once, as cells that fit the
 * columns or with the reason why not; what is no record (blank lines, comments, a header that comes again, other
 * tables) is counted.
 */
import { type AlignedCell, type Alignment, align } from "./align.ts";
import type { ColumnModel } from "./columnModel.ts";
import { findColumns } from "./columns.ts";
import { isBlankRecord, isComment, type Layout, looksLikeHeader } from "./layout.ts";
import {
  type CellRepair,
  quoteMarks,
  type RecordReader,
  type Syntax,
  type TextRecord,
} from "./recordReader.ts";
import { continues, joins } from "./repairs/continuation.ts";
import { alignOtherwise } from "./repairs/otherDelimiter.ts";
import type { OtherTable } from "./report.ts";

/** A record with as many fields as the table has columns, unless there is a reason why not. */
export type TableRecord = TextRecord;

// A record that goes wrong is searched for its end in so many lines.
const MOST_LINES = 24;
// And given up earlier when so many lines make it no better.
const MOST_DEARER = 5;
const LOOKAHEAD = 1 << 16;
// Beyond it, a reading has more faults than sense.
const MOST_COST = 9;

interface Option {
  cost: number;
  cells: AlignedCell[];
  dropped: number;
  lines: number;
  raw: string;
}

export class TableReader {
  blankLines = 0;
  commentLines = 0;
  readonly otherTables: OtherTable[] = [];
  /** Headers that came again: line and text. */
  readonly repeatedHeaders: { line: number; raw: string }[] = [];
  readonly #columns: number;
  readonly #models: ColumnModel[];
  #pending: TableRecord | undefined;
  #afterBlank = false;
  #inOtherTable = false;
  readonly #openMarks: string;

  constructor(
    readonly reader: RecordReader,
    readonly syntax: Syntax,
    readonly layout: Layout,
  ) {
    this.#columns = layout.header.length;
    this.#models = layout.models;
    this.#openMarks = quoteMarks(syntax.quote).open;
  }

  /** All records that the text so far decides. */
  read(): TableRecord[] {
    const records: TableRecord[] = [];
    const { reader } = this;
    const columns = this.#columns;
    for (;;) {
      const mark = reader.mark();
      const record = reader.next();
      if (!record) break;
      if (record.clean && record.fields.length === columns && !this.#special(record)) {
        if (this.#pending) records.push(this.#pending);
        this.#pending = record;
        this.#afterBlank = false;
        continue;
      }
      // What to do with it depends on the lines that follow.
      if (!reader.complete && reader.waiting < LOOKAHEAD) {
        reader.reset(mark);
        break;
      }
      this.#unusual(record, mark, records);
    }
    if (reader.complete && reader.waiting === 0 && this.#pending) {
      records.push(this.#pending);
      this.#pending = undefined;
    }
    return records;
  }

  /** A record that fits may still be a comment, a header that comes again or the beginning of another table. */
  #special({ raw, fields }: TextRecord): boolean {
    if (this.#inOtherTable || this.#afterBlank) return true;
    const code = raw.charCodeAt(0);
    // "#", "/", "-", "+", "|", "=", ":" or a blank: what a comment, a rule or a blank line begins with.
    if (code <= 35 || code === 47 || code === 45 || code === 43 || code === 124 || code === 61 || code === 58)
      return true;
    return fields[0] === this.layout.header[0] && this.#isHeader(fields);
  }

  #isHeader(fields: readonly string[]): boolean {
    const { header, headerRecords } = this.layout;
    if (headerRecords === 0 || fields.length !== header.length) return false;
    return header.every((name, i) => {
      const field = fields[i].trim();
      return field.toLowerCase() === name.toLowerCase();
    });
  }

  #unusual(record: TextRecord, mark: { at: number; line: number }, records: TableRecord[]): void {
    const columns = this.#columns;
    if (record.raw.trim() === "" && (record.fields.length !== columns || columns === 1)) {
      this.blankLines++;
      this.#afterBlank = true;
      return;
    }
    if (isComment(record.raw, record.fields.length, columns)) {
      this.commentLines++;
      return;
    }
    if (this.#inOtherTable) {
      this.#countOther(record);
      return;
    }
    if (this.#isHeader(record.fields)) {
      this.repeatedHeaders.push({ line: record.line, raw: record.raw });
      this.#afterBlank = false;
      return;
    }
    if (this.#otherTableBegins(record)) {
      this.#inOtherTable = true;
      this.otherTables.push({
        line: record.line,
        columns: record.fields.map((name) => name.trim()),
        records: 0,
      });
      this.#afterBlank = false;
      return;
    }
    if (record.clean && record.fields.length === columns) {
      this.#give(record, records);
      return;
    }
    this.#mend(record, mark, records);
  }

  #give(record: TableRecord, records: TableRecord[]): void {
    if (this.#pending) records.push(this.#pending);
    this.#pending = record;
    this.#afterBlank = false;
  }

  /** Names that are not those of this table, with records below that fit them and not this table. */
  #otherTableBegins({ fields, clean }: TextRecord): boolean {
    const { header } = this.layout;
    if (!clean || (!this.#pending && this.repeatedHeaders.length === 0)) return false;
    if (!looksLikeHeader(fields)) return this.#afterBlank && this.#titleOfTable(fields);
    const names = new Set(header.map((name) => name.toLowerCase()));
    const known = fields.filter((name) => names.has(name.trim().toLowerCase())).length;
    const below = this.#peek();
    if (fields.length !== this.#columns) {
      if (known < 0.5 * fields.length && !this.#afterBlank) return false;
      return below?.clean === true && below.fields.length === fields.length && !looksLikeHeader(below.fields);
    }
    if (!this.#afterBlank) return false;
    if (findColumns(fields)?.exact) return true;
    if (!below?.clean || below.fields.length !== fields.length) return false;
    return this.#models.some(
      (model, i) =>
        model.cost(below.fields[i]) >= 0.5 &&
        model.cost(fields[i]) < 2 &&
        /^[\d$€£+-]/.test(below.fields[i].trim()),
    );
  }

  /** One field after a blank line, and right below it the header of another table. */
  #titleOfTable(fields: readonly string[]): boolean {
    if (this.#columns < 2 || fields.filter((field) => field.trim() !== "").length !== 1) return false;
    const mark = this.reader.mark();
    const below = this.reader.next();
    const isHeader = below?.clean === true && !this.#isHeader(below.fields) && looksLikeHeader(below.fields);
    const row = isHeader ? this.#peek() : undefined;
    const otherShape = below !== undefined && below.fields.length !== this.#columns;
    const fits = row !== undefined && row.fields.length === below?.fields.length;
    const begins = isHeader && fits && (otherShape || findColumns(below.fields) !== undefined);
    if (!begins) this.reader.reset(mark);
    return begins;
  }

  #peek(): TextRecord | undefined {
    const mark = this.reader.mark();
    const record = this.reader.next();
    this.reader.reset(mark);
    return record;
  }

  #countOther(record: TextRecord): void {
    if (this.#afterBlank && looksLikeHeader(record.fields))
      this.otherTables.push({
        line: record.line,
        columns: record.fields.map((name) => name.trim()),
        records: 0,
      });
    else this.otherTables[this.otherTables.length - 1].records++;
    this.#afterBlank = false;
  }

  /** Finds the cheapest reading: this record alone, with lines that follow, or as the end of the one before. */
  #mend(record: TextRecord, mark: { at: number; line: number }, records: TableRecord[]): void {
    const isLast = this.reader.complete && this.reader.waiting === 0;
    const options = this.#forward(record, mark);
    const best = options.reduce<Option | undefined>(
      (a, b) => (a && a.cost <= b.cost + 1e-9 ? a : b),
      undefined,
    );
    const back = this.#backCost(record, isLast);
    if (back < (best?.cost ?? Number.POSITIVE_INFINITY)) {
      this.reader.reset(mark);
      this.reader.next();
      this.#goOn(record);
      return;
    }
    // `forward` left the reader anywhere.
    this.reader.reset(mark);
    if (!best || best.cost > MOST_COST) {
      this.reader.next();
      const reason = record.clean
        ? `${record.fields.length} fields for ${this.#columns} columns`
        : `its quotes leave no reading as ${this.#columns} columns`;
      this.#give({ ...record, reason }, records);
      return;
    }
    if (best.lines === 0) this.reader.next();
    else for (let i = 0; i < best.lines; i++) this.reader.nextLine();
    const repairs: CellRepair[] = best.cells.flatMap(({ kind }, column) => (kind ? [{ column, kind }] : []));
    for (let i = 0; i < best.dropped; i++) repairs.push({ kind: "surplus separator" });
    this.#give({ ...record, fields: best.cells.map(({ text }) => text), raw: best.raw, repairs }, records);
  }

  /** Readings of this record and of it with more and more of the lines that follow. */
  #forward(record: TextRecord, mark: { at: number; line: number }): Option[] {
    const { reader, syntax } = this;
    const models = this.#models;
    const options: Option[] = [];
    const take = (found: Alignment | undefined, raw: string, lines: number, extra: number) => {
      if (found) options.push({ ...found, cost: found.cost + extra, raw, lines });
    };
    // `lines` 0 stands for the record as the reader gave it.
    take(align(record.raw, syntax, models), record.raw, 0, 0);
    if (record.fields.length < this.#columns || !record.clean)
      take(alignOtherwise(record.raw, syntax, models), record.raw, 0, 0);
    const enough = record.clean && record.fields.length > this.#columns;
    if (enough || record.lines > 1) return options;
    reader.reset(mark);
    let raw = "";
    let swallowed = 0;
    let dearer = 0;
    let least = options[0]?.cost ?? Number.POSITIVE_INFINITY;
    for (let lines = 1; lines <= MOST_LINES; lines++) {
      const strict = lines > 1 ? this.#peek() : undefined;
      const line = reader.nextLine();
      if (!line) break;
      if (lines > 1) {
        if (line.raw.trim() === "" && least < 3) break;
        const evidence = joins(raw, line.raw, record.fields[0], (strict ?? line).fields[0], models[0]);
        if (strict && this.#isWhole(strict)) swallowed += 2.5 - 1.4 * Math.max(0, evidence);
        if (swallowed >= least) break;
        raw += line.raw;
        const found = align(raw, syntax, models);
        const quoted = found?.cells.every(({ kind }) => kind !== "unquoted newline");
        take(found, raw, lines, swallowed - (quoted ? 0 : 0.5 * evidence));
        const total = found ? found.cost + swallowed : Number.POSITIVE_INFINITY;
        dearer = total < least ? 0 : dearer + 1;
        if (dearer === MOST_DEARER) break;
        least = Math.min(least, total);
        if (
          raw.split(syntax.delimiter || "\n").length > this.#columns + 12 &&
          !this.#openMarks.includes(record.raw.trimStart()[0])
        )
          break;
      } else raw = line.raw;
      raw += line.end;
    }
    return options;
  }

  /** Complete on its own: to take it for the rest of another record loses a row. */
  #isWhole({ raw, clean, fields }: TextRecord): boolean {
    const marks = this.#openMarks === "" ? 0 : raw.split(this.#openMarks[0]).length - 1;
    return clean && fields.length === this.#columns && marks % 2 === 0 && !isBlankRecord(fields);
  }

  /** The price of reading a record as further lines of the record before. */
  #backCost({ raw, fields, clean }: TextRecord, isLast: boolean): number {
    const pending = this.#pending;
    if (!pending || pending.reason !== undefined || fields.length >= this.#columns || !clean)
      return Number.POSITIVE_INFINITY;
    const at = this.#columns - 1;
    const model = this.#models[at];
    const text = pending.fields[at];
    // Nothing goes on there, and what begins like a record is one.
    if (text.trim() === "") return Number.POSITIVE_INFINITY;
    const like = this.#models[0].typed && this.#models[0].cost(fields[0]) < 1;
    const opens = this.#openMarks !== "" && this.#openMarks.includes(raw.trimStart()[0]);
    const begins = like || opens ? 3 : 0;
    const typed = model.typed ? 2 : 0;
    const blank = this.#afterBlank ? 0.8 : 0;
    const first = fields.length > 1 ? fields[0] : raw;
    const evidence = continues(text, first, model, this.#models[0]);
    // A sum or a signature under the table goes on with nothing.
    const footer = isLast && evidence < -0.5 ? 1.5 : 0;
    // Within a sentence a blank follows.
    const cells = fields.slice(1).some((field) => field !== "" && !/^\s/.test(field)) ? 0.8 : 0;
    return 1.4 + 0.35 * (fields.length - 1) + cells + begins + typed + blank + footer - evidence;
  }

  #goOn({ raw }: TextRecord): void {
    const pending = this.#pending as TableRecord;
    const at = this.#columns - 1;
    const between = this.#afterBlank ? "\n\n" : "\n";
    const fields = [...pending.fields];
    fields[at] = `${fields[at]}${between}${raw}`;
    const known = pending.repairs.some(({ column, kind }) => column === at && kind === "unquoted newline");
    this.#pending = {
      ...pending,
      fields,
      raw: `${pending.raw}${between}${raw}`,
      repairs: known ? pending.repairs : [...pending.repairs, { column: at, kind: "unquoted newline" }],
    };
    this.#afterBlank = false;
  }
}
