/** `report.html`: one page with a run's curves and settings, plotly inside, readable without a network. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../backend/packageRoot.ts";
import { writeWhole } from "../files.ts";
import { escapeHtml } from "../views/html.ts";
import { type ReportData, reportData } from "./reportData.ts";
import { reportStyle } from "./reportStyle.ts";
import { REPORT_FILE, RUN_FILE } from "./runFolder.ts";
import { readRunLog } from "./runLog.ts";
import type { RunSettings } from "./settings.ts";

/** Where `npm run build` puts the page's script. */
export function reportClientPath(): string {
  return join(packageRoot(), "dist", "report", "client.js");
}

/** Why no report can be written, with the next step; undefined when it can. */
export function reportProblem(): string | undefined {
  const path = reportClientPath();
  return existsSync(path)
    ? undefined
    : `no ${REPORT_FILE}: ${path} is not there: run \`npm run build\` in the package folder`;
}

/**
 * Writes `report.html` from the folder's `training.jsonl` and `run.json`; an older one is replaced.
 *
 * @returns its path
 * @throws when the page's script was not built, or the folder holds no run
 */
export function writeReport(dir: string): string {
  const problem = reportProblem();
  if (problem) throw new Error(`report: ${problem}`);
  const settings = join(dir, RUN_FILE);
  if (!existsSync(settings))
    throw new Error(`report: ${dir} holds no run (${RUN_FILE} is missing): train with this outputDir first`);
  const data = reportData(readRunLog(dir), JSON.parse(readFileSync(settings, "utf8")) as RunSettings);
  const path = join(dir, REPORT_FILE);
  writeWhole(path, reportHtml(data, readFileSync(reportClientPath(), "utf8")));
  return path;
}

/** The whole page. Everything is inline, and the policy in its head forbids it to load anything. */
export function reportHtml(data: ReportData, client: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:">
<title>${escapeHtml(`${data.title} · ${data.subtitle}`)}</title>
<style>${reportStyle}</style>
</head>
<body>
<main>
<header><h1>${escapeHtml(data.title)}</h1><p>${escapeHtml(data.subtitle)}</p></header>
<dl class="facts">${data.facts.map(([label, value]) => `<div><dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}</dd></div>`).join("")}</dl>
${data.charts.map(({ title }, i) => `<section><h2>${escapeHtml(title)}</h2><div class="chart" id="chart-${i}"></div></section>`).join("\n")}
<div class="tables">${data.tables.map(table).join("\n")}</div>
</main>
<script type="application/json" id="data">${escapeScript(JSON.stringify(data.charts))}</script>
<script>${client.replaceAll(/<(?=\/script|!--)/gi, "<\\")}</script>
</body>
</html>
`;
}

function table({ title, rows }: ReportData["tables"][number]): string {
  const lines = rows.map(
    ([label, value]) => `<tr><th scope="row">${escapeHtml(label)}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  return `<section><h2>${escapeHtml(title)}</h2><table>${lines.join("")}</table></section>`;
}

/** No "<" is left, so nothing inside can end the script element; JSON reads \u003c as "<". */
function escapeScript(json: string): string {
  return json.replaceAll("<", "\\u003c");
}
