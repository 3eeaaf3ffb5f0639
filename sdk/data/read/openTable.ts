/**
 * A source of rows, piece by piece: what `loadCsv` collects and `mistral-lab repair` writes down. Memory does not grow
 * with the source, but for what the caller keeps.
 */
import { describeColumns, uniqueNames } from "../columns/columns.ts";
import type { Settings } from "../csvOptions.ts";
import { Decoder, detectEncoding } from "../detect/encoding.ts";
import { findRoles } from "../detect/roles.ts";
import { looksWrapped, unwrap, wrap } from "../repairs/wrappedRecords.ts";
import type { Counts, Rejected, Repair, TableFacts } from "../report/report.ts";
import { repairText } from "../report/reportText.ts";
import type { Row } from "../table.ts";
import { CsvParser } from "./csvParser.ts";
import { RowMaker } from "./rowMaker.ts";
import type { TableRecord } from "./tableReader.ts";

export interface Batch {
  rows: Row[];
  rejected: Rejected[];
  repairs: Repair[];
}

/** `counts` lacks what concerns duplicates. */
export interface OpenTable extends TableFacts {
  batches: AsyncGenerator<Batch>;
}

export interface WholeBatch extends Batch {
  records: { fields: string[] }[];
}

/** As `OpenTable`, for the whole table as it stands. */
export type OpenWholeTable = Omit<TableFacts, "instruction" | "response" | "input"> & {
  batches: AsyncGenerator<WholeBatch>;
};

/** A CSV file whose dialect and layout are known. */
export interface OpenGrid {
  parser: CsvParser;
  /** "" where the file has none. */
  header: string[];
  hasHeader: boolean;
  records: AsyncGenerator<TableRecord[]>;
  encode: (text: string) => Buffer;
}

export function newCounts(): Counts {
  return {
    records: 0,
    rows: 0,
    rejected: 0,
    duplicates: 0,
    droppedDuplicates: 0,
    repairs: 0,
    repairsByKind: {},
    blankLines: 0,
    commentLines: 0,
    preambleLines: 0,
  };
}

export function gridOf(
  name: string,
  head: Buffer,
  whole: boolean,
  rest: AsyncGenerator<Buffer>,
  settings: Settings,
): OpenGrid {
  const found = detectEncoding(head);
  const encoding = settings.encoding ?? found.encoding;
  const decoder = new Decoder(encoding);
  const text = decoder.decode(head.subarray(encoding === found.encoding ? found.bom : 0), whole);
  // Pieces of UTF-8 end with a line, so that each can be unwrapped alone.
  const isWrapped = encoding === "utf-8" && looksWrapped(text.slice(0, text.lastIndexOf("\n", 1 << 16)));
  const plain = isWrapped ? unwrap : (piece: string) => piece;
  const parser = new CsvParser(name, plain(text), whole, encoding, settings);
  async function* records(): AsyncGenerator<TableRecord[]> {
    try {
      yield parser.first();
      if (whole) return;
      for await (const [bytes, last] of withLast(rest, Buffer.alloc(0)))
        yield parser.push(plain(decoder.decode(bytes, last)), last);
    } finally {
      await rest.return(undefined);
    }
  }
  const { header, headerRecords } = parser.layout;
  return {
    parser,
    header,
    hasHeader: headerRecords > 0,
    records: records(),
    encode: (raw) => decoder.encode(isWrapped ? wrap(raw) : raw),
  };
}

/** Pieces, each with whether it is the last one; `empty` where there are none. Closes them when nobody reads on. */
export async function* withLast<T>(
  pieces: AsyncGenerator<T>,
  empty: T,
): AsyncGenerator<[piece: T, last: boolean]> {
  let waiting: { piece: T } | undefined;
  for await (const piece of pieces) {
    if (waiting) yield [waiting.piece, false];
    waiting = { piece };
  }
  yield [waiting ? waiting.piece : empty, true];
}

/** @throws when the two columns are not there, as well as what `openGrid` throws */
export function openRows(name: string, grid: OpenGrid, settings: Settings): OpenTable {
  const { parser } = grid;
  const places = findRoles(parser.layout, settings.columns);
  if (!places) throw noColumns(name, parser, settings);
  const maker = new RowMaker(parser.layout, parser.syntax, places, parser.padded, grid.encode);
  const known = whatIsKnown(name, grid);
  async function* batches(): AsyncGenerator<Batch> {
    for await (const records of grid.records) {
      const batch: Batch = { rows: [], rejected: [], repairs: [] };
      for (const record of records) {
        const row = maker.make(record, batch.repairs);
        if ("reason" in row) batch.rejected.push(row);
        else batch.rows.push(row);
      }
      complete(batch, batch.rows.length, known, parser, settings);
      yield batch;
    }
  }
  return {
    ...known,
    columns: grid.hasHeader ? parser.layout.header : maker.names,
    instruction: maker.names[places.instruction],
    response: maker.names[places.response],
    ...(maker.input === undefined ? {} : { input: maker.input }),
    batches: batches(),
  };
}

