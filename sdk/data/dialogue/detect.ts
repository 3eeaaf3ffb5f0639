/**
 * Is a text a dialogue, and how is it written? Only what cannot be a table is taken for one: labels of both sides in turns,
 * speakers of a chat, numbered questions or headings with answers below. Prose with colons has no such turns.
 */
import { findColumns } from "../columns/columns.ts";
import { asks, innerAnswer, namesPerson, type Side, stampedLine, turnLine } from "./lines.ts";
import { Speakers } from "./speakers.ts";

export interface DialogueStyle {
  /**
   * "labels": each turn begins with a label. "inline": question and answer share a line. "headings": numbered, marked or
   * bold questions, their answers below. "paragraphs": the first line of each paragraph asks, the others answer.
   */
  kind: "labels" | "inline" | "headings" | "paragraphs";
  /** Speakers by name, where they have no label of a side. */
  names?: ReadonlyMap<string, Side>;
  /** Two questions in a row belong together, as messages of a chat do. */
  joins: boolean;
  /** Lines may stand in quotes, as a table of one column writes them. */
  quoted: boolean;
}

/** Turns go from question to answer in at least this share. */
const IN_TURNS = 0.8;
/** At least this share of the lines has a label; answers may have many lines. */
const LABELLED = 0.15;
const MOST_PREAMBLE = 40;
/** Lines that are looked at. */
const MOST_LINES = 600;

/** @param text the beginning of a source, or all of it (`whole`) */
export function findDialogue(text: string, whole: boolean): DialogueStyle | undefined {
  const lines = text.split(/\r\n?|\n/, MOST_LINES + 1);
  if (!whole || lines.length > MOST_LINES) lines.pop();
  const filled = lines.filter((line) => line.trim() !== "");
  if (filled.length < 2 || namesColumns(filled)) return undefined;
  const quotes = filled.filter((line) => /^\s*"/.test(line)).length;
  const quoted = quotes >= 0.3 * filled.length;
  const bare = quoted ? filled.map((line) => line.replace(/^\s*"|"[\s,;|\t]*$/g, "")) : filled;
  const found = labels(bare) ?? (quoted ? undefined : (chat(bare) ?? headings(lines) ?? paragraphs(lines)));
  return found === undefined ? undefined : { ...found, quoted };
}

/** A header that names both sides: the file is a table, whatever its cells hold. */
function namesColumns(filled: readonly string[]): boolean {
  return filled.slice(0, 5).some((line) =>
    [",", ";", "\t", "|"].some((delimiter) => {
      const names = line.split(delimiter).map((name) => name.replace(/^\s*"|"\s*$/g, ""));
      return names.length > 1 && findColumns(names)?.exact === true;
    }),
  );
}

type Found = Omit<DialogueStyle, "quoted"> | undefined;

function labels(lines: readonly string[]): Found {
  const turns = lines.map((line) => turnLine(line));
  const first = turns.findIndex((turn) => turn !== undefined && turn.side !== "answer");
  if (first < 0 || first > MOST_PREAMBLE) return undefined;
  const said = turns.filter((turn) => turn !== undefined);
  const asked = said.filter(({ side }) => side === "question");
  const answered = said.filter(({ side }) => side === "answer");
  if (asked.length === 0 || said.length < LABELLED * lines.length) return undefined;
  const inline = asked.filter(({ text }) => innerAnswer(text) !== undefined).length;
  if (inline >= IN_TURNS * asked.length && answered.length <= 0.1 * asked.length)
    return asked.length >= 2 && !isTable(lines) ? { kind: "inline", joins: false } : undefined;
  if (answered.length === 0) return undefined;
  // One question and one answer are a dialogue where nothing else is there.
  if (said.length < 4 && first > 0) return undefined;
  const sides = said.map(({ side }) => side).filter((side) => side !== "system");
  const pairs = sides.slice(1).filter((side, i) => sides[i] === "question" && side === "answer").length;
  const joins = asked.some(({ label }) => namesPerson(label));
  const runs = joins
    ? sides.filter((side, i) => side === "question" && sides[i - 1] !== "question").length
    : asked.length;
  return pairs >= IN_TURNS * runs - 1e-9 ? { kind: "labels", joins } : undefined;
}

/** The same two delimiters or more in every line: cells, of which some begin with a label. */
function isTable(lines: readonly string[]): boolean {
  return [";", "\t", "|", ","].some((delimiter) => {
    const count = lines[0].split(delimiter).length - 1;
    return count >= 2 && lines.every((line) => line.split(delimiter).length - 1 === count);
  });
}

/** Two speakers by name, with a day or a time before each message. */
function chat(lines: readonly string[]): Found {
  const speakers = new Speakers();
  let stamped = 0;
  for (const line of lines) {
    const found = stampedLine(line);
    if (found === undefined) continue;
    stamped++;
    if (found.speaker !== undefined) speakers.add(found.speaker, found.text);
  }
  const names = stamped < 0.5 * lines.length ? undefined : speakers.sides();
  return names && { kind: "labels", names, joins: true };
}

/** A numbered or marked question: the number, or 0 where there is none. */
export function headingOf(line: string): { number: number; text: string } | undefined {
  const numbered =
    /^\s{0,8}(?:#{1,6}\s{0,3}|\*\*)?(\d{1,4})\s{0,3}[.)/°–-]\s{0,8}(?:\*\*)?\s{0,8}(\S.*)$/.exec(line);
  const marked = /^\s*(?:#{1,6}\s+|\*\*)(\S.*)$/.exec(line);
  const text = (numbered?.[2] ?? marked?.[1])?.replace(/\*\*\s*$/, "").trim();
  if (text === undefined || !asks(text)) return undefined;
  return { number: numbered ? Number(numbered[1]) : 0, text };
}

function headings(lines: readonly string[]): Found {
  const asks = lines.map(headingOf);
  const at = asks.flatMap((found, i) => (found ? [i] : []));
  if (at.length < 2) return undefined;
  const first = lines.slice(0, at[0]).filter((line) => line.trim() !== "").length;
  const counted = at.every(
    (i, k) => k === 0 || asks[i]?.number === 0 || asks[i]?.number === (asks[at[k - 1]]?.number ?? 0) + 1,
  );
  const answered = at.every((i, k) =>
    lines.slice(i + 1, at[k + 1] ?? lines.length).some((line) => line.trim() !== ""),
  );
  return first <= 5 && counted && answered ? { kind: "headings", joins: false } : undefined;
}

function paragraphs(lines: readonly string[]): Found {
  const blocks = lines
    .join("\n")
    .split(/\n\s*\n/)
    .map((block) => block.trim().split("\n"))
    .filter(([first]) => first !== "");
  const asking = blocks.filter((block) => block.length >= 2 && asks(block[0]));
  const title = blocks[0]?.length === 1 ? 1 : 0;
  return asking.length >= 3 && asking.length === blocks.length - title
    ? { kind: "paragraphs", joins: false }
    : undefined;
}
