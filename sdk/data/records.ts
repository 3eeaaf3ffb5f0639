/** CSV text to records with their place in the file. Quoting and splitting are Papa Parse's. */
import Papa from "papaparse";

/** Line breaks in the text are "\n". */
export interface CsvRecord {
  fields: string[];
  /** Where the record begins, from 1; line breaks inside quotes count. */
  line: number;
  /** As it stands in the file, without its line break. */
  raw: string;
  /** What is wrong with its quotes, if anything is. */
  problem?: string;
}

export const delimiters = [",", ";", "\t", "|"];

/** Papa Parse's guess; "," when it has none. */
export function guessDelimiter(text: string): string {
  return Papa.parse(text, { delimitersToGuess: delimiters, newline: "\n", preview: 10 }).meta.delimiter;
}

/** @param text with "\n" as line break; a last line without it counts too */
export function readRecords(text: string, delimiter: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const rest = text.slice(at);
    let restart = rest.length;
    let previous = 0;
    Papa.parse<string[]>(rest, {
      delimiter,
      newline: "\n",
      step({ data, meta, errors }, parser) {
        // After a last line break Papa Parse reports one more, empty record.
        if (previous === rest.length) return;
        let end = meta.cursor;
        let raw = rest.slice(previous, end);
        const quotes = errors.find(({ type }) => type === "Quotes");
        const firstBreak = raw.indexOf("\n");
        if (quotes && firstBreak >= 0 && firstBreak < raw.length - 1) {
          // A quote without its end takes in all that follows: only its first line is given up.
          end = previous + firstBreak + 1;
          raw = rest.slice(previous, end);
          restart = end;
          parser.abort();
        }
        records.push({
          fields: data,
          line,
          raw: raw.replace(/\n$/, ""),
          ...(quotes ? { problem: quotes.message } : {}),
        });
        line += raw.split("\n").length - 1;
        previous = end;
      },
    });
    at += restart;
  }
  return records;
}
