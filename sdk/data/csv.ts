/**
 * CSV files of questions and answers to rows. Invariant: every record of the file is in `rows`, in `rejected`, or
 * a counted blank line; nothing is dropped or changed without a word in the report.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { DataFrame } from "danfojs-node";
import { z } from "zod";
import { checkOptions } from "../options.ts";
import { harmless } from "../text/harmless.ts";
import { type ColumnNames, describeColumns, findColumns, uniqueNames } from "./columns.ts";
import { decodeText } from "./decodeText.ts";
import { type CsvRecord, delimiters, guessDelimiter, readRecords } from "./records.ts";
import { type Layout, mendRecord, type Repair } from "./repair.ts";

export type { Repair } from "./repair.ts";

export interface CsvOptions {
  /** Names of the columns, where they are unusual. Default: usual French and English names are recognised. */
  columns?: Partial<ColumnNames>;
  /** Between fields. Default: found out of comma, semicolon, tab and "|". */
  delimiter?: string;
}

const csvOptions = z.strictObject({
  columns: z
    .strictObject({ instruction: z.string().min(1).optional(), response: z.string().min(1).optional() })
    .optional(),
  delimiter: z.string().min(1).optional(),
});

export interface Row {
  /** Where the row begins in the file, from 1. */
  line: number;
  /** Without surrounding white space, never empty. */
  instruction: string;
  /** Without surrounding white space, never empty. */
  response: string;
  /** The other columns by their names, such as `expected`. */
  fields: Record<string, string>;
}

/** A record that is no row. */
export interface Rejected {
  line: number;
  /** As it stands in the file. */
  raw: string;
  reason: string;
}

/** A row that says what an earlier one says; it stays in `rows`. */
export interface Duplicate {
  line: number;
  /** Of the first such row. */
  firstLine: number;
}

interface TableContent {
  source: string;
  columns: string[];
  rows: Row[];
  repairs: Repair[];
  rejected: Rejected[];
  duplicates: Duplicate[];
  blankLines: number;
  delimiter: string;
}

export class Table {
  /** The file, or "(buffer)". */
  readonly source: string;
  /** As the header names them. */
  readonly columns: string[];
  readonly rows: Row[];
  readonly repairs: Repair[];
  readonly rejected: Rejected[];
  readonly duplicates: Duplicate[];
  readonly blankLines: number;
  readonly delimiter: string;
  #frame: DataFrame | undefined;

  constructor(content: TableContent) {
    this.source = content.source;
    this.columns = content.columns;
    this.rows = content.rows;
    this.repairs = content.repairs;
    this.rejected = content.rejected;
    this.duplicates = content.duplicates;
    this.blankLines = content.blankLines;
    this.delimiter = content.delimiter;
  }

  /** What was read, repaired and set aside, with line numbers; control characters are shown. */
  get report(): string {
    const lines = [
      `${this.source}: ${this.rows.length} rows, ${this.repairs.length} repaired, ${this.rejected.length} rejected, ${this.duplicates.length} duplicates kept, ${this.blankLines} blank lines skipped`,
    ];
    const others = this.#otherColumns();
    if (others.length > 0) lines.push(`other columns, in fields: ${others.join(", ")}`);
    for (const { line, note } of this.repairs) lines.push(`repaired: line ${line}, ${note}`);
    for (const { line, reason } of this.rejected) lines.push(`rejected: line ${line}, ${reason}`);
    for (const { line, firstLine } of this.duplicates)
      lines.push(`duplicate: line ${line} of line ${firstLine}`);
    return harmless(lines.join("\n"));
  }

  /** The rows as a danfo.js DataFrame: line, instruction, response, then the other columns. Made on first use. */
  get frame(): DataFrame {
    if (!this.#frame) {
      // danfo.js takes a second to load, which those who want no frame should not wait for.
      const danfo = createRequire(import.meta.url)("danfojs-node") as typeof import("danfojs-node");
      const others = this.#otherColumns();
      const own = ["line", "instruction", "response"];
      this.#frame = new danfo.DataFrame(
        this.rows.map(({ line, instruction, response, fields }) => [
          line,
          instruction,
          response,
          ...others.map((name) => fields[name]),
        ]),
        // Names must differ: a column of the file that is called "line" becomes "line_".
        { columns: [...own, ...others.map((name) => (own.includes(name) ? `${name}_` : name))] },
      );
    }
    return this.#frame;
  }

  #otherColumns(): string[] {
    return Object.keys(this.rows[0]?.fields ?? {});
  }
}

