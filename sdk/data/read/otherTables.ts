/** Further tables of a file: where one begins, and how many records it has. They are counted, not read. */
import { findColumns } from "../columns/columns.ts";
import { repeatsHeader } from "../detect/header.ts";
import type { Layout } from "../detect/layout.ts";
import { looksLikeHeader } from "../detect/recordKind.ts";
import type { RecordReader } from "../records/recordReader.ts";
import type { TextRecord } from "../records/textRecord.ts";
import type { OtherTable } from "../report/report.ts";

export class OtherTables {
  readonly found: OtherTable[] = [];
  readonly #columns: number;

  constructor(
    readonly reader: RecordReader,
    readonly layout: Layout,
  ) {
    this.#columns = layout.header.length;
  }

  /** True from the header of the first one on. */
  get begun(): boolean {
    return this.found.length > 0;
  }

  /** A record that belongs to no more of this table. */
  add({ fields, line }: TextRecord, afterBlank: boolean): void {
    const last = this.found.at(-1);
    if (last && !(afterBlank && looksLikeHeader(fields))) last.records++;
    else this.found.push({ line, columns: fields.map((name) => name.trim()), records: 0 });
  }

  /** The header of another table, where one begins with this record: itself, or what a title stands over. */
  headerAt(record: TextRecord, afterBlank: boolean): TextRecord | undefined {
    if (!record.clean) return undefined;
    if (looksLikeHeader(record.fields)) return this.#isHeader(record, afterBlank) ? record : undefined;
    return afterBlank ? this.#headerBelow(record) : undefined;
  }

  /** Names that are not those of this table, with records below that fit them and not this table. */
  #isHeader({ fields }: TextRecord, afterBlank: boolean): boolean {
    const { header, models } = this.layout;
    const below = this.reader.peek();
    const fits = below?.clean === true && below.fields.length === fields.length;
    if (fields.length !== this.#columns) {
      const names = new Set(header.map((name) => name.toLowerCase()));
      const known = fields.filter((name) => names.has(name.trim().toLowerCase())).length;
      return (afterBlank || known >= 0.5 * fields.length) && fits && !looksLikeHeader(below.fields);
    }
    if (!afterBlank) return false;
    if (findColumns(fields)?.exact) return true;
    if (!fits) return false;
    // "Prix" in a column of numbers, and numbers below it again.
    if (
      models.some(
        (model, i) => model.typed && model.cost(fields[i]) >= 2 && /^[\d$€£+-]/.test(below.fields[i].trim()),
      )
    )
      return true;
    return models.some(
      (model, i) =>
        model.cost(below.fields[i]) >= 0.5 &&
        model.cost(fields[i]) < 2 &&
        /^[\d$€£+-]/.test(below.fields[i].trim()),
    );
  }

  /** One field after a blank line, and right below it the header of another table, which is read then. */
  #headerBelow({ fields }: TextRecord): TextRecord | undefined {
    if (this.#columns < 2 || fields.filter((field) => field.trim() !== "").length !== 1) return undefined;
    const mark = this.reader.mark();
    const below = this.reader.next();
    if (below && this.#isOtherHeader(below)) return below;
    this.reader.reset(mark);
    return undefined;
  }

  #isOtherHeader({ fields, clean }: TextRecord): boolean {
    if (!clean || repeatsHeader(this.layout, fields) || !looksLikeHeader(fields)) return false;
    const row = this.reader.peek();
    const otherShape = fields.length !== this.#columns;
    return row?.fields.length === fields.length && (otherShape || findColumns(fields) !== undefined);
  }
}
