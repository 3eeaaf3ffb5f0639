/**
 * Files of questions and answers to rows. Invariant: every record of the table is in `rows` or in `rejected`, or was
 * dropped as the duplicate that it is; nothing is changed without a word in the report.
 */
import { checkArgument, checkOptions } from "../options.ts";
import { type CsvOptions, csvOptions } from "./csvOptions.ts";
import { openSource } from "./openSource.ts";
import type { Source } from "./read/source.ts";
import type { Rejected, Repair } from "./report/report.ts";
import { partDuplicates, type Row, Table } from "./table.ts";

export type { CsvOptions } from "./csvOptions.ts";
export type { Repair } from "./report/report.ts";
export { type Row, Table } from "./table.ts";

/**
 * Reads a CSV file of questions and answers, however it is written, and says what it did.
 *
 * @param source a path, the bytes of a file, or a stream of bytes or text
 * @throws when an option is wrong (all of them are named); when the file is missing, unreadable or empty, lacks one of
 * the two columns, or goes over a limit; with `strict`, at the first repair
 */
export async function loadCsv(source: Source, options: CsvOptions = {}): Promise<Table> {
  const settings = checkOptions("loadCsv", csvOptions, options);
  const readable =
    typeof source === "string" || (typeof source === "object" && Symbol.asyncIterator in source);
  checkArgument(
    "loadCsv: source",
    readable || (source as unknown) instanceof Uint8Array,
    "a path, the bytes of a file, or a stream",
    source,
  );
  const { batches, ...facts } = await openSource(source, settings);
  const rows: Row[] = [];
  const rejected: Rejected[] = [];
  const repairs: Repair[] = [];
  for await (const batch of batches) {
    for (const row of batch.rows) rows.push(row);
    for (const one of batch.rejected) rejected.push(one);
    for (const one of batch.repairs) repairs.push(one);
  }
  const { counts } = facts;
  const content = { ...facts, rows, rejected, repairs, inferTypes: settings.inferTypes };
  if (!settings.dropDuplicates) return new Table(content);
  const { kept, duplicates } = partDuplicates(rows);
  counts.rows = kept.length;
  counts.droppedDuplicates = duplicates.length;
  return new Table({ ...content, rows: kept, duplicates });
}
