/** Where in a file the table stands: lines before it, header records, columns and what they hold. */
import { ColumnModel, learnColumns } from "../columns/columnModel.ts";
import { type ColumnNames, isOtherName } from "../columns/columns.ts";
import { lenientSplit } from "../records/lenientSplit.ts";
import { RecordReader } from "../records/recordReader.ts";
import type { Syntax } from "../records/syntax.ts";
import {
  isHalfNamed,
  isHeaderOver,
  isLowerHeader,
  isUpperHeader,
  joinHeaders,
  MOST_PREAMBLE,
  mostFrequent,
  namedHeader,
  type Seen,
  shareOfLength,
} from "./header.ts";
import { isBlankRecord, isRule, looksLikeHeader } from "./recordKind.ts";

export interface Layout {
  /** Line of the first header record, or of the first record where there is no header; from 1. */
  line: number;
  /** How many records the header has; 0: there is none. */
  headerRecords: number;
  /** Names of the columns, several header records joined; "" where there is none. */
  header: string[];
  models: ColumnModel[];
  /** The first record as the models read it (its faults mended), for a header that is faulty itself. */
  firstFields: string[];
}

const MOST_RECORDS = 300;

/**
 * @param text the beginning of the file, whole lines
 * @param wanted names of columns asked for
 * @param align reads a faulty record as so many cells
 */
export function findLayout(
  text: string,
  syntax: Syntax,
  wanted: Partial<ColumnNames> | undefined,
  align: (raw: string, models: ColumnModel[]) => string[] | undefined,
): Layout {
  const seen = firstRecords(text, syntax);
  const named = namedHeader(seen, wanted);
  if (named !== undefined) return namedLayout(seen, named);
  if (isHalfNamed(seen, syntax)) return namedLayout(seen, 0);
  return unnamedLayout(seen, syntax, align);
}

function firstRecords(text: string, syntax: Syntax): Seen[] {
  const reader = new RecordReader(syntax, text.length);
  reader.append(text, true);
  const seen: Seen[] = [];
  let afterBlank = false;
  while (seen.length < MOST_RECORDS) {
    const record = reader.next();
    if (!record) break;
    const fields = record.clean ? record.fields : lenientSplit(record.raw, syntax);
    if (isBlankRecord(fields)) {
      afterBlank = true;
      continue;
    }
    if (isRule(record.raw)) continue;
    seen.push({ record, fields, afterBlank });
    afterBlank = false;
  }
  return seen;
}

function namedLayout(seen: readonly Seen[], at: number): Layout {
  let header = seen[at].fields.map((field) => field.trim());
  let first = at;
  const rows = seen.slice(at + 1).map(({ fields }) => fields);
  const usual = mostFrequent(rows.map((fields) => fields.length));
  // Row names have no header: one field more in every record, numbered or named, before the others.
  if (
    usual === header.length + 1 &&
    rows.length >= 3 &&
    shareOfLength(rows, usual) > 0.8 &&
    !isOtherName(header[0])
  ) {
    const column = learnColumns(rows, usual)[0];
    if (column.typed) header = ["", ...header];
  }
  // A header over the header: as many names, most of them filled, right above.
  while (first > 0 && isUpperHeader(seen[first - 1], seen[first], header.length)) {
    first--;
    header = joinHeaders([seen[first].fields, header]);
  }
  let last = at;
  while (last + 1 < seen.length && isLowerHeader(seen[last + 1].fields, seen[at].fields)) {
    last++;
    // Ids in braces ({"ImportId": …}) are none of the names.
    if (!seen[last].fields.every((field) => /^\s*\{.*\}\s*$/.test(field)))
      header = joinHeaders([header, seen[last].fields]);
  }
  const data = untilOtherTable(seen.slice(last + 1)).filter(({ record }) => record.clean);
  return {
    line: seen[first].record.line,
    headerRecords: last - first + 1,
    header,
    models: learnColumns(
      data.map(({ fields }) => fields),
      header.length,
    ),
    firstFields: header,
  };
}

/** Columns are learnt from this table only: another one begins with names after a blank line. */
function untilOtherTable(seen: readonly Seen[]): readonly Seen[] {
  const end = seen.findIndex(({ afterBlank, fields }, i) => i >= 2 && afterBlank && looksLikeHeader(fields));
  return end < 0 ? seen : seen.slice(0, end);
}

/**
 * Columns of prose whose commas nobody quoted: a comma of a sentence has a blank after it, one between columns has
 * none. Undefined where that is not so in (nearly) every record, or where the records are as long as each other.
 */
