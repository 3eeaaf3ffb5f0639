/** Records to rows with two sides. Invariant: a record becomes a row or is set aside with its reason, never both. */
import { uniqueNames } from "./columns.ts";
import type { Layout } from "./layout.ts";
import { withoutStrayQuote } from "./repairs/strayQuote.ts";
import type { Rejected, Repair } from "./report.ts";
import { quoteMarks, type Syntax, standsQuoted } from "./syntax.ts";
import type { Row } from "./table.ts";
import type { TableRecord } from "./tableReader.ts";
import type { CellRepair } from "./textRecord.ts";

export interface RowPlaces {
  instruction: number;
  response: number;
}

/** Rows without further columns share it. */
const noFields: Record<string, string> = Object.freeze({});

export class RowMaker {
  /** Names of all columns, each once. */
  readonly names: string[];
  readonly #others: number[];
  readonly #quote: string;
  /** Repairs of the record at hand. */
  readonly #found: CellRepair[] = [];

  constructor(
    layout: Layout,
    readonly syntax: Syntax,
    readonly places: RowPlaces,
    /** Blanks inside quotes are padding too. */
    readonly padded: boolean,
    readonly encode: (text: string) => Buffer,
  ) {
    this.names = uniqueNames(layout.header);
    this.#others = this.names
      .map((_, i) => i)
      .filter((i) => i !== places.instruction && i !== places.response);
    this.#quote = syntax.quote === "" ? "" : quoteMarks(syntax.quote).open[0];
  }

  /** Adds the repairs of a row, and only those, to `repairs`. */
  make(record: TableRecord, repairs: Repair[]): Row | Rejected {
    const { line, raw } = record;
    if (record.reason !== undefined) return this.#reject(record, record.reason);
    const { places } = this;
    const found: CellRepair[] = this.#found;
    found.length = 0;
    if (record.repairs.length > 0) found.push(...record.repairs);
    const before = record.fields;
    const instruction = this.#cell(record, places.instruction, found);
    const response = this.#cell(record, places.response, found);
    if (instruction.trim() === "" || response.trim() === "") {
      const empty = [
        ...(instruction.trim() === "" ? [places.instruction] : []),
        ...(response.trim() === "" ? [places.response] : []),
      ];
      return this.#reject(record, `${empty.map((place) => `"${this.names[place]}"`).join(" and ")} is empty`);
    }
    const fields: Record<string, string> = this.#others.length > 0 ? {} : noFields;
    for (const place of this.#others) fields[this.names[place]] = before[place].trim();
    if (found.length > 0) {
      const after = (place: number) =>
        place === places.instruction ? instruction : place === places.response ? response : before[place];
      for (const { column, kind } of found)
        repairs.push({
          line,
          ...(column === undefined ? {} : { column: this.names[column] }),
          kind,
          before: kind === "padding" && column !== undefined ? before[column] : raw,
          after: column === undefined ? before.join(" | ") : after(column),
        });
    }
    return { line, instruction, response, fields };
  }

  #reject({ line, raw }: TableRecord, reason: string): Rejected {
    return { line, raw: this.encode(raw), text: raw, reason };
  }

  /** It ends with a quote and stands without quotes between its delimiters. */
  #isUnopened(text: string, raw: string): boolean {
    const { delimiter } = this.syntax;
    if (this.#quote === "" || !text.endsWith(this.#quote) || standsQuoted(text, raw, this.#quote))
      return false;
    return (
      (raw.startsWith(text) || raw.includes(delimiter + text)) &&
      (raw.endsWith(text) || raw.includes(text + delimiter))
    );
  }

  #cell(record: TableRecord, place: number, found: CellRepair[]): string {
    let text = record.fields[place];
    const faulty = record.repairs.length > 0;
    if (faulty && record.repairs.some(({ column, kind }) => column === place && isOfQuotes(kind)))
      text = withoutStrayQuote(text, this.#quote);
    else if (this.#isUnopened(text, record.raw)) {
      const opened = withoutStrayQuote(text, this.#quote);
      if (opened !== text) found.push({ column: place, kind: "quotes" });
      text = opened;
    }
    // A line break is a line break, whatever the program that wrote it.
    if (text.includes("\r")) text = text.replace(/\r\n?/g, "\n");
    const first = text.charCodeAt(0);
    const last = text.charCodeAt(text.length - 1);
    if (first > 32 && last > 32 && first !== 160 && last !== 160 && first !== 0xfeff) return text;
    const trimmed = text.trim();
    if (trimmed === text || trimmed === "") return text;
    const quoted = standsQuoted(record.fields[place], record.raw, this.#quote);
    if (quoted && !this.padded && !faulty) return text;
    found.push({ column: place, kind: "padding" });
    return trimmed;
  }
}

function isOfQuotes(kind: string): boolean {
  return (
    kind === "unclosed quote" ||
    kind === "quotes" ||
    kind === "other delimiter" ||
    kind === "unquoted newline" ||
    kind === "unquoted delimiter"
  );
}
