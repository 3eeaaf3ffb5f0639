/** A table whose rows are turns, or hold whole dialogues, piece by piece as rows of question and answer. */
import { uniqueNames } from "../columns/columns.ts";
import type { Settings } from "../csvOptions.ts";
import { parsedJson } from "../objects/jsonValues.ts";
import { objectRows } from "../objects/objectRows.ts";
import {
  addRepairs,
  type Batch,
  forbidRepairs,
  newCounts,
  type OpenGrid,
  type OpenTable,
  recordRepairs,
} from "../read/openTable.ts";
import type { TableRecord } from "../read/tableReader.ts";
import type { DialogueColumns } from "./columns.ts";
import { Exchanges } from "./exchanges.ts";
import { innerAnswer, turnLine } from "./lines.ts";

const NOBODY = "neither question nor answer";

/** Records to exchanges. */
class RowTurns {
  readonly exchanges: Exchanges;
  #conversation: string | undefined;

  constructor(readonly columns: DialogueColumns) {
    this.exchanges = new Exchanges(columns.holds === "a turn");
  }

  add({ fields, line }: TableRecord): void {
    const { exchanges, columns } = this;
    const text = fields[columns.text].replace(/\r\n?/g, "\n").trim();
    if (columns.holds === "a turn") this.#addTurn(text, fields, line);
    else {
      exchanges.forget();
      if (columns.holds === "JSON") this.#addJson(text, line);
      else for (const one of text.split("\n")) this.#addLine(one, line);
      exchanges.forget();
    }
  }

  #addTurn(text: string, fields: readonly string[], line: number): void {
    const { exchanges, columns } = this;
    const id = columns.conversation === undefined ? undefined : fields[columns.conversation].trim();
    if (id !== this.#conversation) exchanges.forget();
    this.#conversation = id;
    const side = columns.speaker === undefined ? undefined : columns.sideOf(fields[columns.speaker]);
    if (side !== undefined && text !== "") exchanges.turn(side, text, line);
    else exchanges.left.push({ line, text: fields.join(" | "), reason: NOBODY });
  }

  #addLine(text: string, line: number): void {
    const { exchanges } = this;
    const turn = turnLine(text);
    const both = turn?.side === "question" ? innerAnswer(turn.text) : undefined;
    if (turn === undefined && exchanges.begun) exchanges.goesOn(text);
    else if (turn === undefined) exchanges.left.push({ line, text, reason: NOBODY });
    else {
      exchanges.turn(turn.side, both?.question ?? turn.text, line);
      if (both) exchanges.turn("answer", both.answer, line);
    }
  }

  #addJson(text: string, line: number): void {
    const { exchanges } = this;
    const json = parsedJson(text);
    const found = json ? objectRows(json.value, undefined) : "its conversation is no JSON";
    if (typeof found === "string") exchanges.left.push({ line, text, reason: found });
    else {
      for (const row of found.rows) exchanges.rows.push({ line, ...row });
      for (const left of found.left) exchanges.left.push({ line, ...left });
    }
  }
}

/** @param first the records that `columns` was found in; `grid.records` has those that follow */
export function openDialogueColumns(
  name: string,
  grid: OpenGrid,
  first: readonly TableRecord[],
  columns: DialogueColumns,
  settings: Settings,
): OpenTable {
  const { parser, encode } = grid;
  const { table } = parser;
  const counts = newCounts();
  const names = uniqueNames(columns.skipsFirst ? first[0].fields : parser.layout.header);
  const turns = new RowTurns(columns);

  function toBatch(records: readonly TableRecord[], last: boolean): Batch {
    const batch: Batch = { rows: [], rejected: [], repairs: [] };
    for (const record of records) {
      const { line, raw, reason } = record;
      if (reason !== undefined) batch.rejected.push({ line, raw: encode(raw), text: raw, reason });
      else {
        if (record.repairs.length > 0) batch.repairs.push(...recordRepairs(record, names));
        turns.add(record);
      }
    }
    if (last) turns.exchanges.forget();
    const { rows, left } = turns.exchanges.take();
    batch.rows = rows;
    for (const { line, text, reason } of left) batch.rejected.push({ line, raw: encode(text), text, reason });
    for (const { line, raw } of table.takeRepeatedHeaders())
      batch.repairs.push({ line, kind: "repeated header", before: raw, after: "" });
    count(batch);
    return batch;
  }

  function count(batch: Batch): void {
    forbidRepairs(name, batch.repairs, settings);
    counts.rows += batch.rows.length;
    counts.rejected += batch.rejected.length;
    counts.records = counts.rows + counts.rejected;
    addRepairs(counts, batch.repairs);
    counts.blankLines = table.blankLines;
    counts.commentLines = table.commentLines;
    counts.preambleLines = parser.preambleLines;
  }

  async function* batches(): AsyncGenerator<Batch> {
    try {
      yield toBatch(columns.skipsFirst ? first.slice(1) : first, false);
      for await (const records of grid.records) yield toBatch(records, false);
      yield toBatch([], true);
    } finally {
      await grid.records.return(undefined);
    }
  }
  return {
    source: name,
    format: "dialogue",
    dialect: parser.dialect,
    columns: names,
    instruction: names[columns.text],
    response: names[columns.text],
    hasHeader: grid.hasHeader || columns.skipsFirst,
    otherTables: table.otherTables,
    counts,
    batches: batches(),
  };
}
