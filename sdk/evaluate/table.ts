import type { Evaluation } from "./evaluate.ts";

/** The rows of the comparison: label, how to read the value, how to print it. */
const MEASURES: {
  label: string;
  value: (e: Evaluation) => number | undefined;
  print: (v: number) => string;
}[] = [
  { label: "loss (nats)", value: (e) => e.loss, print: (v) => v.toFixed(3) },
  { label: "perplexity", value: (e) => e.perplexity, print: (v) => v.toFixed(v < 100 ? 2 : 0) },
  { label: "chrF", value: (e) => e.chrF, print: (v) => v.toFixed(1) },
  { label: "expected fact", value: (e) => e.expectedFact, print: percent },
  { label: "stops by itself", value: (e) => e.stopped, print: percent },
];

/** Base against tuned (or any named evaluations) as a table for a terminal, one column each. */
export function evaluationTable(columns: Readonly<Record<string, Evaluation>>): string {
  const names = Object.keys(columns);
  const rows = [["", ...names]];
  for (const { label, value, print } of MEASURES) {
    const values = names.map((name) => value(columns[name]));
    if (values.some((v) => v !== undefined))
      rows.push([label, ...values.map((v) => (v === undefined ? "-" : print(v)))]);
  }
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("   "),
    )
    .join("\n");
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
