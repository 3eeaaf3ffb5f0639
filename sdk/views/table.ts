/** Rows and columns: numbers at the right, long tables cut with a word about it. */
import { type Displayable, displayable, type MimeBundle, mimeBundle } from "./bundle.ts";
import { facts, type Html, html, output } from "./html.ts";
import { count, short } from "./numbers.ts";

export type Cell = string | number | null | undefined;

export interface TableValue {
  columns: readonly string[];
  rows: readonly (readonly Cell[])[];
  /** Above the table: label and value. */
  facts?: readonly (readonly [string, string])[];
  /** Rows shown. Default 20; the rest is counted. */
  most?: number;
  /** All rows there are, where `rows` holds only the first of them. */
  total?: number;
}

/** Characters of a cell; more is cut, as one long text would hide the others. */
const CELL = 300;

export function tableView(value: TableValue): MimeBundle {
  const pairs = value.facts ?? [];
  const head = pairs.map(([label, text]) => `${label}: ${text}`).join(", ");
  return mimeBundle(
    [head, tableText(value), rest(value)].filter(Boolean).join("\n"),
    output(pairs.length > 0 && facts(pairs), tableHtml(value)),
  );
}

/** Records as a table, one column for each key; `most` rows are shown, default 20. */
export function tabulate<R extends Readonly<Record<string, Cell>>>(
  records: readonly R[],
  { most = 20 }: { most?: number } = {},
): TableValue & Displayable {
  const columns = [...new Set(records.flatMap((record) => Object.keys(record)))];
  const rows = records.map((record) => columns.map((column) => record[column]));
  return displayable({ columns, rows, most }, tableView);
}

export function tableHtml(value: TableValue): Html {
  const { columns, most = 20 } = value;
  const rows = value.rows.slice(0, most);
  const numeric = columns.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] !== "string"));
  const kind = (i: number) => (numeric[i] ? html` class="mlab-n"` : "");
  return html`<table class="mlab-t"><thead><tr>${columns.map((name, i) => html`<th${kind(i)}>${name}</th>`)}</tr></thead><tbody>${rows.map(
    (row) => html`<tr>${columns.map((_, i) => html`<td${kind(i)}>${cell(row[i])}</td>`)}</tr>`,
  )}</tbody></table>${rest(value) !== "" && html`<div class="mlab-line">${rest(value)}</div>`}`;
}

/** Columns of equal width for a terminal. */
function tableText({ columns, rows, most = 20 }: TableValue): string {
  const shown = [
    columns.map(String),
    ...rows.slice(0, most).map((row) => columns.map((_, i) => oneLine(cell(row[i])))),
  ];
  const widths = columns.map((_, i) => Math.max(...shown.map((row) => row[i].length)));
  return shown
    .map((row) =>
      row
        .map((text, i) => text.padEnd(widths[i]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function rest({ rows, most = 20, total = rows.length }: TableValue): string {
  const hidden = total - Math.min(rows.length, most);
  return hidden > 0 ? `… and ${count(hidden)} more` : "";
}

function cell(value: Cell): string {
  if (value === null || value === undefined) return "–";
  const text = typeof value === "number" ? short(value) : value;
  return text.length > CELL ? `${text.slice(0, CELL - 1)}…` : text;
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}

/** What a file's loading changed: counts, then each kind of change in a folded list with its lines. */
export interface RepairReport {
  source: string;
  facts: readonly (readonly [string, string])[];
  groups: readonly {
    title: string;
    rows: readonly (readonly [line: number, note: string, before?: string])[];
  }[];
  /** The whole report in words. */
  text: string;
}

export function repairView(report: RepairReport): MimeBundle {
  return mimeBundle(report.text, output(repairHtml(report)));
}

/** A table of data with the report of how it was read, folded. */
export function dataView(value: TableValue, report: RepairReport): MimeBundle {
  return mimeBundle(
    `${report.text}\n\n${tableText(value)}\n${rest(value)}`.trimEnd(),
    output(repairHtml(report), tableHtml(value)),
  );
}

function repairHtml({ source, facts: pairs, groups }: RepairReport): Html {
  return html`<div class="mlab-line"><b>${source}</b></div>${facts(pairs)}${groups
    .filter(({ rows }) => rows.length > 0)
    .map(
      ({ title, rows }) =>
        html`<details><summary>${title} (${rows.length})</summary>${lineTable(rows)}</details>`,
    )}`;
}

function lineTable(rows: RepairReport["groups"][number]["rows"]): Html {
  const shown = rows.slice(0, 50);
  return html`<table class="mlab-t"><tbody>${shown.map(
    ([line, note, before]) =>
      html`<tr><td class="mlab-n">line ${line}</td><td>${note}${before !== undefined && html`<br><span class="mlab-muted">${before}</span>`}</td></tr>`,
  )}</tbody></table>${rows.length > shown.length && html`<div class="mlab-line">… and ${rows.length - shown.length} more</div>`}`;
}
