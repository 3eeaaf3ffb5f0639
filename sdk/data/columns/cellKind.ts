/** What a cell looks like: the evidence by which dialects, headers and columns are told. */

const number = /^[+-]?(?:\d{1,3}(?:[ .,'\u00a0\u202f]\d{3})+|\d+)(?:[.,]\d+)?(?:e[+-]?\d+)?\s?%?$/i;
const money = /^(?:[$€£¥]\s?-?\d[\d ,.']*|-?\d[\d ,.']*\s?(?:[$€£¥]|EUR|USD|CHF))$/;
const day =
  /^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;
const time = /^\d{1,2}[:h]\d{2}(?::\d{2})?$/;
const address = /^(?:https?:\/\/|www\.)\S+$|^\S+@\S+\.\w+$/;
const flag = /^(?:true|false|null|none|n\/?a|nan)$/i;
// A code: letters and digits without a blank, at least one digit.
const code = /^(?=[^\s]*\d)[\p{L}\d][\p{L}\d_./#-]{0,40}$/u;

export type CellKind = "empty" | "number" | "date" | "address" | "flag" | "code" | "text";

export function cellKind(cell: string): CellKind {
  const text = cell.trim();
  if (text === "") return "empty";
  // Long text is none of these, and need not be searched.
  if (text.length > 200) return "text";
  if (number.test(text) || money.test(text)) return "number";
  if (day.test(text) || time.test(text)) return "date";
  if (address.test(text)) return "address";
  if (flag.test(text)) return "flag";
  return code.test(text) ? "code" : "text";
}

const wrappings: [RegExp, number][] = [
  [/^"[\s\S]*"$/, 0.2],
  [/^'[\s\S]*'$/, 0.3],
  [/^[“”„][\s\S]*[“”]$/, 0.4],
];

/** How much a cell looks like one whole cell, in [0, 1]. */
export function cellQuality(cell: string): number {
  const text = cell.trim();
  if (text === "") return 0.6;
  const kind = cellKind(text);
  if (kind !== "text") return 1;
  for (const [pattern, quality] of wrappings) if (text.length > 1 && pattern.test(text)) return quality;
  if (/^["“”]/.test(text) || /["“”]$/.test(text)) return 0.4;
  if (!/\p{L}/u.test(text)) return 0.4;
  // A piece that was cut out of a sentence begins with a blank or with what ends another piece.
  if (/^\s/.test(cell)) return 0.6;
  return /^[\p{L}\d<{[(¿¡«*#=@+\-\p{So}]/u.test(text) ? 0.9 : 0.6;
}
