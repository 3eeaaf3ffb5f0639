/** Rows that say the same, as they stand or but for what a reader does not see as a difference. */
import type { Row } from "../table.ts";
import type { RowGroup } from "./findings.ts";

/** Case, accents, punctuation and white space make no other text. */
export function normalised(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

export interface SameText {
  duplicates: RowGroup[];
  nearDuplicates: RowGroup[];
  contradictions: RowGroup[];
}

export function findSameText(rows: readonly Row[]): SameText {
  const exact = new Map<string, Row[]>();
  const near = new Map<string, Row[]>();
  const questions = new Map<string, { row: Row; answer: string }[]>();
  for (const row of rows) {
    const [question, answer] = [normalised(row.instruction), normalised(row.response)];
    add(exact, JSON.stringify([row.instruction, row.response]), row);
    add(near, JSON.stringify([question, answer]), row);
    add(questions, question, { row, answer });
  }
  return {
    duplicates: [...exact.values()].filter((group) => group.length > 1).map(toGroup),
    nearDuplicates: [...near.values()].filter(differ).map(toGroup),
    contradictions: [...questions]
      // A question of marks only says nothing.
      .filter(([question, group]) => question !== "" && new Set(group.map(({ answer }) => answer)).size > 1)
      .map(([, group]) => toGroup(group.map(({ row }) => row))),
  };
}

function add<T>(groups: Map<string, T[]>, key: string, item: T): void {
  const group = groups.get(key);
  if (group) group.push(item);
  else groups.set(key, [item]);
}

function differ(group: readonly Row[]): boolean {
  return group.some(
    ({ instruction, response }) => instruction !== group[0].instruction || response !== group[0].response,
  );
}

function toGroup(rows: readonly Row[]): RowGroup {
  return { lines: rows.map(({ line }) => line), instruction: rows[0].instruction };
}
