/**
 * A file of any form to a clean one, in one pass and in memory that does not grow with it. Invariant: the output
 * appears whole or not at all, what was set aside lies beside it, and `records = rows + rejected + dropped`.
 */
import { checkOptions } from "../options.ts";
import { type CsvOptions, csvOptions, type Settings } from "./csvOptions.ts";
import { openSource, openWholeTable } from "./openSource.ts";
import type { Batch } from "./read/openTable.ts";
import type { Duplicate, Rejected, Repair, TableReport } from "./report/report.ts";
import { rowKey, withText } from "./table.ts";
import { OutputFile } from "./write/outputFile.ts";
import { SeenRows } from "./write/seenRows.ts";
import { csvRecord, jsonRow } from "./write/writeRows.ts";

/** Options of `repairFile`. */
export interface RepairFileOptions extends CsvOptions {
  /** "jsonl" (default): one `{"instruction", "response"}` a line; "csv": the same with a header; "grid": the whole table. */
  form?: "jsonl" | "csv" | "grid";
  /** How many repairs, rejected records and duplicates the report lists; `counts` has all. Default 10,000. */
  maxReported?: number;
}

export interface RepairedFile {
  report: TableReport;
  /** Where the rejected records were written, as they stand in the file; undefined where there are none. */
  rejectedFile?: string;
}

/**
 * @param input a path
 * @param output the file to write; `<output>.rejected` beside it gets the rejected records
 * @throws what `loadCsv` throws, or when the output cannot be written; then nothing is left behind
 */
export async function repairFile(
  input: string,
  output: string,
  { form = "jsonl", maxReported = 10_000, ...options }: RepairFileOptions = {},
): Promise<RepairedFile> {
  const settings = checkOptions("repairFile", csvOptions, options);
  const file = new OutputFile(output);
  const aside = new OutputFile(`${output}.rejected`);
  try {
    const lists = new Lists(maxReported, settings);
    const report = await (form === "grid"
      ? writeGrid(input, file, aside, lists, settings)
      : writeRows(input, file, aside, lists, form, settings));
    await file.close();
    if (report.counts.rejected > 0) await aside.close();
    else await aside.discard();
    return report.counts.rejected > 0 ? { report, rejectedFile: aside.path } : { report };
  } catch (error) {
    await file.discard();
    await aside.discard();
    throw error;
  }
}

/** A text of its own: a part of a text keeps all of it in memory. */
function copy(text: string): string {
  return Buffer.from(text, "utf16le").toString("utf16le");
}

/** What the report lists, as much of it as it may. */
class Lists {
  readonly repairs: Repair[] = [];
  readonly rejected: Rejected[] = [];
  readonly duplicates: Duplicate[] = [];
  duplicateCount = 0;
  readonly #seen = new SeenRows();

  constructor(
    readonly most: number,
    readonly settings: Settings,
  ) {}

  take({ repairs, rejected }: Pick<Batch, "repairs" | "rejected">): void {
    for (const one of repairs)
      if (this.repairs.length < this.most)
        this.repairs.push({ ...one, before: copy(one.before), after: copy(one.after) });
    for (const one of rejected)
      if (this.rejected.length < this.most) this.rejected.push({ ...one, text: copy(one.text) });
  }

  /** True where an earlier row says the same. */
  isDuplicate(row: { line: number; instruction: string; response: string }): boolean {
    const firstLine = this.#seen.firstLine(rowKey(row), row.line);
    if (firstLine === undefined) return false;
    this.duplicateCount++;
    if (this.duplicates.length < this.most) this.duplicates.push({ line: row.line, firstLine });
    return true;
  }
}

async function writeRows(
  input: string,
  file: OutputFile,
  aside: OutputFile,
  lists: Lists,
  form: "jsonl" | "csv",
  settings: Settings,
): Promise<TableReport> {
  const table = await openSource(input, settings);
  const { counts } = table;
  if (form === "csv") await file.write(csvRecord(["instruction", "response"]));
  for await (const batch of table.batches) {
    lists.take(batch);
    let text = "";
    for (const row of batch.rows) {
      const { instruction, response } = row;
      if (lists.isDuplicate(row) && settings.dropDuplicates) continue;
      text += form === "csv" ? csvRecord([instruction, response]) : jsonRow(row);
    }
    await file.write(text);
    await writeAside(aside, batch.rejected);
  }
  counts.duplicates = lists.duplicateCount;
  if (settings.dropDuplicates) {
    counts.droppedDuplicates = lists.duplicateCount;
    counts.rows -= lists.duplicateCount;
  }
  const { batches: _, ...facts } = table;
  return withText({
    ...facts,
    repairs: lists.repairs,
    rejected: lists.rejected,
    duplicates: lists.duplicates,
  });
}

async function writeGrid(
  input: string,
  file: OutputFile,
  aside: OutputFile,
  lists: Lists,
  settings: Settings,
): Promise<TableReport> {
  const table = await openWholeTable(input, settings);
  if (table.hasHeader) await file.write(csvRecord(table.columns));
  for await (const batch of table.batches) {
    lists.take(batch);
    await file.write(batch.records.map(({ fields }) => csvRecord(fields)).join(""));
    await writeAside(aside, batch.rejected);
  }
  const { batches: _, ...facts } = table;
  return withText({
    ...facts,
    instruction: "",
    response: "",
    repairs: lists.repairs,
    rejected: lists.rejected,
    duplicates: [],
  });
}

async function writeAside(aside: OutputFile, rejected: readonly Rejected[]): Promise<void> {
  for (const { raw } of rejected) {
    await aside.write(raw);
    await aside.write("\n");
  }
}
