/**
 * Records of one table, mended. Invariant: every record after the header is given back once, as cells that fit the
 * columns or with the reason why not; what is no record (blank lines, comments, a header that comes again, other
 * tables) is counted.
 */
import { endsQuestion } from "../columns/columnModel.ts";
import { repeatsHeader } from "../detect/header.ts";
import type { Layout } from "../detect/layout.ts";
import { isComment } from "../detect/recordKind.ts";
import type { RecordReader } from "../records/recordReader.ts";
import type { Syntax } from "../records/syntax.ts";
import type { TextRecord } from "../records/textRecord.ts";
import { LOOKAHEAD, Mender } from "../repairs/mender.ts";
import type { OtherTable } from "../report/report.ts";
import { OtherTables } from "./otherTables.ts";

/** A record with as many fields as the table has columns, unless there is a reason why not. */
export type TableRecord = TextRecord;

// What a comment, a rule or a blank line begins with, beside control characters and blanks.
const beginsSpecial = new Set(Array.from("#/-+|=:", (character) => character.charCodeAt(0)));

export interface RepeatedHeader {
  line: number;
  raw: string;
}

export class TableReader {
  blankLines = 0;
  commentLines = 0;
  /** Headers that came again, and were not taken yet. */
  readonly #headers: RepeatedHeader[] = [];
  readonly #columns: number;
  readonly #mender: Mender;
  readonly #others: OtherTables;
  /** The last record, which the lines that follow may go on with. */
  #pending: TableRecord | undefined;
  #afterBlank = false;
  /** A record of the table was there, or its header again. */
  #begun = false;

  constructor(
    readonly reader: RecordReader,
    syntax: Syntax,
    readonly layout: Layout,
  ) {
    this.#columns = layout.header.length;
    this.#mender = new Mender(reader, syntax, layout.models);
    this.#others = new OtherTables(reader, layout);
  }

  get otherTables(): OtherTable[] {
    return this.#others.found;
  }

  /** All records that the text so far decides. */
  read(): TableRecord[] {
    const records: TableRecord[] = [];
    const { reader } = this;
    for (let record = reader.next(); record; record = reader.next()) {
      if (record.clean && record.fields.length === this.#columns && !this.#maySpecial(record)) {
        this.#give(record, records);
        continue;
      }
      // What to do with it depends on the lines that follow.
      if (!reader.complete && reader.waiting < LOOKAHEAD) {
        reader.reset(record);
        break;
      }
      this.#unusual(record, records);
    }
    if (reader.complete && reader.waiting === 0 && this.#pending) {
      records.push(this.#pending);
      this.#pending = undefined;
    }
    return records;
  }

  /** Headers that came again between the records given so far. */
  takeRepeatedHeaders(): RepeatedHeader[] {
    const after = this.#pending?.line ?? Number.POSITIVE_INFINITY;
    const first = this.#headers.findIndex(({ line }) => line > after);
    return this.#headers.splice(0, first < 0 ? this.#headers.length : first);
  }

  #give(record: TableRecord, records: TableRecord[]): void {
    if (this.#pending) records.push(this.#pending);
    this.#pending = record;
    this.#begun = true;
    this.#afterBlank = false;
  }

  /** A record that fits may still be a comment, a header that comes again or the beginning of another table. */
  #maySpecial({ text, start, fields }: TextRecord): boolean {
    if (this.#afterBlank || this.#others.begun) return true;
    const code = text.charCodeAt(start);
    if (code <= 32 || (code <= 124 && beginsSpecial.has(code))) return true;
    return fields[0].trim().length === this.layout.header[0].length && repeatsHeader(this.layout, fields);
  }

  #unusual(record: TextRecord, records: TableRecord[]): void {
    const columns = this.#columns;
    const { raw, fields, clean, line } = record;
    if ((fields.length !== columns || columns === 1) && raw.trim() === "") {
      this.blankLines++;
      this.#afterBlank = true;
    } else if (isComment(raw, fields.length, columns)) this.commentLines++;
    else if (this.#others.begun) this.#toOtherTable(record);
    else if (repeatsHeader(this.layout, fields)) {
      this.#headers.push({ line, raw });
      this.#begun = true;
      this.#afterBlank = false;
    } else if (this.#begun && this.#beginsOtherTable(record)) return;
    else if (clean && fields.length === columns)
      this.#give(this.#isRemark(record) ? record.because("a remark below the table") : record, records);
    else {
      const { record: mended, replacesPending } = this.#mender.mend(record, this.#pending, this.#afterBlank);
      if (replacesPending) this.#pending = undefined;
      this.#give(mended, records);
    }
  }

  /** The last record, after a blank line: a sentence with blanks after its commas, and no question as above. */
  #isRemark({ fields }: TextRecord): boolean {
    const { reader, layout } = this;
    if (!this.#afterBlank || !reader.complete || reader.waiting > 0 || !this.#begun) return false;
    const [begin] = layout.models;
    const asked = begin.seen >= 2 && begin.questionShare > 0.6 && !endsQuestion(fields[0]);
    return asked && fields.length > 1 && fields.slice(1).every((field) => /^[^\S\t]\S/.test(field));
  }

  #beginsOtherTable(record: TextRecord): boolean {
    const header = this.#others.headerAt(record, this.#afterBlank);
    if (header) this.#toOtherTable(header);
    return header !== undefined;
  }

  #toOtherTable(record: TextRecord): void {
    this.#others.add(record, this.#afterBlank);
    this.#afterBlank = false;
  }
}
