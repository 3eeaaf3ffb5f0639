import { quoteMarks, type Syntax } from "./syntax.ts";

/**
 * Splits one line whose quotes break the rules: a quote closes a field only where a delimiter or the end follows, and
 * one that closes nowhere is text. Marks around fields are taken off, nothing else is changed.
 */
export function lenientSplit(line: string, { delimiter, quote }: Syntax): string[] {
  if (delimiter === "") return [line];
  const { open, close } = quoteMarks(quote);
  const fields: string[] = [];
  let at = 0;
  let noClose = false;
  for (;;) {
    let first = at;
    while (line[first] === " " && delimiter !== " ") first++;
    if (!noClose && first < line.length && open.includes(line[first]) && line[first] !== delimiter) {
      const end = closingPlace(line, first + 1, close, delimiter);
      if (end >= 0) {
        fields.push(line.slice(first + 1, end));
        const next = line.indexOf(delimiter, end + 1);
        if (next < 0) return fields;
        at = next + delimiter.length;
        continue;
      }
      noClose = true;
    }
    const next = line.indexOf(delimiter, at);
    fields.push(line.slice(at, next < 0 ? line.length : next));
    if (next < 0) return fields;
    at = next + delimiter.length;
  }
}

function closingPlace(line: string, from: number, close: string, delimiter: string): number {
  for (let at = from; at < line.length; at++) {
    if (!close.includes(line[at])) continue;
    let after = at + 1;
    while (after < line.length && line[after] === " " && delimiter !== " ") after++;
    if (after === line.length || line.startsWith(delimiter, after)) return at;
  }
  return -1;
}
