/** What a notebook shows of data: a table with how it was read, its report, its description, danfo.js frames. */
import type * as Danfo from "danfojs-node";
import { DISPLAY, type MimeBundle } from "../views/bundle.ts";
import { type DescriptionValue, datasetView, descriptionView } from "../views/description.ts";
import { count, percent } from "../views/numbers.ts";
import { type Cell, dataView, type RepairReport, repairView, tableView } from "../views/table.ts";
import type { DatasetReport } from "./dataset.ts";
import type { Description } from "./describe/findings.ts";
import type { TableReport } from "./report/report.ts";
import { markName } from "./report/reportText.ts";

/** Rows of a table that are shown: enough to see what it is. */
const FIRST_ROWS = 8;

interface Shown {
  rows: readonly { line: number; instruction: string; response: string; fields: Record<string, string> }[];
  report: TableReport;
}

export function showTable({ rows, report }: Shown): MimeBundle {
  const others = Object.keys(rows[0]?.fields ?? {});
  const value = {
    columns: ["line", "instruction", "response", ...others],
    rows: rows
      .slice(0, FIRST_ROWS)
      .map(({ line, instruction, response, fields }) => [
        String(line),
        instruction,
        response,
        ...others.map((name) => fields[name]),
      ]),
    total: rows.length,
  };
  return dataView(value, repairs(report));
}

export function showReport(report: TableReport): MimeBundle {
  return repairView(repairs(report));
}

function repairs(report: TableReport): RepairReport {
  const { counts, dialect } = report;
  const facts: [string, string][] = [
    ...columnFacts(report),
    ["rows", String(counts.rows)],
    ["repaired", String(counts.repairs)],
    ["rejected", String(counts.rejected)],
    ["duplicates", String(counts.duplicates)],
    ["blank lines", String(counts.blankLines)],
    ...(counts.preambleLines > 0
      ? [["lines before the table", String(counts.preambleLines)] satisfies [string, string]]
      : []),
    ...(counts.commentLines > 0
      ? [["comments, not read", String(counts.commentLines)] satisfies [string, string]]
      : []),
    ["encoding", dialect.encoding],
    ["delimiter", markName(dialect.delimiter)],
    ["quote", markName(dialect.quote)],
  ];
  const kinds = [...new Set(report.repairs.map(({ kind }) => kind))];
  const groups: RepairReport["groups"] = [
    ...kinds.map((kind) => ({
      title: `Repaired: ${kind}`,
      rows: report.repairs
        .filter((repair) => repair.kind === kind)
        .map(
          ({ line, column, before, after }) =>
            [line, `${column ? `${column}: ` : ""}${after}`, before] as const,
        ),
    })),
    {
      title: "Rejected",
      rows: report.rejected.map(({ line, reason, text }) => [line, reason, text] as const),
    },
    {
      title: "Duplicates",
      rows: report.duplicates.map(
        ({ line, firstLine }) => [line, `says what line ${firstLine} says`] as const,
      ),
    },
    {
      title: "Other tables in the file, not read",
      rows: report.otherTables.map(
        ({ line, columns, records }) =>
          [line, `${records} ${records === 1 ? "record" : "records"}: ${columns.join(", ")}`] as const,
      ),
    },
  ];
  return { source: report.source, facts, groups, text: String(report) };
}

/** Which columns were taken for the two sides; a whole table has none. */
function columnFacts({ instruction, input, response }: TableReport): [string, string][] {
  if (instruction === "") return [];
  return [
    ["instruction from", input === undefined ? instruction : `${instruction}, ${input}`],
    ["response from", response],
  ];
}

export function showDataset(report: DatasetReport): MimeBundle {
  const {
    rows,
    train,
    test,
    trainTokens,
    trainedTokens,
    trainedShare,
    longest,
    dropped,
    truncated,
    warnings,
  } = report;
  return datasetView({
    facts: [
      ["rows", count(rows)],
      ["to train", `${count(train)} examples, ${count(trainTokens)} tokens`],
      ["trained", `${count(trainedTokens)} tokens (${percent(trainedShare)})`],
      ["to test", count(test)],
      ["longest", `${longest.tokens} tokens, line ${longest.line}`],
    ],
    notes: [
      ...dropped.map(({ line, tokens, reason }) => `line ${line}: ${tokens} tokens, ${reason}`),
      ...truncated.map(({ line, tokens }) => `line ${line}: ${tokens} tokens, cut`),
      ...warnings,
    ],
    text: report.text,
  });
}

export function showDescription(description: Description): MimeBundle {
  return descriptionView(description satisfies DescriptionValue, String(description));
}

/** Lets danfo.js' frames and series show themselves; the library knows no notebook of ours. */
export function showFrames({ DataFrame, Series }: Pick<typeof Danfo, "DataFrame" | "Series">): void {
  // What methods return is of the class below the exported one, so that is where it must be said.
  const show = (exported: object, view: (value: never) => MimeBundle) =>
    Object.defineProperty(Object.getPrototypeOf(exported), DISPLAY, {
      configurable: true,
      value(this: never) {
        return view(this);
      },
    });
  show(DataFrame.prototype, (frame: Danfo.DataFrame) =>
    tableView({
      columns: ["", ...frame.columns],
      rows: (frame.values as Cell[][]).map((row, i) => [String(frame.index[i]), ...row]),
      facts: [["shape", `${frame.shape[0]} × ${frame.shape[1]}`]],
      most: 12,
    }),
  );
  show(Series.prototype, (series: Danfo.Series) =>
    tableView({
      columns: ["", series.columns[0] === "0" ? "value" : series.columns[0]],
      rows: (series.values as Cell[]).map((value, i) => [String(series.index[i]), value]),
      most: 12,
    }),
  );
}
