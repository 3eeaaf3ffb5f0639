/**
 * Is a table one of turns? Its rows may have the speaker in one column and what was said in another, whole dialogues in the
 * cells of one column ("Q: … R: …"), or conversations as JSON.
 */
import { findColumns } from "../columns/columns.ts";
import { plainName, words } from "../columns/sideWords.ts";
import { isObject } from "../objects/jsonText.ts";
import { parsedJson } from "../objects/jsonValues.ts";
import { objectRows } from "../objects/objectRows.ts";
import type { OpenGrid } from "../read/openTable.ts";
import type { TableRecord } from "../read/tableReader.ts";
import { innerAnswer, type Side, sideOfCell, turnLine } from "./lines.ts";
import { Speakers } from "./speakers.ts";

export interface DialogueColumns {
  text: number;
  /** What a cell of `text` holds. */
  holds: "a turn" | "a dialogue" | "JSON";
  /** Who speaks, with "a turn". */
  speaker?: number;
  sideOf: (speaker: string) => Side | undefined;
  /** Rows with another value here belong to another conversation. */
  conversation?: number;
  /** The first record names the columns, although the layout did not see it. */
  skipsFirst: boolean;
}

/** Cells that must look so. */
const NEARLY_ALL = 0.95;
const MOST_LOOKED_AT = 200;
const CONVERSATION = /conv|thread|ticket|session|chat|dialog|discussion|fil\b|échange|echange/i;
/** A column of speakers, where the speakers are known by name only. */
const SPEAKER = new Set(
  words("author speaker sender from auteur autrice expéditeur autor absender remitente mittente"),
);

export function dialogueColumns(
  records: readonly TableRecord[],
  { parser, hasHeader }: Pick<OpenGrid, "parser" | "hasHeader">,
): DialogueColumns | undefined {
  const all = records.slice(0, MOST_LOOKED_AT).filter(({ reason }) => reason === undefined);
  for (const skipsFirst of hasHeader ? [false] : [false, true]) {
    const seen = skipsFirst ? all.slice(1) : all;
    const names = skipsFirst ? (all[0]?.fields ?? []) : parser.layout.header;
    const columns = parser.layout.header.map((_, at) => ({
      at,
      name: names[at],
      cells: seen.map(({ fields }) => fields[at].trim()),
    }));
    const found = withSpeaker(columns) ?? withWhole(columns);
    if (found) return { ...found, skipsFirst };
  }
  return undefined;
}

interface Column {
  at: number;
  name: string;
  cells: string[];
}
type Found = Omit<DialogueColumns, "skipsFirst"> | undefined;

function withSpeaker(columns: readonly Column[]): Found {
  if (columns.length < 2 || columns[0].cells.length < 2) return undefined;
  const known = columns.find(({ cells }) => speaks(cells.filter(Boolean)));
  // A table with a question and an answer in each row may tell who asked and who answered, too.
  if (!known && findColumns(columns.map(({ name }) => name))) return undefined;
  const speaker = known ?? columns.find(({ name }) => namesSpeaker(name));
  if (speaker === undefined) return undefined;
  const others = columns.filter((column) => column !== speaker);
  const length = ({ cells }: Column) => cells.reduce((sum, cell) => sum + cell.length, 0);
  const text = others.reduce((a, b) => (length(b) > length(a) ? b : a));
  const sideOf = known ? sideOfCell : sidesByQuestions(speaker.cells, text.cells);
  if (sideOf === undefined) return undefined;
  const conversation = others.find((one) => one !== text && CONVERSATION.test(one.name))?.at;
  return {
    text: text.at,
    holds: "a turn",
    speaker: speaker.at,
    sideOf,
    ...(conversation === undefined ? {} : { conversation }),
  };
}

function namesSpeaker(name: string): boolean {
  return plainName(name)
    .split(" ")
    .some((word) => SPEAKER.has(word));
}

function speaks(cells: readonly string[]): boolean {
  const sides = cells.map(sideOfCell);
  const known = sides.filter((side) => side !== undefined);
  return known.length >= NEARLY_ALL * cells.length && known.includes("question") && known.includes("answer");
}

function sidesByQuestions(
  names: readonly string[],
  texts: readonly string[],
): DialogueColumns["sideOf"] | undefined {
  const speakers = new Speakers();
  for (const [i, name] of names.entries()) speakers.add(name, texts[i]);
  const sides = speakers.sides();
  return sides && ((speaker) => sides.get(speaker.trim()));
}

function withWhole(columns: readonly Column[]): Found {
  for (const [holds, isOne] of [
    ["a dialogue", isDialogue],
    ["JSON", isConversation],
  ] as const) {
    const text = columns.find(({ cells }) => {
      const filled = cells.filter(Boolean);
      return filled.length >= 2 && filled.filter(isOne).length >= NEARLY_ALL * filled.length;
    });
    if (text) return { text: text.at, holds, sideOf: sideOfCell };
  }
  return undefined;
}

function isDialogue(cell: string): boolean {
  const [first, ...further] = cell.split("\n");
  const turn = turnLine(first);
  if (turn?.side !== "question") return false;
  return innerAnswer(turn.text) !== undefined || further.some((line) => turnLine(line)?.side === "answer");
}

/** Turns of both sides, as lists of messages have them. */
function isConversation(cell: string): boolean {
  const value = parsedJson(cell)?.value;
  return (Array.isArray(value) || isObject(value)) && typeof objectRows(value, undefined) !== "string";
}
