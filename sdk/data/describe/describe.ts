/** What is in a table, and what deserves a look before compute is spent on it. */
import { z } from "zod";
import { checkOptions } from "../../options.ts";
import { harmless } from "../../text/harmless.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import { displayable } from "../../views/bundle.ts";
import { percent } from "../../views/numbers.ts";
import { showDescription } from "../show.ts";
import type { Row } from "../table.ts";
import { distribution } from "./distribution.ts";
import type { Description, RowGroup } from "./findings.ts";
import { languageOf } from "./language.ts";
import { findPersonalData } from "./personalData.ts";
import { findSameText } from "./sameText.ts";

export type { Description } from "./findings.ts";

/** Options of `describe`. */
export interface DescribeOptions {
  /** Counts tokens, chat template included. Default: none, and tokens are left out. */
  tokenizer?: Tokenizer;
  /** Tokens that an example may have. Default 512. */
  maxSeqLength?: number;
}

const optionsSchema = z.strictObject({
  tokenizer: z.custom<Tokenizer>((value) => typeof value === "object" && value !== null).optional(),
  maxSeqLength: z.int().min(1).default(512),
});

/**
 * Counts, lengths, languages, equal and nearly equal rows, contradictions, short answers and likely personal data,
 * each with line numbers.
 *
 * @param table rows with instruction and response, as `loadCsv` gives them
 * @returns plain data; as a string a text, in a notebook a table with plots
 * @throws when an option is wrong (all of them are named)
 */
export function describe(
  table: { source: string; rows: readonly Row[] },
  options: DescribeOptions = {},
): Description {
  const { tokenizer, maxSeqLength } = checkOptions("describe", optionsSchema, options);
  const { source, rows } = table;
  const lengths = tokenizer ? rows.map((row) => tokensOf(row, tokenizer)) : undefined;
  const tooLong = lengths?.flatMap((tokens, i) => (tokens > maxSeqLength ? [rows[i].line] : []));
  const facts = {
    source,
    rows: rows.length,
    characters: {
      instruction: distribution(rows.map(({ instruction }) => instruction.length)),
      response: distribution(rows.map(({ response }) => response.length)),
    },
    ...(lengths && tooLong
      ? {
          tokens: distribution(lengths),
          tooLong: { maxSeqLength, share: tooLong.length / Math.max(1, rows.length), lines: tooLong },
        }
      : {}),
    ...findSameText(rows),
    shortAnswers: rows
      .filter(({ response }) => (response.match(/[\p{L}\p{N}]+/gu)?.length ?? 0) <= 1)
      .map(({ line, response }) => ({ line, response })),
    languages: languagesOf(rows),
    personalData: findPersonalData(rows),
  };
  const description = { ...facts, warnings: warningsOf(facts) };
  // Not enumerable: JSON and comparisons see data only.
  Object.defineProperty(description, "toString", { value: () => textOf(description) });
  return displayable(description as Description, showDescription);
}

type Facts = Omit<Description, "warnings" | "toString">;

function tokensOf({ instruction, response }: Row, tokenizer: Tokenizer): number {
  return tokenizer.template.encodeChat(tokenizer, [
    { role: "user", content: instruction },
    { role: "assistant", content: response },
  ]).ids.length;
}

function languagesOf(rows: readonly Row[]): Description["languages"] {
  const lines = new Map<string, number[]>();
  for (const { line, instruction, response } of rows) {
    const language = languageOf(`${instruction} ${response}`);
    const known = lines.get(language);
    if (known) known.push(line);
    else lines.set(language, [line]);
  }
  return [...lines]
    .map(([language, found]) => ({ language, rows: found.length, lines: found }))
    .sort((a, b) => b.rows - a.rows);
}

function warningsOf(facts: Facts): string[] {
  const warnings: string[] = [];
  const { tooLong, duplicates, nearDuplicates, contradictions, shortAnswers, personalData } = facts;
  if (tooLong && tooLong.lines.length > 0)
    warnings.push(
      `${percent(tooLong.share)} of the rows have more than ${tooLong.maxSeqLength} tokens: ${linesText(tooLong.lines)}`,
    );
  if (duplicates.length > 0)
    warnings.push(`${surplus(duplicates)} rows repeat an earlier one: ${groupsText(duplicates)}`);
  if (nearDuplicates.length > 0)
    warnings.push(
      `${nearDuplicates.length} groups of rows differ in case, accents or punctuation only: ${groupsText(nearDuplicates)}`,
    );
  if (contradictions.length > 0)
    warnings.push(`${contradictions.length} questions have different answers: ${groupsText(contradictions)}`);
  if (shortAnswers.length > 0)
    warnings.push(
      `${shortAnswers.length} answers have one word or none: ${linesText(shortAnswers.map(({ line }) => line))}`,
    );
  for (const kind of ["mail", "phone", "card", "iban"] as const) {
    const lines = personalData.filter((found) => found.kind === kind).map(({ line }) => line);
    if (lines.length > 0)
      warnings.push(`${lines.length} ${kindNames[kind]}: ${linesText([...new Set(lines)])}`);
  }
  return warnings;
}

const kindNames = {
  mail: "mail addresses",
  phone: "telephone numbers",
  card: "card numbers",
  iban: "IBANs",
};

function surplus(groups: readonly RowGroup[]): number {
  return groups.reduce((sum, { lines }) => sum + lines.length - 1, 0);
}

/** The first few; the value has them all. */
function linesText(lines: readonly number[]): string {
  const more = lines.length > 5 ? ` and ${lines.length - 5} more` : "";
  return `${lines.length === 1 ? "line" : "lines"} ${lines.slice(0, 5).join(", ")}${more}`;
}

function groupsText(groups: readonly RowGroup[]): string {
  const more = groups.length > 3 ? ` and ${groups.length - 3} more` : "";
  return `lines ${groups
    .slice(0, 3)
    .map(({ lines }) => lines.slice(0, 5).join(" = "))
    .join("; ")}${more}`;
}

function textOf(description: Omit<Description, "toString">): string {
  const { source, rows, characters, tokens, languages, warnings } = description;
  const length = ({ min, median, p95, max }: typeof characters.instruction) =>
    `${min} to ${max}, median ${median}, 95 % up to ${p95}`;
  return harmless(
    [
      `${source}: ${rows} rows`,
      `instruction: ${length(characters.instruction)} characters`,
      `response: ${length(characters.response)} characters`,
      ...(tokens ? [`example: ${length(tokens)} tokens`] : []),
      `languages: ${languages.map(({ language, rows: count }) => `${language} ${count}`).join(", ")}`,
      ...warnings.map((warning) => `worth a look: ${warning}`),
    ].join("\n"),
  );
}
