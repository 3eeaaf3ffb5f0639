/** A file of questions and answers, read. Plain data but for `frame`, `duplicates` and `report`, made when asked for. */
import { createRequire } from "node:module";
import type { DataFrame } from "danfojs-node";
import { DISPLAY, displayable, type MimeBundle } from "../views/bundle.ts";
import type {
  Dialect,
  Duplicate,
  OtherTable,
  Rejected,
  Repair,
  TableFacts,
  TableReport,
} from "./report/report.ts";
import { reportText } from "./report/reportText.ts";
import { showFrames, showReport, showTable } from "./show.ts";

export interface Row {
  /** Where the row begins in the file, from 1. */
  line: number;
  /** Never empty; without padding. */
  instruction: string;
  /** Never empty; without padding. */
  response: string;
  /** The other columns by their names, such as `expected`. */
  fields: Record<string, string>;
}

export interface TableContent extends TableFacts {
  rows: Row[];
  repairs: Repair[];
  rejected: Rejected[];
  /** Found while reading, with `dropDuplicates`; else when asked for. */
  duplicates?: Duplicate[];
  inferTypes: boolean;
}

export class Table {
  /** The file, or "(buffer)". */
  readonly source: string;
  readonly dialect: Dialect;
  /** As the header names them. */
  readonly columns: string[];
  readonly rows: Row[];
  readonly repairs: Repair[];
  readonly rejected: Rejected[];
  /** Other tables of the same file, which were not read. */
  readonly otherTables: OtherTable[];
  readonly blankLines: number;
  readonly #content: TableContent;
  #duplicates: Duplicate[] | undefined;
  #frame: DataFrame | undefined;

  constructor(content: TableContent) {
    this.source = content.source;
    this.dialect = content.dialect;
    this.columns = content.columns;
    this.rows = content.rows;
    this.repairs = content.repairs;
    this.rejected = content.rejected;
    this.otherTables = content.otherTables;
    this.blankLines = content.counts.blankLines;
    this.#content = content;
    this.#duplicates = content.duplicates;
  }

  /** Rows that say what an earlier one says; they stay in `rows` unless `dropDuplicates` was asked for. */
  get duplicates(): Duplicate[] {
    this.#duplicates ??= partDuplicates(this.rows).duplicates;
    return this.#duplicates;
  }

  /** What was read, repaired and set aside, with line numbers; as a string it is text, with control characters shown. */
  get report(): TableReport {
    const { rows: _, inferTypes: __, counts, ...facts } = this.#content;
    const { duplicates } = this;
    return withText({ ...facts, counts: { ...counts, duplicates: duplicates.length }, duplicates });
  }

  /** In a notebook: the first rows, and what was repaired. */
  [DISPLAY](): MimeBundle {
    return showTable(this);
  }

  /** The rows as a danfo.js DataFrame: line, instruction, response, then the other columns. Made on first use. */
  get frame(): DataFrame {
    if (!this.#frame) {
      // danfo.js takes a second to load, which those who want no frame should not wait for.
      const danfo = createRequire(import.meta.url)("danfojs-node") as typeof import("danfojs-node");
      showFrames(danfo);
      const others = Object.keys(this.rows[0]?.fields ?? {});
      const numeric = new Set(this.#content.inferTypes ? others.filter((name) => this.#isNumeric(name)) : []);
      const own = ["line", "instruction", "response"];
      this.#frame = new danfo.DataFrame(
        this.rows.map(({ line, instruction, response, fields }) => [
          line,
          instruction,
          response,
          ...others.map((name) => (numeric.has(name) ? numberOf(fields[name]) : fields[name])),
        ]),
        // Names must differ: a column of the file that is called "line" becomes "line_".
        { columns: [...own, ...others.map((name) => (own.includes(name) ? `${name}_` : name))] },
      );
    }
    return this.#frame;
  }

  #isNumeric(name: string): boolean {
    return this.rows.every(({ fields }) => fields[name] === "" || /^-?\d+(?:\.\d+)?$/.test(fields[name]));
  }
}

/** A report that is text as a string, and a table in a notebook. */
export function withText(facts: Omit<TableReport, "toString">): TableReport {
  // Not enumerable: JSON and comparisons see data only.
  const report = Object.defineProperty({ ...facts }, "toString", { value: () => reportText(facts) });
  return displayable(report as TableReport, showReport);
}

function numberOf(text: string): number {
  return text === "" ? Number.NaN : Number(text);
}

/** What makes two rows the same. */
export function rowKey({ instruction, response }: { instruction: string; response: string }): string {
  return JSON.stringify([instruction, response]);
}

/** The first of the rows that say the same, and which others there are. */
export function partDuplicates(rows: readonly Row[]): { kept: Row[]; duplicates: Duplicate[] } {
  const first = new Map<string, number>();
  const duplicates: Duplicate[] = [];
  const kept = rows.filter((row) => {
    const key = rowKey(row);
    const firstLine = first.get(key);
    if (firstLine === undefined) first.set(key, row.line);
    else duplicates.push({ line: row.line, firstLine });
    return firstLine === undefined;
  });
  return { kept, duplicates };
}
