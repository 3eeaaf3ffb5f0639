/** Mends records whose fields do not fit the header, where only one reading is possible. */
import type { CsvRecord } from "./records.ts";

/** A change to a row, to be shown. */
export interface Repair {
  line: number;
  kind: "joined";
  /** What was done and why. */
  note: string;
  /** The record as it stands in the file. */
  before: string;
  /** The fields that came out. */
  after: string[];
}

/** Where the table's columns are. */
export interface Layout {
  header: readonly string[];
  instruction: number;
  response: number;
  delimiter: string;
}

/** Fields that fit the header, perhaps after a repair; or why there are none. */
export type Mended = { fields: string[]; repair?: Repair } | { reason: string };

/**
 * A response with unquoted delimiters gives more fields than columns: the surplus is joined into the last column
 * again. That is safe only where the response is the last of two columns; with more, the surplus could belong to
 * any of them. Too few fields are filled with "".
 */
export function mendRecord({ fields, line, raw, problem }: CsvRecord, layout: Layout): Mended {
  const { header, response, delimiter } = layout;
  if (problem !== undefined) return { reason: `broken quotes: ${problem}` };
  if (fields.length <= header.length) {
    return { fields: [...fields, ...new Array<string>(header.length - fields.length).fill("")] };
  }
  const last = header.length - 1;
  const count = `${fields.length} fields for ${header.length} columns`;
  if (header.length !== 2 || response !== last) {
    return { reason: `${count}: it is not clear which one holds an unquoted "${delimiter}"` };
  }
  const after = [...fields.slice(0, last), fields.slice(last).join(delimiter)];
  return {
    fields: after,
    repair: { line, kind: "joined", note: `${count}, joined into "${header[last]}"`, before: raw, after },
  };
}
