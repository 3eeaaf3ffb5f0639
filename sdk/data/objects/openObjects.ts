/** JSON lines, JSON and Parquet as sources of rows, with the report that CSV has. */
import { findColumns, inputPlace } from "../columns/columns.ts";
import type { Settings } from "../csvOptions.ts";
import { Decoder, type Encoding } from "../detect/encoding.ts";
import {
  type Batch,
  newCounts,
  type OpenTable,
  type OpenWholeTable,
  type WholeBatch,
} from "../read/openTable.ts";
import type { Dialect, TableReport } from "../report/report.ts";
import { isObject, text } from "./jsonText.ts";
import { type JsonItem, JsonValues } from "./jsonValues.ts";
import { objectRows } from "./objectRows.ts";

/** Values with the place where each stands. */
export interface ObjectSource {
  name: string;
  format: TableReport["format"];
  encoding: string;
  items: AsyncGenerator<JsonItem[]>;
}

const dialect = (encoding: string): Dialect => ({
  encoding,
  delimiter: "",
  quote: "",
  escape: "none",
  recordEnd: "none",
  blankAfterDelimiter: false,
  confidence: 1,
});

/** @param head the beginning, without its byte order mark */
export function jsonSource(
  name: string,
  head: Buffer,
  whole: boolean,
  rest: AsyncGenerator<Buffer>,
  encoding: Encoding,
): ObjectSource {
  const decoder = new Decoder(encoding);
  const values = new JsonValues();
  async function* items(): AsyncGenerator<JsonItem[]> {
    yield values.push(decoder.decode(head, whole), whole);
    if (whole) return;
    for await (const bytes of rest) yield values.push(decoder.decode(bytes, false), false);
    yield values.push(decoder.decode(Buffer.alloc(0), true), true);
  }
  return { name, format: "jsonl", encoding, items: unwrapped(items()) };
}

/** `{"data": [...]}` is the list that it holds, where nothing else in it is one. */
async function* unwrapped(all: AsyncGenerator<JsonItem[]>): AsyncGenerator<JsonItem[]> {
  let first = true;
  for await (const items of all) {
    if (first && items.length === 1) {
      const list = listInside(items[0].value);
      if (list) {
        yield list.map((value) => ({ value, text: JSON.stringify(value), line: items[0].line }));
        continue;
      }
    }
    if (items.length > 0) first = false;
    yield items;
  }
}

function listInside(value: unknown): unknown[] | undefined {
  if (!isObject(value) || typeof objectRows(value, undefined) !== "string") return undefined;
  const found = Object.values(value).filter(
    (one) => Array.isArray(one) && one.length > 0 && one.every(isObject),
  );
  return found.length === 1 ? (found[0] as unknown[]) : undefined;
}

/** @throws when no value has both sides */
export async function openObjectRows(source: ObjectSource, settings: Settings): Promise<OpenTable> {
  const { name, items: all } = source;
  const counts = newCounts();
  const items = await firstItems(all);
  const toBatch = (some: readonly JsonItem[]): Batch => {
    const batch: Batch = { rows: [], rejected: [], repairs: [] };
    for (const item of some) {
      const found = item.reason ?? objectRows(item.value, settings.columns);
      const { rows, left } =
        typeof found === "string" ? { rows: [], left: [{ text: item.text, reason: found }] } : found;
      for (const row of rows) batch.rows.push({ line: item.line, ...row });
      for (const { text: raw, reason } of left)
        batch.rejected.push({ line: item.line, raw: Buffer.from(raw), text: raw, reason });
    }
    counts.records += batch.rows.length + batch.rejected.length;
    counts.rows += batch.rows.length;
    counts.rejected += batch.rejected.length;
    return batch;
  };
  const head = toBatch(items);
  if (head.rows.length === 0)
    throw new Error(
      `${name}: expected objects with both sides (such as instruction and output, or messages), got none${
        head.rejected[0] ? `: line ${head.rejected[0].line}, ${head.rejected[0].reason}` : ""
      }. Name the columns: loadCsv(path, { columns: { instruction: "…", response: "…" } }).`,
    );
  async function* batches(): AsyncGenerator<Batch> {
    try {
      yield head;
      for await (const some of all) yield toBatch(some);
    } finally {
      await all.return(undefined);
    }
  }
  const columns = columnsOf(items);
  const places = findColumns(columns, settings.columns);
  const input = places && inputPlace(columns, places);
  return {
    source: name,
    format: source.format,
    dialect: dialect(source.encoding),
    columns,
    instruction: settings.columns?.instruction ?? "instruction",
    response: settings.columns?.response ?? "response",
    ...(input === undefined ? {} : { input: columns[input] }),
    hasHeader: true,
    otherTables: [],
    counts,
    batches: batches(),
  };
}

/** A long first value may not end in the first piece. */
async function firstItems(all: AsyncGenerator<JsonItem[]>): Promise<JsonItem[]> {
  for (;;) {
    const next = await all.next();
    if (next.done) return [];
    if (next.value.length > 0) return next.value;
  }
}

/** Every key of the first objects is a column. */
export async function openWholeObjects(source: ObjectSource): Promise<OpenWholeTable> {
  const { name, items: all } = source;
  const counts = newCounts();
  const items = await firstItems(all);
  const columns = columnsOf(items);
  const toBatch = (some: readonly JsonItem[]): WholeBatch => {
    const batch: WholeBatch = { rows: [], records: [], rejected: [], repairs: [] };
    for (const { value, text: raw, line, reason } of some) {
      if (reason === undefined && isObject(value))
        batch.records.push({ fields: columns.map((column) => text(value[column])) });
      else
        batch.rejected.push({ line, raw: Buffer.from(raw), text: raw, reason: reason ?? "it is no object" });
    }
    counts.records += batch.records.length + batch.rejected.length;
    counts.rows += batch.records.length;
    counts.rejected += batch.rejected.length;
    return batch;
  };
  async function* batches(): AsyncGenerator<WholeBatch> {
    try {
      yield toBatch(items);
      for await (const some of all) yield toBatch(some);
    } finally {
      await all.return(undefined);
    }
  }
  return {
    source: name,
    format: source.format,
    dialect: dialect(source.encoding),
    columns,
    hasHeader: true,
    otherTables: [],
    counts,
    batches: batches(),
  };
}

function columnsOf(items: readonly JsonItem[]): string[] {
  const names = new Set<string>();
  for (const { value } of items) if (isObject(value)) for (const key of Object.keys(value)) names.add(key);
  return [...names];
}
