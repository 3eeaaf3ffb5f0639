/** What one record may be, beside a row: nothing, a comment, a rule, the names of columns. */
import { cellKind } from "../columns/cellKind.ts";

/** A line that no table holds: "# comment", "// comment", "|---|---|", "+----+". */
export function isComment(raw: string, fields: number, columns: number): boolean {
  const text = raw.trimStart();
  const first = text[0];
  if (first === "#") return fields !== columns || columns === 1 || /^#+(?:\s|$|-|=)/.test(text);
  if (first === "(") return fields !== columns && COUNT.test(text.trimEnd());
  if (first === "/") return /^\/\/\s/.test(text) && fields !== columns;
  if (first === "-" || first === "+" || first === "|" || first === "=" || first === ":") return isRule(raw);
  return false;
}

/** What a database writes below its table. */
const COUNT = /^\(\d+ (?:rows?|lignes?|records?|enregistrements?|résultats?|results?)\)$/i;

export function isRule(raw: string): boolean {
  return raw.length >= 3 && /^[\s|+:=-]+$/.test(raw) && /-{2}|={2}/.test(raw);
}

/** A title between rows, with marks on both sides: "=== Returns ===", "--- Prices ---". */
export function isMarkedTitle(raw: string): boolean {
  return raw.length <= 200 && /^\s*([=#*~+_-])\1+\s*[^\s=#*~+_-].*\1{2,}\s*$/.test(raw);
}

export function isBlankRecord(fields: readonly string[]): boolean {
  return fields.every((field) => field.trim() === "");
}

export const LONGEST_NAME = 40;

/** Short, and no sentence. */
export function isName(text: string): boolean {
  const name = text.trim();
  return (
    name.length <= LONGEST_NAME &&
    name.split(/\s+/).length <= 4 &&
    !/[.!?;,]$/.test(name) &&
    ["text", "code", "empty"].includes(cellKind(name)) &&
    !/^\d/.test(name)
  );
}

/** Could this record be the header of a table? */
export function looksLikeHeader(fields: readonly string[]): boolean {
  const names = fields.map((field) => field.trim());
  while (names.length > 1 && names[names.length - 1] === "") names.pop();
  return (
    names.length >= 2 &&
    names.every((name) => name !== "" && isName(name)) &&
    new Set(names).size === names.length
  );
}
