/**
 * Text of a CSV file, piece by piece, to records of its (first) table. What the file is like is decided on its first
 * piece; after that memory does not grow with the file.
 */

import type { ColumnModel } from "../columns/columnModel.ts";
import type { ColumnNames } from "../columns/columns.ts";
import { confidence, type Ranking, rankDialects, runnerUp } from "../detect/dialect.ts";
import { findLayout, type Layout } from "../detect/layout.ts";
import { RecordReader } from "../records/recordReader.ts";
import { type Syntax, standsQuoted } from "../records/syntax.ts";
import { align } from "../repairs/align.ts";
import { looksDecodedTwice, mendDecodedTwice } from "../repairs/decodedTwice.ts";
import { alignOtherwise } from "../repairs/otherDelimiter.ts";
import type { Dialect } from "../report/report.ts";
import { TableReader, type TableRecord } from "./tableReader.ts";

export interface ParserOptions {
  delimiter?: string;
  quote?: string;
  escape?: Syntax["escape"];
  columns?: Partial<ColumnNames>;
  maxCellLength: number;
  maxColumns: number;
}

// Characters that the dialect and the layout are read from.
const SAMPLE = 1 << 16;

export class CsvParser {
  readonly dialect: Dialect;
  readonly layout: Layout;
  readonly syntax: Syntax;
  /** Lines before the header. */
  readonly preambleLines: number;
  /** Cells of the sample have blanks around them that no quote holds. */
  readonly padded: boolean;
  readonly table: TableReader;
  readonly #reader: RecordReader;
  #special = false;

