/**
 * What a reader found in a file and did to it, as plain data: a command prints it as JSON, a notebook as a table.
 * Invariant: every record of the file is counted once, in `counts` (see `Counts`).
 */

/** How a file is written. */
export interface Dialect {
  /** Such as "utf-8", "utf-16le", "windows-1252"; "utf-8 decoded twice" where text was mended. */
  encoding: string;
  /** Between fields; "" where there is one column only, or the file is no CSV. */
  delimiter: string;
  /** Around fields: `"`, `'`, "“”", "«»"; "" for none. */
  quote: string;
  /** How a quote inside a quoted field is written. */
  escape: "doubled" | "backslash" | "none";
  /** Between records, as found; "mixed" where there are several. */
  recordEnd: "LF" | "CRLF" | "CR" | "mixed" | "none";
  /** True where a blank after a delimiter belongs to the delimiter ("comma + blank"). */
  blankAfterDelimiter: boolean;
  /** How sure the detector is, in [0, 1]: 1 - runner-up's score / best score. 1 where nothing was to choose. */
  confidence: number;
  /** The dialect that comes second, if there is one. */
  runnerUp?: { delimiter: string; quote: string; escape: Dialect["escape"]; score: number };
}

/** What kinds of repair there are; each is one file of `sdk/data/repairs`. */
export type RepairKind =
  | "encoding"
  | "nul"
  | "padding"
  | "quotes"
  | "unclosed quote"
  | "unquoted delimiter"
  | "unquoted newline"
  | "surplus separator"
  | "missing separator"
  | "other delimiter"
  | "ragged"
  | "repeated header";

/** A change to what stands in the file, to be shown. */
export interface Repair {
  /** Where the record begins, from 1. */
  line: number;
  /** The name of the column; undefined where the whole record is meant. */
  column?: string;
  kind: RepairKind;
  before: string;
  after: string;
}

/** A record that is no row. */
export interface Rejected {
  line: number;
  /** The bytes of the file. */
  raw: Buffer;
  /** The same as text. */
  text: string;
  reason: string;
}

/** A row that says what an earlier one says. */
export interface Duplicate {
  line: number;
  /** Of the first such row. */
  firstLine: number;
}

/** A further table of the same file, which was not read. */
export interface OtherTable {
  /** Of its header. */
  line: number;
  columns: string[];
  records: number;
}

/** records = rows + rejected + duplicates dropped. Lines that are no records are counted apart. */
export interface Counts {
  /** Of the table, without its header. */
  records: number;
  rows: number;
  rejected: number;
  duplicates: number;
  /** Those that `dropDuplicates` took out of the rows. */
  droppedDuplicates: number;
  repairs: number;
  repairsByKind: Partial<Record<RepairKind, number>>;
  blankLines: number;
  commentLines: number;
  /** Lines before the header. */
  preambleLines: number;
}

/** How a source is written, and what its columns were taken for. */
export interface TableFacts {
  /** The file, or "(buffer)", "(stream)". */
  source: string;
  /** "dialogue": no table, but turns written as text ("Q: …", "R: …"). */
  format: "csv" | "dialogue" | "jsonl" | "json" | "parquet";
  dialect: Dialect;
  /** As the header names them. */
  columns: string[];
  /** Names of the columns that were taken for the two sides; "" for a whole table, whose columns have no meaning. */
  instruction: string;
  response: string;
  /** Name of the column that the question goes on with: Alpaca's `input`. */
  input?: string;
  /** False where the first record is data. */
  hasHeader: boolean;
  /** Complete when all was read. */
  otherTables: OtherTable[];
  counts: Counts;
}

/** Plain data, but for `toString`, which gives it as text. */
export interface TableReport extends TableFacts {
  /** At most `maxReported` of each; `counts` has them all. */
  repairs: Repair[];
  rejected: Rejected[];
  duplicates: Duplicate[];
  toString(): string;
}
