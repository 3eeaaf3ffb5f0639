/**
 * How a text is written: delimiter, quote and escape. Every candidate that the text can have splits a sample; its
 * score is
 *
 *   consistency × (1 - 1 / columns) × mean quality of the cells × (1 - 0.6 × share of broken records) × prior
 *
 * and a header that names both sides adds 1 (0.8 where marks are left around the names). Consistency is the share of records of the most frequent length, columns
 * is that length. The idea of uniform row lengths and recognisable cells: van den Burg, Nazábal and Sutton 2019,
 * "Wrangling messy CSV files by detecting row and type patterns"; García 2024, "Detecting CSV file dialects by table
 * uniformity measurement and data type inference".
 */
import { cellQuality } from "../columns/cellKind.ts";
import { findColumns } from "../columns/columns.ts";
import { lenientSplit } from "../records/lenientSplit.ts";
import { RecordReader } from "../records/recordReader.ts";
import type { Syntax } from "../records/syntax.ts";

export interface Scored {
  syntax: Syntax;
  score: number;
  /** The most frequent length of a record. */
  columns: number;
}

/** The best candidate first. */
export type Ranking = [Scored, ...Scored[]];

// Rarer ones need more evidence.
const delimiterPriors: Record<string, number> = {
  ",": 1,
  ";": 1,
  "\t": 1,
  "|": 0.97,
  "\u0001": 0.9,
  "\u001f": 0.9,
  "¦": 0.85,
  "^": 0.8,
  "~": 0.8,
  "§": 0.8,
  ":": 0.4,
  " ": 0.55,
};
const quotePriors: Record<string, number> = { '"': 1, "'": 0.94, "“”": 0.94, "«»": 0.9 };
const MOST_RECORDS = 300;
/** Where one dialect names both sides and splits every record alike, the others are looked at for the runner-up only. */
const RUNNER_UP_RECORDS = 60;
const CERTAIN = 1.3;

/** @param text a sample that ends with a line, without the lines before the table where they are known */
export function rankDialects(text: string, given: Partial<Syntax> = {}): Ranking {
  const delimiters = given.delimiter !== undefined ? [given.delimiter] : usedDelimiters(text);
  const qualityOf = rememberedQuality();
  const candidates = delimiters.flatMap((delimiter) =>
    (given.quote !== undefined ? [given.quote] : usedQuotes(text, delimiter)).flatMap((quote) =>
      (given.escape !== undefined ? [given.escape] : usedEscapes(text, quote, delimiter)).map(
        (how): Syntax => ({ delimiter, quote, escape: how, blankAfterDelimiter: false }),
      ),
    ),
  );
  let most = MOST_RECORDS;
  const ranked = candidates
    .map((syntax) => {
      const scored = score(text, syntax, qualityOf, most);
      if (scored.score >= CERTAIN) most = RUNNER_UP_RECORDS;
      return scored;
    })
    .sort((a, b) => b.score - a.score);
  const best = ranked[0] ?? {
    syntax: { delimiter: ",", quote: '"', escape: "doubled", blankAfterDelimiter: false },
    score: 0,
    columns: 1,
  };
  const syntax = { ...best.syntax, blankAfterDelimiter: blankFollows(text, best.syntax) };
  return [{ ...best, syntax }, ...ranked.slice(1)];
}

/** 1 - second / best; the second has another delimiter or quote. */
export function confidence([best, ...others]: Ranking): number {
  const second = runnerUp([best, ...others]);
  if (!second || best.score <= 0) return best.score > 0 ? 1 : 0;
  return Math.max(0, 1 - second.score / best.score);
}

export function runnerUp([best, ...others]: Ranking): Scored | undefined {
  return others.find(
    ({ syntax }) => syntax.delimiter !== best.syntax.delimiter || syntax.quote !== best.syntax.quote,
  );
}

function usedDelimiters(text: string): string[] {
  const lines = text.split(/\r\n?|\n/).filter((line) => line.trim() !== "");
  return Object.keys(delimiterPriors).filter((delimiter) => {
    const holding = lines.filter((line) => line.includes(delimiter)).length;
    // A header speaks for its delimiter, even where the records lack it.
    const isOfHeader = () => headerMeaning(lines[0].split(delimiter)) === 1;
    return holding > 0 && (holding >= 0.2 * lines.length || isOfHeader());
  });
}

function usedQuotes(text: string, delimiter: string): string[] {
  const at = delimiter.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const edges = (open: string, close: string) =>
    Math.min(
      [...text.matchAll(new RegExp(`(?:^|${at}) ?[${open}](?!\\s)`, "gm"))].length,
      [...text.matchAll(new RegExp(`\\S[${close}] ?(?:$|\\r|${at})`, "gm"))].length,
    );
  const quotes = ['"'];
  // Most texts lack the mark, which is found out faster than the rest.
  if (text.includes("'") && edges("'", "'") >= 2) quotes.push("'");
  if (/[“”]/.test(text) && edges("“”„", "“”") >= 2) quotes.push("“”");
  if (text.includes("«") && edges("«", "»") >= 2) quotes.push("«»");
  return quotes;
}

