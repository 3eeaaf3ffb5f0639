/** What was found in a data set: lengths, languages, and what deserves a look before training. */
import { type MimeBundle, mimeBundle } from "./bundle.ts";
import { BAR, facts, type Html, html, mark, output, said, TONES } from "./html.ts";
import { count, short } from "./numbers.ts";

export interface DistributionValue {
  min: number;
  median: number;
  mean: number;
  p95: number;
  max: number;
  histogram: readonly { from: number; to: number; rows: number }[];
}

export interface DescriptionValue {
  source: string;
  rows: number;
  characters: { instruction: DistributionValue; response: DistributionValue };
  tokens?: DistributionValue;
  languages: readonly { language: string; rows: number }[];
  warnings: readonly string[];
}

export function descriptionView(value: DescriptionValue, text: string): MimeBundle {
  const { source, rows, characters, tokens, languages, warnings } = value;
  const lengths: [string, DistributionValue][] = [
    ["instruction, characters", characters.instruction],
    ["response, characters", characters.response],
  ];
  if (tokens) lengths.push(["whole example, tokens", tokens]);
  return mimeBundle(
    text,
    output(
      html`<div class="mlab-line"><b>${source}</b></div>`,
      facts([
        ["rows", count(rows)],
        ["languages", languages.map(({ language, rows: count }) => `${language} ${count}`).join(", ")],
      ]),
      html`<table class="mlab-t"><thead><tr><th>length</th>${["min", "median", "mean", "95 %", "max"].map((name) => html`<th class="mlab-n">${name}</th>`)}<th></th></tr></thead><tbody>${lengths.map(
        ([name, { min, median, mean, p95, max, histogram }]) =>
          html`<tr><td>${name}</td>${[min, median, mean, p95, max].map((number) => html`<td class="mlab-n">${short(number)}</td>`)}<td>${columns(histogram)}</td></tr>`,
      )}</tbody></table>`,
      warnings.length > 0 &&
        html`<details open><summary>Worth a look (${warnings.length})</summary><ul>${warnings.map((warning) => html`<li>${warning}</li>`)}</ul></details>`,
    ),
  );
}

/** Text whose trained parts are highlighted. */
export function stretchesView(
  stretches: readonly { text: string; trained: boolean }[],
  text: string,
): MimeBundle {
  const parts = stretches.map(({ text, trained }) => (trained ? mark(text, TONES.third, "trained") : text));
  return mimeBundle(text, output(said(parts)));
}

/** What was made of a data set for training: counts in one line, then what was left out. */
export function datasetView({
  facts: pairs,
  notes,
  text,
}: {
  facts: readonly (readonly [string, string])[];
  notes: readonly string[];
  text: string;
}): MimeBundle {
  return mimeBundle(
    text,
    output(
      facts(pairs),
      notes.length > 0 &&
        html`<details><summary>Left out or cut (${notes.length})</summary><ul>${notes.slice(0, 50).map((note) => html`<li>${note}</li>`)}</ul></details>`,
    ),
  );
}

function columns(histogram: DistributionValue["histogram"]): Html {
  const most = Math.max(1, ...histogram.map(({ rows }) => rows));
  return html`${histogram.map(
    ({ from, to, rows }) =>
      html`<span title="${short(from)} to ${short(to)}: ${rows}"><span class="mlab-bar" style="${BAR};width:6px;margin-right:1px;height:${((1.4 * rows) / most).toFixed(2)}em;background:${TONES.first}"></span></span>`,
  )}`;
}