  /**
   * @param text the first piece, or the whole text
   * @param whole nothing follows
   * @throws when there are more columns than `maxColumns`
   */
  constructor(
    readonly source: string,
    text: string,
    whole: boolean,
    encoding: string,
    readonly options: ParserOptions,
  ) {
    const body = text.replace(/^\uFEFF/, "");
    const sep = /^"?sep=(.)"?[ \t;,]*(?:\r\n?|\n|$)/i.exec(body);
    const asWritten = sampleOf(body.slice(sep?.[0].length ?? 0), whole);
    const sample = withoutFaultsOfCharacters(asWritten);
    const ranking = rankDialects(sample, {
      delimiter: options.delimiter ?? sep?.[1],
      quote: options.quote,
      escape: options.escape,
    });
    this.syntax = ranking[0].syntax;
    this.layout = findLayout(sample, this.syntax, options.columns, (raw, models) =>
      cellsOf(raw, this.syntax, models),
    );
    this.#special = isSpecial(body);
    this.dialect = dialectOf(
      looksDecodedTwice(asWritten) ? `${encoding}, decoded twice` : encoding,
      ranking,
      sample,
    );
    if (this.layout.header.length > options.maxColumns)
      throw new Error(
        `${source}: line ${this.layout.line}: expected at most maxColumns = ${options.maxColumns} columns, got ${this.layout.header.length}. Raise maxColumns, or give the delimiter.`,
      );
    this.padded = isPadded(sample, this.syntax);
    this.#reader = new RecordReader(this.syntax, options.maxCellLength);
    this.table = new TableReader(this.#reader, this.syntax, this.layout);
    // Lines count from the beginning of the file, a "sep=" line included.
    const skipped = sep ? 1 : 0;
    this.layout.line += skipped;
    this.preambleLines = this.layout.line - 1;
    this.#reader.append(body, whole);
    while (this.#reader.line < this.layout.line) if (!this.#reader.nextLine()) break;
    for (let i = 0; i < this.layout.headerRecords; i++) this.#skipHeader();
  }

  /** Blank lines and rules may stand between header records. */
  #skipHeader(): void {
    for (;;) {
      const record = this.#reader.next();
      if (record?.raw.trim() !== "") return;
    }
  }

  /** Records that the first piece decides. */
  first(): TableRecord[] {
    return this.#read();
  }

  /**
   * @param last no more text comes
   * @throws when a record does not end within the limits
   */
  push(text: string, last: boolean): TableRecord[] {
    if (!this.#special) this.#special = isSpecial(text);
    this.#reader.append(text, last);
    return this.#read();
  }

  #read(): TableRecord[] {
    const records = this.table.read();
    const { maxCellLength } = this.options;
    if (!this.#reader.complete && this.#reader.waiting > 4 * maxCellLength + (1 << 20))
      throw new Error(
        `${this.source}: line ${this.#reader.line}: expected a cell of at most maxCellLength = ${maxCellLength} characters, got no end of a record in ${this.#reader.waiting}. Raise maxCellLength, or look for a quote that is never closed.`,
      );
    for (const record of records) {
      if (record.stop - record.start > maxCellLength) this.#checkCells(record);
      if (this.#special) mendText(record);
    }
    return records;
  }

  #checkCells({ fields, line }: TableRecord): void {
    const { maxCellLength } = this.options;
    for (const [i, field] of fields.entries())
      if (field.length > maxCellLength)
        throw new Error(
          `${this.source}: line ${line}, column ${i + 1}: expected a cell of at most maxCellLength = ${maxCellLength} characters, got ${field.length}. Raise maxCellLength, or look for a quote that is never closed.`,
        );
  }
}

/** Whole lines, so that the last record is not taken for a faulty one. */
function sampleOf(text: string, whole: boolean): string {
  if (whole && text.length <= SAMPLE) return text;
  const piece = text.slice(0, SAMPLE);
  const end = Math.max(piece.lastIndexOf("\n"), piece.lastIndexOf("\r"));
  return end > 0 ? piece.slice(0, end + 1) : piece;
}

/** As the cells will be: names of columns are to be understood, whatever their bytes went through. */
export function withoutFaultsOfCharacters(text: string): string {
  if (!isSpecial(text)) return text;
  return text
    .replaceAll("\0", "")
    .split(/(?<=\n)/)
    .map(mendDecodedTwice)
    .join("");
}

function isSpecial(text: string): boolean {
  return text.includes("\0") || looksDecodedTwice(text);
}

/** Faults of characters, which are no faults of records. */
function mendText(record: TableRecord): void {
  for (const [i, field] of record.fields.entries()) {
    let text = field;
    if (text.includes("\0")) {
      text = text.replaceAll("\0", "");
      record.repairs = [...record.repairs, { column: i, kind: "nul" }];
    }
    const mended = mendDecodedTwice(text);
    if (mended !== text) record.repairs = [...record.repairs, { column: i, kind: "encoding" }];
    if (mended !== field) {
      // The reader's arrays are its own until they are given on; each record has one.
      record.fields[i] = mended;
    }
  }
}

/** The likeliest cells of a record that may have faults, or another delimiter than the file. */
function cellsOf(raw: string, syntax: Syntax, models: ColumnModel[]): string[] | undefined {
  const readings = [align(raw, syntax, models), alignOtherwise(raw, syntax, models, true)];
  const best = readings.reduce((a, b) => (a && (!b || a.cost <= b.cost) ? a : b));
  return best?.cells.map(({ text }) => text);
}

function dialectOf(encoding: string, ranking: Ranking, sample: string): Dialect {
  const [{ syntax }] = ranking;
  const dialect = {
    encoding,
    ...syntax,
    recordEnd: recordEnd(sample, syntax),
    confidence: confidence(ranking),
  };
  const second = runnerUp(ranking);
  if (!second) return dialect;
  const { delimiter, quote, escape: how } = second.syntax;
  return { ...dialect, runnerUp: { delimiter, quote, escape: how, score: second.score } };
}

function recordEnd(sample: string, syntax: Syntax): Dialect["recordEnd"] {
  // Without a CR there is one end only.
  if (sample.endsWith("\n") && !sample.includes("\r")) return "LF";
  const reader = new RecordReader(syntax, sample.length);
  reader.append(sample, true);
  const ends = new Set<string>();
  for (let record = reader.next(); record; record = reader.next()) if (record.end) ends.add(record.end);
  if (ends.size === 0) return "none";
  if (ends.size > 1) return "mixed";
  return ends.has("\n") ? "LF" : ends.has("\r\n") ? "CRLF" : "CR";
}

/** Do blanks stand around cells, outside of quotes, in a good share of the records? */
function isPadded(sample: string, syntax: Syntax): boolean {
  const reader = new RecordReader(syntax, sample.length);
  reader.append(sample, true);
  let padded = 0;
  let all = 0;
  for (let record = reader.next(); record && all < 300; record = reader.next()) {
    if (!record.clean || record.raw.trim() === "") continue;
    all++;
    const quote = syntax.quote[0] ?? "";
    const around = record.fields.some(
      (field) => field !== field.trim() && field.trim() !== "" && !standsQuoted(field, record.raw, quote),
    );
    if (around || /^[ \t]+\S|\S[ \t]+$/.test(record.raw)) padded++;
  }
  return padded > 0.15 * all;
}