function columnsOfProse(seen: readonly Seen[], { delimiter }: Syntax): number | undefined {
  if (delimiter !== "," || seen.length < 3 || seen.some(({ record }) => record.raw.includes('"')))
    return undefined;
  // "7,90" is a number.
  const inNumber = (fields: readonly string[], i: number) =>
    /\d$/.test(fields[i - 1]) && /^\d/.test(fields[i]);
  const tight = ({ fields }: Seen) =>
    fields.filter((field, i) => i === 0 || !(/^\s/.test(field) || inNumber(fields, i))).length;
  const columns = mostFrequent(seen.map(tight));
  const agree = seen.filter((one) => tight(one) === columns).length;
  const ofSentences = seen.filter(({ fields }) =>
    fields.some((field, i) => i > 0 && /^\s+\S/.test(field)),
  ).length;
  const whole = seen.filter(({ fields }) => fields.length === columns).length;
  if (columns < 2 || agree < 0.9 * seen.length || ofSentences < 0.3 * seen.length || whole === 0)
    return undefined;
  return columns;
}

function unnamedLayout(
  seen: readonly Seen[],
  syntax: Syntax,
  align: (raw: string, models: ColumnModel[]) => string[] | undefined,
): Layout {
  const ofProse = columnsOfProse(seen, syntax);
  const columns = ofProse ?? Math.max(1, mostFrequent(seen.map(({ fields }) => fields.length)));
  const start = ofProse === undefined ? tableStart(seen, columns) : 0;
  const table = seen.slice(start);
  // Far enough from the top, no header teaches what rows look like.
  const after = table.slice(Math.min(6, Math.ceil(table.length / 3))).filter(({ record }) => record.clean);
  const examples = learnColumns(
    after.map(({ fields }) => fields),
    columns,
  );
  const mended = (one: Seen | undefined) =>
    one === undefined
      ? undefined
      : one.record.clean && one.fields.length === columns
        ? one.fields
        : align(one.record.raw, headerModels(columns));
  let header: string[] | undefined;
  let headerRecords = 0;
  // Header records end where the first record fits its columns.
  while (headerRecords < 5 && headerRecords < table.length) {
    const fields = mended(table[headerRecords]);
    if (!fields || fields.length !== columns) break;
    if (!isHeaderOver(fields, examples, headerRecords > 0)) break;
    header = header ? joinHeaders([header, fields]) : fields.map((field) => field.trim());
    headerRecords++;
  }
  const data = untilOtherTable(table.slice(headerRecords)).filter(({ record }) => record.clean);
  const models = learnColumns(
    data.map(({ fields }) => fields),
    columns,
  );
  return {
    line: table[0]?.record.line ?? 1,
    headerRecords,
    header: header ?? new Array<string>(columns).fill(""),
    models,
    firstFields: header ?? table[0]?.fields ?? [],
  };
}

/** For a header: nothing is known of its cells. */
function headerModels(columns: number): ColumnModel[] {
  return Array.from({ length: columns }, () => new NameModel());
}

/** Names are not empty and hold no quotes. */
class NameModel extends ColumnModel {
  override cost(cell: string): number {
    if (cell.trim() === "") return 0.7;
    return /["\r\n]/.test(cell.trim().slice(1)) ? 1 : 0;
  }
}

/** Lines before the table have another length or next to nothing in them. */
function tableStart(seen: readonly Seen[], columns: number): number {
  const fits = (one: Seen) =>
    one.fields.length === columns &&
    one.fields.filter((field) => field.trim() !== "").length >= Math.min(2, columns);
  const first = seen.findIndex(fits);
  if (first <= 0) return 0;
  // With more fields than columns right from the top, these are rows whose commas nobody quoted.
  const above = seen.slice(0, first);
  if (
    columns > 1 &&
    above.every(({ fields, afterBlank }) => fields.length > columns && !afterBlank) &&
    !seen[first].afterBlank
  )
    return 0;
  // Right above it, a header with a fault of its own: nearly as many fields, or written with another delimiter.
  const last = seen[first - 1];
  const filled = last.fields.filter((field) => field.trim() !== "").length;
  const near = filled >= 2 && Math.abs(last.fields.length - columns) <= 1 && columns >= 3;
  const otherwise = [",", ";", "\t", "|", " "].some((delimiter) => {
    const names = last.record.raw.split(delimiter);
    return names.length === columns && columns >= 3 && names.every((name) => name.trim() !== "");
  });
  return first - 1 <= MOST_PREAMBLE && !seen[first].afterBlank && (near || otherwise) ? first - 1 : first;
}