/**
 * Reads a CSV file of questions and answers: UTF-8, quoted as in RFC 4180, with a header.
 * @param source a path, or the bytes of a file
 * @throws when an option is wrong (all of them are named), or when the file is missing, unreadable, empty or not
 * UTF-8, or lacks one of the two columns
 */
export async function loadCsv(source: string | Buffer, options: CsvOptions = {}): Promise<Table> {
  const settings = checkOptions("loadCsv", csvOptions, options);
  const name = typeof source === "string" ? source : "(buffer)";
  const bytes = typeof source === "string" ? await readSource(source) : source;
  const text = decodeText(bytes, name);
  if (text.trim() === "") {
    throw new Error(
      `${name}: expected a header and rows, got an empty file. Check the path or export it again.`,
    );
  }
  const { records, layout } = findTable(text, name, settings);
  const rows: Row[] = [];
  const repairs: Repair[] = [];
  const rejected: Rejected[] = [];
  let blankLines = 0;
  for (const record of records) {
    const { line, raw } = record;
    if (raw.trim() === "") {
      blankLines++;
      continue;
    }
    const mended = mendRecord(record, layout);
    const row = "reason" in mended ? mended : toRow(mended.fields, line, layout);
    if ("reason" in row) {
      rejected.push({ line, raw, reason: row.reason });
      continue;
    }
    rows.push(row);
    if ("repair" in mended && mended.repair) repairs.push(mended.repair);
  }
  return new Table({
    source: name,
    columns: [...layout.header],
    rows,
    repairs,
    rejected,
    duplicates: findDuplicates(rows),
    blankLines,
    delimiter: layout.delimiter,
  });
}

async function readSource(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    throw new Error(
      missing
        ? `${path}: the file is missing. Give the path of a CSV file; it is relative to ${process.cwd()}.`
        : `${path}: the file cannot be read (${(cause as Error).message}). Give the path of a CSV file that you may read.`,
      { cause },
    );
  }
}

/** Splits the text by the delimiter under which the header has both columns; the guessed one is tried first. */
function findTable(text: string, name: string, { columns, delimiter }: CsvOptions) {
  const guess = delimiter ?? guessDelimiter(text);
  const candidates = delimiter === undefined ? [...new Set([guess, ...delimiters])] : [delimiter];
  for (const candidate of candidates) {
    const { header, rest } = readHeader(text, candidate);
    const places = findColumns(header, columns);
    if (places) {
      const layout: Layout = { header, delimiter: candidate, ...places };
      return { layout, records: rest() };
    }
  }
  const { header } = readHeader(text, guess);
  throw new Error(
    `${name}: expected columns ${describeColumns(columns)}; got ${header.map((column) => `"${column}"`).join(", ")}. Name them: loadCsv(path, { columns: { instruction: "…", response: "…" } }).`,
  );
}

/** The first record that is not blank. */
function readHeader(text: string, delimiter: string): { header: string[]; rest: () => CsvRecord[] } {
  const records = readRecords(text, delimiter);
  const at = records.findIndex(({ raw }) => raw.trim() !== "");
  const header = uniqueNames(records[at].fields.map((field) => field.trim()));
  return { header, rest: () => records.filter((_, i) => i !== at) };
}

function toRow(
  values: string[],
  line: number,
  { header, instruction, response }: Layout,
): Row | { reason: string } {
  const trimmed = values.map((value) => value.trim());
  const missing = [instruction, response].filter((place) => trimmed[place] === "");
  if (missing.length > 0) {
    return { reason: `${missing.map((place) => `"${header[place]}"`).join(" and ")} is empty` };
  }
  const fields = Object.fromEntries(
    header
      .map((name, i) => [name, trimmed[i]] as const)
      .filter((_, i) => i !== instruction && i !== response),
  );
  return { line, instruction: trimmed[instruction], response: trimmed[response], fields };
}

function findDuplicates(rows: readonly Row[]): Duplicate[] {
  const first = new Map<string, number>();
  const duplicates: Duplicate[] = [];
  for (const { line, instruction, response } of rows) {
    const key = JSON.stringify([instruction, response]);
    const firstLine = first.get(key);
    if (firstLine === undefined) first.set(key, line);
    else duplicates.push({ line, firstLine });
  }
  return duplicates;
}