/** The whole table as it stands: no meaning of columns, so no row lacks a side. */
export function openWhole(name: string, grid: OpenGrid, settings: Settings): OpenWholeTable {
  const { parser } = grid;
  const names = uniqueNames(parser.layout.header);
  const known = whatIsKnown(name, grid);
  async function* batches(): AsyncGenerator<WholeBatch> {
    for await (const all of grid.records) {
      const batch: WholeBatch = { rows: [], records: [], rejected: [], repairs: [] };
      for (const record of all) {
        const { line, raw, reason } = record;
        if (reason !== undefined) {
          batch.rejected.push({ line, raw: grid.encode(raw), text: raw, reason });
          continue;
        }
        batch.records.push(record);
        if (record.repairs.length > 0) batch.repairs.push(...recordRepairs(record, names));
      }
      complete(batch, batch.records.length, known, parser, settings);
      yield batch;
    }
  }
  return { ...known, columns: grid.hasHeader ? parser.layout.header : names, batches: batches() };
}

/** What was mended in a record, as the report tells it. */
export function recordRepairs(
  { line, raw, fields, repairs }: TableRecord,
  names: readonly string[],
): Repair[] {
  return repairs.map(({ column, kind }) => ({
    line,
    ...(column === undefined ? {} : { column: names[column] }),
    kind,
    before: raw,
    after: column === undefined ? fields.join(" | ") : fields[column],
  }));
}

/** What rows and whole table tell alike. */
type Known = Pick<OpenTable, "source" | "format" | "dialect" | "hasHeader" | "otherTables" | "counts">;

function whatIsKnown(source: string, { parser, hasHeader }: OpenGrid): Known {
  const { dialect, table } = parser;
  return { source, format: "csv", dialect, hasHeader, otherTables: table.otherTables, counts: newCounts() };
}

/** @throws at the first repair, where none is allowed */
function complete(
  batch: Batch,
  rows: number,
  { source, counts }: Known,
  parser: CsvParser,
  settings: Settings,
): void {
  addRepeatedHeaders(batch, parser);
  count(counts, batch, rows, parser);
  forbidRepairs(source, batch.repairs, settings);
}

function addRepeatedHeaders({ repairs }: Batch, { table }: CsvParser): void {
  const headers = table.takeRepeatedHeaders();
  if (headers.length === 0) return;
  for (const { line, raw } of headers)
    repairs.push({ line, kind: "repeated header", before: raw, after: "" });
  repairs.sort((a, b) => a.line - b.line);
}

export function forbidRepairs(name: string, [first]: readonly Repair[], { strict }: Settings): void {
  if (!strict || !first) return;
  throw new Error(
    `${name}: ${repairText(first)}. strict allows no repair: mend the file, or leave strict out.`,
  );
}

function count(
  counts: Counts,
  { rejected, repairs }: Batch,
  rows: number,
  { table, preambleLines }: CsvParser,
): void {
  counts.records += rows + rejected.length;
  counts.rows += rows;
  counts.rejected += rejected.length;
  counts.blankLines = table.blankLines;
  counts.commentLines = table.commentLines;
  counts.preambleLines = preambleLines;
  addRepairs(counts, repairs);
}

export function addRepairs(counts: Counts, repairs: readonly Repair[]): void {
  counts.repairs += repairs.length;
  for (const { kind } of repairs) counts.repairsByKind[kind] = (counts.repairsByKind[kind] ?? 0) + 1;
}

function noColumns(name: string, { layout }: CsvParser, { columns }: Settings): Error {
  const got = (layout.headerRecords > 0 ? layout.header : layout.firstFields)
    .slice(0, 50)
    .map((column) => `"${column.slice(0, 80)}"`)
    .join(", ");
  return new Error(
    `${name}: expected columns ${describeColumns(columns)}; got ${got}. Rename the header, or name them: loadCsv(path, { columns: { instruction: "…", response: "…" } }).`,
  );
}
