/** The report of a table as text. */
import { harmless } from "../../text/harmless.ts";
import type { Dialect, Repair, TableReport } from "./report.ts";

const names: Record<string, string> = {
  ",": "comma",
  ";": "semicolon",
  "\t": "tab",
  "|": "pipe",
  " ": "blank",
  "": "none",
};

/** A delimiter or a quote as a word, or itself. */
export function markName(mark: string): string {
  return names[mark] ?? mark;
}

function dialectText(dialect: Dialect): string {
  const delimiter = names[dialect.delimiter] ?? `"${dialect.delimiter}"`;
  const second = dialect.runnerUp;
  return [
    dialect.encoding,
    `delimiter ${delimiter}${dialect.blankAfterDelimiter ? " + blank" : ""}`,
    `quote ${dialect.quote === "" ? "none" : dialect.quote}`,
    `escape ${dialect.escape}`,
    `record end ${dialect.recordEnd}`,
    `confidence ${dialect.confidence.toFixed(2)}${
      second
        ? `, runner-up ${names[second.delimiter] ?? `"${second.delimiter}"`} with quote ${second.quote}`
        : ""
    }`,
  ].join("; ");
}

export function repairText({ line, column, kind, before, after }: Repair): string {
  const where = column === undefined ? "" : `, column "${column}"`;
  return `line ${line}${where}, ${kind}: ${shown(before)} → ${shown(after)}`;
}

function shown(text: string): string {
  const line = text.replace(/\r\n?|\n/g, "⏎");
  return line.length <= 80 ? `[${line}]` : `[${line.slice(0, 77)}…]`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

export function reportText(report: Omit<TableReport, "toString">): string {
  const { source, counts, repairs, rejected, duplicates, otherTables, columns } = report;
  const kept = counts.droppedDuplicates > 0 ? "dropped" : "kept";
  const lines = [
    `${source}: ${counted(counts.rows, "row")}, ${counted(counts.repairs, "repair")}, ${counts.rejected} rejected, ${counted(duplicates.length, "duplicate")} ${kept}, ${counted(counts.blankLines, "blank line")} skipped`,
  ];
  if (report.format === "csv") lines.push(`dialect: ${dialectText(report.dialect)}`);
  if (report.format === "dialogue")
    lines.push(
      `a dialogue written as text: each question with the answer below it; ${report.dialect.encoding}`,
    );
  const others = columns.filter(
    (name) => name !== report.instruction && name !== report.response && name !== report.input,
  );
  // A whole table (`--grid`) gives no meaning to its columns.
  if (report.instruction === "") lines.push(`columns: ${others.join(", ")}`);
  else {
    const input = report.input === undefined ? "" : ` with "${report.input}" below it`;
    lines.push(`columns: instruction "${report.instruction}"${input}, response "${report.response}"`);
    if (others.length > 0) lines.push(`other columns, in fields: ${others.join(", ")}`);
  }
  if (counts.preambleLines > 0)
    lines.push(
      `before the table: ${counts.preambleLines === 1 ? "line 1" : `lines 1 to ${counts.preambleLines}`}`,
    );
  if (counts.commentLines > 0) lines.push(`comments, not read: ${counted(counts.commentLines, "line")}`);
  if (counts.records === 0) lines.push("no rows: nothing stands below the header");
  for (const { line, columns: names, records } of otherTables)
    lines.push(
      `other table, not read: line ${line}, ${counted(records, "record")}, columns ${names.join(", ")}`,
    );
  for (const repair of repairs) lines.push(`repaired: ${repairText(repair)}`);
  for (const { line, reason, text } of rejected)
    lines.push(`rejected: line ${line}, ${reason}: ${shown(text)}`);
  for (const { line, firstLine } of duplicates) lines.push(`duplicate: line ${line} of line ${firstLine}`);
  return harmless(lines.join("\n"));
}