function usedEscapes(text: string, quote: string, delimiter: string): Syntax["escape"][] {
  const escaped = [quote[0], delimiter].some((character) => text.includes(`\\${character}`));
  return escaped ? ["doubled", "backslash"] : ["doubled"];
}

/** Cut at every blank, a text is the same few words again and again. */
function rememberedQuality(): (cell: string) => number {
  const known = new Map<string, number>();
  return (cell) => {
    let quality = known.get(cell);
    if (quality === undefined) {
      quality = cellQuality(cell);
      known.set(cell, quality);
    }
    return quality;
  };
}

function score(text: string, syntax: Syntax, qualityOf: (cell: string) => number, most: number): Scored {
  const reader = new RecordReader(syntax, text.length);
  reader.append(text, true);
  const lengths: number[] = [];
  const qualities: number[] = [];
  let broken = 0;
  let named = 0;
  while (lengths.length < most) {
    const record = reader.next();
    if (!record) break;
    if (record.raw.trim() === "" || /^\s*(?:#|\/\/)/.test(record.raw)) continue;
    const fields = record.clean ? record.fields : lenientSplit(record.raw, syntax);
    if (!record.clean) broken++;
    lengths.push(fields.length);
    qualities.push(mean(fields.slice(0, 50).map(qualityOf)));
    // Between words of names that other delimiters part, a blank is one of prose.
    const parted = syntax.delimiter === " " && fields.some((field) => /[,;\t|]/.test(field));
    if (lengths.length <= 10 && fields.length > 1 && named < 1 && !parted)
      named = Math.max(named, headerMeaning(fields));
  }
  const columns = mostFrequent(lengths);
  const fitting = lengths.map((length) => length === columns);
  // What comes before the table is none of its rows.
  const first = Math.min(fitting.indexOf(true), Math.floor(lengths.length / 3));
  const total = Math.max(1, lengths.length - Math.max(0, first));
  const consistency = fitting.filter(Boolean).length / total;
  const quality = mean(qualities.filter((_, i) => fitting[i] && i >= first));
  const prior = (delimiterPriors[syntax.delimiter] ?? 1) * (quotePriors[syntax.quote] ?? 1);
  const wholeness = 1 - (0.6 * broken) / Math.max(1, lengths.length);
  const escapePrior = syntax.escape === "backslash" ? 0.98 : 1;
  return {
    syntax,
    columns,
    score: (consistency * (1 - 1 / columns) * quality * prior * wholeness + named) * escapePrior,
  };
}

/** 1 where a record names both sides, word for word; the names of a header are not sentences. */
function headerMeaning(fields: readonly string[]): number {
  if (fields.some((field) => field.trim().length > 60)) return 0;
  const names = fields.map((field) => field.trim());
  const plain = names.map((name) => name.replace(/^["'“”„«\s]+|["'“”»\s]+$/g, ""));
  const found = findColumns(plain);
  if (!found) return 0;
  const marked = plain.some((name, i) => name !== names[i]);
  return (found.exact ? 1 : 0.5) * (marked ? 0.8 : 1);
}

/** Of two equally frequent lengths the longer; one field is no table, unless there is nothing else. */
function mostFrequent(lengths: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const length of lengths) if (length > 1) counts.set(length, (counts.get(length) ?? 0) + 1);
  const [best] = [...counts].sort((a, b) => b[1] - a[1] || b[0] - a[0]);
  return best?.[0] ?? 1;
}

/** Does a blank stand after (nearly) every delimiter? */
function blankFollows(text: string, syntax: Syntax): boolean {
  if (syntax.delimiter.trim() === "" || !text.includes(`${syntax.delimiter} `)) return false;
  const reader = new RecordReader(syntax, text.length);
  reader.append(text, true);
  let blank = 0;
  let all = 0;
  for (let i = 0; i < MOST_RECORDS; i++) {
    const record = reader.next();
    if (!record) break;
    if (record.raw.trim() === "") continue;
    const { delimiter } = syntax;
    const rest = record.raw.split(delimiter).slice(1);
    // Delimiters inside quotes are followed by what they like.
    if (record.clean && rest.length !== record.fields.length - 1 && record.raw.includes(syntax.quote[0]))
      continue;
    for (const field of rest) {
      all++;
      if (field === "" || field.startsWith(" ")) blank++;
    }
  }
  return all > 0 && blank >= 0.95 * all;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
