/**
 * A table whose rows are the turns of a dialogue: the speaker in one column and what was said in another, or whole
 * dialogues in the cells of one column ("Q: … R: …").
 */
import { uniqueNames } from "../columns/columns.ts";
import type { Settings } from "../csvOptions.ts";
import {
  addRepairs,
  type Batch,
  forbidRepairs,
  newCounts,
  type OpenGrid,
  type OpenTable,
} from "../read/openTable.ts";
import type { TableRecord } from "../read/tableReader.ts";
import { Exchanges } from "./exchanges.ts";
import { innerAnswer, sideOfCell, turnLine } from "./lines.ts";

export interface DialogueColumns {
  text: number;
  /** Who speaks; undefined where the cells hold whole dialogues. */
  speaker?: number;
  /** Rows with another value here belong to another conversation. */
  conversation?: number;
  /** The first record names the columns, although the layout did not see it. */
  skipsFirst: boolean;
}

/** Cells that must look so. */
const NEARLY_ALL = 0.95;
const MOST_LOOKED_AT = 200;
const CONVERSATION = /conv|thread|ticket|session|chat|dialog|discussion|fil\b|échange|echange/i;

export function dialogueColumns(
  records: readonly TableRecord[],
  { parser, hasHeader }: Pick<OpenGrid, "parser" | "hasHeader">,
): DialogueColumns | undefined {
  const all = records.slice(0, MOST_LOOKED_AT).filter(({ reason }) => reason === undefined);
  const width = parser.layout.header.length;
  const places = Array.from({ length: width }, (_, i) => i);
  for (const skipsFirst of hasHeader ? [false] : [false, true]) {
    const seen = skipsFirst ? all.slice(1) : all;
    if (seen.length < 2) continue;
    const names = skipsFirst ? (all[0]?.fields ?? []) : parser.layout.header;
    const cells = (at: number) => seen.map(({ fields }) => fields[at].trim()).filter((cell) => cell !== "");
    const speaker = places.find((at) => speaks(cells(at)));
    if (speaker !== undefined && width > 1) {
      const others = places.filter((at) => at !== speaker);
      const length = (at: number) => cells(at).reduce((sum, cell) => sum + cell.length, 0);
      const text = others.reduce((a, b) => (length(b) > length(a) ? b : a));
      const conversation = others.find((at) => at !== text && CONVERSATION.test(names[at]));
      return { text, speaker, ...(conversation === undefined ? {} : { conversation }), skipsFirst };
    }
    const text = places.find((at) => holdDialogues(cells(at)));
    if (text !== undefined) return { text, skipsFirst };
  }
  return undefined;
}

function speaks(cells: readonly string[]): boolean {
  const sides = cells.map(sideOfCell);
  const known = sides.filter((side) => side !== undefined);
  return known.length >= NEARLY_ALL * cells.length && known.includes("question") && known.includes("answer");
}

function holdDialogues(cells: readonly string[]): boolean {
  if (cells.length < 2) return false;
  const whole = cells.filter((cell) => {
    const [first, ...further] = cell.split("\n");
    const turn = turnLine(first);
    if (turn?.side !== "question") return false;
    return innerAnswer(turn.text) !== undefined || further.some((line) => turnLine(line)?.side === "answer");
  });
  return whole.length >= NEARLY_ALL * cells.length;
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
  const counts = newCounts();
  const names = uniqueNames(columns.skipsFirst ? first[0].fields : parser.layout.header);
  const exchanges = new Exchanges(columns.speaker !== undefined);
  let conversation: string | undefined;
  let isFirst = columns.skipsFirst;

  function add({ fields, line }: TableRecord): void {
    const text = fields[columns.text].replace(/\r\n?/g, "\n").trim();
    if (columns.speaker === undefined) {
      exchanges.forget();
      for (const one of text.split("\n")) addLine(one, line);
      exchanges.forget();
      return;
    }
    const id = columns.conversation === undefined ? undefined : fields[columns.conversation].trim();
    if (id !== conversation) exchanges.forget();
    conversation = id;
    const side = sideOfCell(fields[columns.speaker]);
    if (side !== undefined && text !== "") exchanges.turn(side, text, line);
    else exchanges.left.push({ line, text: fields.join(" | "), reason: "neither question nor answer" });
  }

  function addLine(text: string, line: number): void {
    const turn = turnLine(text);
    const both = turn?.side === "question" ? innerAnswer(turn.text) : undefined;
    if (turn === undefined && exchanges.begun) exchanges.goesOn(text);
    else if (turn === undefined) exchanges.left.push({ line, text, reason: "neither question nor answer" });
    else {
      exchanges.turn(turn.side, both?.question ?? turn.text, line);
      if (both) exchanges.turn("answer", both.answer, line);
    }
  }

  function toBatch(records: readonly TableRecord[], last: boolean): Batch {
    const batch: Batch = { rows: [], rejected: [], repairs: [] };
    for (const record of records) {
      if (isFirst) {
        isFirst = false;
        continue;
      }
      const { line, raw, fields, reason } = record;
      if (reason !== undefined) batch.rejected.push({ line, raw: encode(raw), text: raw, reason });
      else {
        for (const { column, kind } of record.repairs)
          batch.repairs.push({
            line,
            ...(column === undefined ? {} : { column: names[column] }),
            kind,
            before: raw,
            after: column === undefined ? fields.join(" | ") : fields[column],
          });
        add(record);
      }
    }
    if (last) exchanges.forget();
    finish(batch);
    return batch;
  }

  function finish(batch: Batch): void {
    const { rows, left } = exchanges.take();
    batch.rows = rows;
    for (const { line, text, reason } of left) batch.rejected.push({ line, raw: encode(text), text, reason });
    const { table } = parser;
    for (const { line, raw } of table.takeRepeatedHeaders())
      batch.repairs.push({ line, kind: "repeated header", before: raw, after: "" });
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
    yield toBatch(first, false);
    for await (const records of grid.records) yield toBatch(records, false);
    yield toBatch([], true);
  }
  return {
    source: name,
    format: "dialogue",
    dialect: parser.dialect,
    columns: names,
    instruction: names[columns.text],
    response: names[columns.text],
    hasHeader: grid.hasHeader || columns.skipsFirst,
    otherTables: parser.table.otherTables,
    counts,
    batches: batches(),
  };
}
