/** How fields are told apart: delimiter, quotes and escapes, and what follows from them for one text. */

/** The part of a dialect that splits text. */
export interface Syntax {
  delimiter: string;
  /** Opening and closing marks; "" for none. See `quoteMarks`. */
  quote: string;
  escape: "doubled" | "backslash" | "none";
  blankAfterDelimiter: boolean;
}

/** Which marks open and which close a field. */
export function quoteMarks(quote: string): { open: string; close: string } {
  if (quote === "“”") return { open: "“”„", close: "“”" };
  if (quote === "«»") return { open: "«", close: "»" };
  return { open: quote, close: quote };
}

/** True when a cell with this text stands in quotes in its record, as far as its beginning shows. */
export function standsQuoted(field: string, raw: string, quote: string): boolean {
  return quote !== "" && raw.includes(quote + field.slice(0, 12).replaceAll(quote, quote + quote));
}

/** True when an odd number of backslashes stands before. */
export function isEscaped(text: string, at: number, from: number): boolean {
  let count = 0;
  while (at - 1 - count >= from && text.charCodeAt(at - 1 - count) === 92) count++;
  return count % 2 === 1;
}

/** `\"`, `\\` and an escaped delimiter lose their backslash; any other stays, as in `C:\data` or `\n` of JSON. */
export function unescapeBackslash(field: string, quotes: string, delimiter: string): string {
  if (!field.includes("\\")) return field;
  return field.replace(/\\([\s\S])/g, (both, character: string) =>
    character === "\\" || quotes.includes(character) || character === delimiter ? character : both,
  );
}
