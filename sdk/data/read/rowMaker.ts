/** Records to rows with two sides. Invariant: a record becomes a row or is set aside with its reason, never both. */
import { inputPlace, isUsualQuestion, uniqueNames, withInput } from "../columns/columns.ts";
import { namesSides } from "../detect/header.ts";
import type { Layout } from "../detect/layout.ts";
import { quoteMarks, type Syntax, standsQuoted } from "../records/syntax.ts";
import type { CellRepair } from "../records/textRecord.ts";
import { withoutStrayQuote } from "../repairs/strayQuote.ts";
import type { Rejected, Repair } from "../report/report.ts";
import type { Row } from "../table.ts";
import type { TableRecord } from "./tableReader.ts";

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
  /** Of the column that the instruction goes on with. */
  readonly #input: number | undefined;
  readonly #quote: string;
  readonly #quoteCode: number;
  /** A row was looked at. */
  #begun = false;
  /** Repairs of the record at hand, beside those that it came with. */
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
    this.#input = inputPlace(this.names, places);
    this.#others = this.names
      .map((_, i) => i)
      .filter((i) => i !== places.instruction && i !== places.response && i !== this.#input);
    this.#quote = syntax.quote === "" ? "" : quoteMarks(syntax.quote).open[0];
    this.#quoteCode = this.#quote.charCodeAt(0);
  }

  /** Adds the repairs of a row, and only those, to `repairs`. */
  make(record: TableRecord, repairs: Repair[]): Row | Rejected {
    if (record.reason !== undefined) return this.#reject(record, record.reason);
    if (this.#found.length > 0) this.#found.length = 0;
    const asked = this.#cell(record, this.places.instruction);
    const input = this.#input === undefined ? "" : this.#cell(record, this.#input);
    const instruction = input === "" ? asked : withInput(asked, input);
    const response = this.#cell(record, this.places.response);
    if (instruction === "" || response === "")
      return this.#reject(record, this.#whatIsEmpty(instruction, response));
    if (this.#isHeader(instruction, response))
      return this.#reject(record, "it names the columns, as the header of another table does");
    const row = { line: record.line, instruction, response, fields: this.#otherFields(record) };
    if (record.repairs.length + this.#found.length > 0)
      this.#tell(record, { asked, input, response }, repairs);
    return row;
  }

  /** Name of the column that the instruction goes on with. */
  get input(): string | undefined {
    return this.#input === undefined ? undefined : this.names[this.#input];
  }

  /**
   * Below a header, names of both sides are its second record, whatever marks stand around them. Further down each row is
   * looked at quickly.
   */
  #isHeader(instruction: string, response: string): boolean {
    const isFirst = !this.#begun;
    this.#begun = true;
    return (isFirst || isUsualQuestion(instruction)) && namesSides([instruction, response]);
  }

  #otherFields({ fields }: TableRecord): Record<string, string> {
    if (this.#others.length === 0) return noFields;
    const others: Record<string, string> = {};
    for (const place of this.#others) others[this.names[place]] = fields[place].trim();
    return others;
  }

  #whatIsEmpty(instruction: string, response: string): string {
    const { places, names } = this;
    const empty = [
      ...(instruction === "" ? [places.instruction] : []),
      ...(response === "" ? [places.response] : []),
    ];
    return `${empty.map((place) => `"${names[place]}"`).join(" and ")} is empty`;
  }

  #reject({ line, raw }: TableRecord, reason: string): Rejected {
    return { line, raw: this.encode(raw), text: raw, reason };
  }

  /** Every repair of the record, with what stands there now. */
  #tell(
    record: TableRecord,
    { asked, input, response }: { asked: string; input: string; response: string },
    repairs: Repair[],
  ): void {
    const { places, names } = this;
    const { line, raw, fields } = record;
    const after = [...fields];
    after[places.instruction] = asked;
    if (this.#input !== undefined) after[this.#input] = input;
    after[places.response] = response;
    for (const { column, kind } of [...record.repairs, ...this.#found])
      repairs.push(
        column === undefined
          ? { line, kind, before: raw, after: fields.join(" | ") }
          : {
              line,
              column: names[column],
              kind,
              before: kind === "padding" ? fields[column] : raw,
              after: after[column],
            },
      );
  }

  /** The text of a side; "" where it is blank. */
  #cell(record: TableRecord, place: number): string {
    const text = record.fields[place];
    // Line breaks stand in records of several lines.
    const isPlain = record.repairs.length === 0 && record.lines === 1 && this.#hasPlainEdges(text);
    return isPlain ? text : this.#cleaned(record, place);
  }

  /** No blank begins it, neither blank nor quote ends it. */
  #hasPlainEdges(text: string): boolean {
    const last = text.charCodeAt(text.length - 1);
    return isPlainCode(text.charCodeAt(0)) && isPlainCode(last) && last !== this.#quoteCode;
  }

  /** Without stray quotes, without padding, with "\n" for a line break whatever the program that wrote it. */
  #cleaned(record: TableRecord, place: number): string {
    let text = record.fields[place];
    const faulty = record.repairs.length > 0;
    if (faulty && record.repairs.some(({ column, kind }) => column === place && isOfQuotes(kind)))
      text = withoutStrayQuote(text, this.#quote);
    else if (this.#isUnopened(text, record.raw)) {
      const opened = withoutStrayQuote(text, this.#quote);
      if (opened !== text) this.#found.push({ column: place, kind: "quotes" });
      text = opened;
    }
    if (text.includes("\r")) text = text.replace(/\r\n?/g, "\n");
    const trimmed = text.trim();
    if (trimmed === text || trimmed === "") return trimmed;
    const quoted = standsQuoted(record.fields[place], record.raw, this.#quote);
    if (quoted && !this.padded && !faulty) return text;
    this.#found.push({ column: place, kind: "padding" });
    return trimmed;
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
}

/** No blank: from U+1680 on there are blanks of many widths. */
function isPlainCode(code: number): boolean {
  return code > 32 && code < 0x1680 && code !== 160;
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
