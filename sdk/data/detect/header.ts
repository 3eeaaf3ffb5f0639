/** Which records of a table are its header: by the names in them, or by what stands below them. */
import type { ColumnModel } from "../columns/columnModel.ts";
import { type ColumnNames, findColumns, namedSide } from "../columns/columns.ts";
import type { Syntax } from "../records/syntax.ts";
import type { TextRecord } from "../records/textRecord.ts";
import { isName, LONGEST_NAME, looksLikeHeader } from "./recordKind.ts";

/** Lines that may stand before a header. */
export const MOST_PREAMBLE = 40;

/** A record with the fields that it has by its quotes, or in spite of them. */
export interface Seen {
  record: TextRecord;
  fields: string[];
  afterBlank: boolean;
}

/** True where a record says the names of the columns once more. */
export function repeatsHeader(
  { header, headerRecords }: { header: readonly string[]; headerRecords: number },
  fields: readonly string[],
): boolean {
  if (headerRecords === 0 || fields.length !== header.length) return false;
  return header.every((name, i) => fields[i].trim().toLowerCase() === name.toLowerCase());
}

/** Names and nothing else, with the usual ones of both sides among them. */
export function namesSides(fields: readonly string[]): boolean {
  let words = 0;
  for (const field of fields) {
    if (field.length > LONGEST_NAME) return false;
    if (!field.trim().includes(" ")) words++;
  }
  // The usual names are one word each, which is found out faster than what they are.
  return words >= 2 && findColumns(fields)?.exact === true && fields.every(isName);
}

/** The first record that names both sides. */
export function namedHeader(
  seen: readonly Seen[],
  wanted: Partial<ColumnNames> | undefined,
): number | undefined {
  const near = seen.slice(0, MOST_PREAMBLE);
  const isHeader = ({ fields }: Seen, exact: boolean) => {
    const names = fields.map((field) => field.trim());
    const found = names.every((name) => name.length <= 80) ? findColumns(names, wanted) : undefined;
    return found !== undefined && (found.exact || !exact);
  };
  const exact = near.findIndex((one) => isHeader(one, true));
  if (exact >= 0) return exact;
  // Names that only hold the words must stand where the table begins.
  const first = near.findIndex(({ fields }) => fields.filter((field) => field.trim() !== "").length > 1);
  return first >= 0 && isHeader(near[first], false) ? first : undefined;
}

/** The first record names one side and is as long as the others: a header, though the other side is not named or not there. */
export function isHalfNamed([first, ...rest]: readonly Seen[], { delimiter }: Syntax): boolean {
  if (first === undefined || namedSide(first.fields) === undefined || !first.fields.every(isName))
    return false;
  // Below one name, blanks part no columns; other delimiters do, and the name is a title.
  if (first.fields.length === 1 && delimiter === " ") return true;
  return rest.length === 0 || first.fields.length === mostFrequent(rest.map(({ fields }) => fields.length));
}

export function isUpperHeader(upper: Seen, below: Seen, columns: number): boolean {
  if (below.afterBlank || upper.fields.length !== columns || upper.record.raw.trimStart().startsWith("#"))
    return false;
  const filled = upper.fields.filter((field) => field.trim() !== "");
  return filled.length >= 2 && filled.every(isName);
}

/** A second record of names: the other language, or what is asked for in brackets. */
export function isLowerHeader(fields: readonly string[], header: readonly string[]): boolean {
  if (fields.length !== header.length) return false;
  const texts = fields.map((field) => field.trim());
  if (texts.every((text) => /^[([<{][^()[\]<>{}]*[)\]>}]$/.test(text) && text.length <= 40)) return true;
  return namesSides(texts) && !texts.every((text, i) => text === header[i].trim());
}

export function joinHeaders(headers: readonly (readonly string[])[]): string[] {
  return headers[0].map((_, i) =>
    headers
      .map((names) => (names[i] ?? "").trim())
      .filter((name) => name !== "")
      .join(" "),
  );
}

/** By the kinds of the cells where columns have one, else by their lengths. */
export function isHeaderOver(
  fields: readonly string[],
  models: readonly ColumnModel[],
  further: boolean,
): boolean {
  if (fields.some((field) => field.length > 100)) return false;
  const typed = models.map((_, i) => i).filter((i) => models[i].typed && !models[i].alwaysEmpty);
  if (typed.length > 0) {
    const strange = typed.filter((i) => fields[i].trim() !== "" && models[i].cost(fields[i]) >= 2);
    const digits = fields.filter((field) => /^\d/.test(field.trim())).length;
    return strange.length >= 0.5 * typed.length && digits <= 0.2 * fields.length;
  }
  if (models[0]?.seen === 0) return !further && fields.every((field) => isName(field));
  // Names are shorter than everything below them.
  return (
    !further &&
    models[0].seen >= 2 &&
    looksLikeHeader(fields) &&
    fields.every((field, i) => models[i].isShorterThanAll(field.trim()))
  );
}

export function shareOfLength(rows: readonly (readonly string[])[], length: number): number {
  return rows.length === 0 ? 0 : rows.filter((fields) => fields.length === length).length / rows.length;
}

export function mostFrequent(lengths: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const length of lengths) counts.set(length, (counts.get(length) ?? 0) + (length > 1 ? 1 : 0.4));
  return [...counts].sort((a, b) => b[1] - a[1] || b[0] - a[0])[0]?.[0] ?? 0;
}
