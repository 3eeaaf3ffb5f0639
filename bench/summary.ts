// The one table that `npm run bench:cpu` ends with. A benchmark notes what has an aim; cpu.ts, which started it, collects.
import { appendFileSync, readFileSync } from "node:fs";

export interface Result {
  /** What was measured, with its size and threads. */
  what: string;
  /** The rate, with its unit. */
  value: string;
  /** What it is a share or a multiple of, measured in the same run: "peak 117 GFLOP/s". */
  beside: string;
  ratio: number;
  /** The least ratio wanted; absent where a result is only shown. */
  aim?: number;
}

/** File that the benchmarks of one run append to, a JSON line a result. */
export const SUMMARY_FILE = "MISTRAL_LAB_BENCH_SUMMARY";

/** For the table; nothing where the benchmark was started by itself. */
export function note(result: Result): void {
  const file = process.env[SUMMARY_FILE];
  if (file) appendFileSync(file, `${JSON.stringify(result)}\n`);
}

/** Below 2 a ratio is a share, above a multiple: "83 %", "3.2 x". */
function ratioText(ratio: number, aim = ratio): string {
  return aim < 2 ? `${(ratio * 100).toFixed(0)} %` : `${ratio.toFixed(1)} x`;
}

/** The results of `file` as a table, in the order in which they came. */
export function summaryTable(file: string): string {
  const results = readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Result);
  const rows = results.map(({ what, value, beside, ratio, aim }) => [
    what,
    value,
    beside,
    ratioText(ratio, aim),
    aim === undefined ? "" : ratioText(aim),
    aim === undefined ? "" : ratio >= aim ? "reached" : "MISSED",
  ]);
  const header = ["what", "measured", "beside", "ratio", "aim", ""];
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const line = (cells: string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]))
      .join("  ")
      .trimEnd();
  const missed = results.filter(({ ratio, aim }) => aim !== undefined && ratio < aim).length;
  const aims = results.filter(({ aim }) => aim !== undefined).length;
  return [line(header), ...rows.map(line), "", `${aims - missed} of ${aims} aims reached`].join("\n");
}
