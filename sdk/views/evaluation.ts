/** Measured answers: named models beside each other, and the answers that most need a look. */
import { type MimeBundle, mimeBundle } from "./bundle.ts";
import { type Html, html, output, TONES } from "./html.ts";
import { percent } from "./numbers.ts";

export interface AnswerValue {
  instruction: string;
  reference: string;
  answer: string;
  correct?: boolean;
  stopped: boolean;
}

export interface EvaluationValue {
  examples: number;
  loss: number;
  perplexity: number;
  chrF?: number;
  expectedFact?: number;
  stopped?: number;
  answers: readonly AnswerValue[];
}

interface Measure {
  label: string;
  value: (e: EvaluationValue) => number | undefined;
  print: (v: number) => string;
  /** Which of two values is the better one. */
  better: "less" | "more";
}

const MEASURES: Measure[] = [
  { label: "loss (nats)", value: (e) => e.loss, print: (v) => v.toFixed(3), better: "less" },
  {
    label: "perplexity",
    value: (e) => e.perplexity,
    print: (v) => v.toFixed(v < 100 ? 2 : 0),
    better: "less",
  },
  { label: "chrF", value: (e) => e.chrF, print: (v) => v.toFixed(1), better: "more" },
  { label: "expected fact", value: (e) => e.expectedFact, print: percent, better: "more" },
  { label: "stops by itself", value: (e) => e.stopped, print: percent, better: "more" },
];

/** The measures that at least one column has, one row each. */
function measures(columns: readonly EvaluationValue[]) {
  return MEASURES.map((measure) => ({ ...measure, values: columns.map(measure.value) })).filter(
    ({ values }) => values.some((value) => value !== undefined),
  );
}

/** Named evaluations as a table for a terminal, one column each. */
export function comparisonText(columns: Readonly<Record<string, EvaluationValue>>): string {
  const rows = [["", ...Object.keys(columns)]];
  for (const { label, values, print } of measures(Object.values(columns)))
    rows.push([label, ...values.map((value) => (value === undefined ? "-" : print(value)))]);
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("   "),
    )
    .join("\n");
}

/** Base against tuned, or any named evaluations; the better value of a row is bold. */
export function comparisonView(columns: Readonly<Record<string, EvaluationValue>>): MimeBundle {
  return mimeBundle(comparisonText(columns), output(comparison(columns)));
}

/** One evaluation, with its worst answers folded. */
export function evaluationView(evaluation: EvaluationValue): MimeBundle {
  const name = `${evaluation.examples} questions`;
  const worst = needingALook(evaluation.answers, 10);
  return mimeBundle(
    comparisonText({ [name]: evaluation }),
    output(
      comparison({ [name]: evaluation }),
      worst.length > 0 &&
        html`<details><summary>Answers that most need a look</summary>${answerTable(worst)}</details>`,
    ),
  );
}

/** Answers beside their references. */
export function answersView(answers: readonly AnswerValue[]): MimeBundle {
  return mimeBundle(
    answers
      .map(
        ({ instruction, answer, reference }) =>
          `${instruction}\n  answer    ${answer || "(nothing)"}\n  expected  ${reference}`,
      )
      .join("\n"),
    output(answerTable(answers)),
  );
}

function comparison(columns: Readonly<Record<string, EvaluationValue>>): Html {
  const rows = measures(Object.values(columns)).map(({ label, values, print, better }) => {
    const known = values.filter((value) => value !== undefined);
    const best = better === "less" ? Math.min(...known) : Math.max(...known);
    const cells = values.map((value) => {
      const mark = known.length > 1 && value === best && known.some((other) => other !== best);
      return html`<td class="mlab-n${mark ? " mlab-best" : ""}">${value === undefined ? "–" : print(value)}</td>`;
    });
    return html`<tr><th scope="row">${label}</th>${cells}</tr>`;
  });
  return html`<table class="mlab-t"><thead><tr><th></th>${Object.keys(columns).map((name) => html`<th class="mlab-n">${name}</th>`)}</tr></thead><tbody>${rows}</tbody></table>`;
}

function answerTable(answers: readonly AnswerValue[]): Html {
  const rows = answers.map(({ instruction, answer, reference, correct, stopped }) => {
    const sign = correct === undefined ? "" : correct ? "✓" : "✗";
    const colour = TONES[correct ? "third" : "second"];
    return html`<tr><td><b style="color:${colour}">${sign}</b></td><td>${instruction}</td><td>${answer || "(nothing)"}${!stopped && html` <span class="mlab-muted">(did not stop by itself)</span>`}</td><td class="mlab-muted">${reference}</td></tr>`;
  });
  return html`<table class="mlab-t"><thead><tr><th></th><th>question</th><th>answer</th><th>reference</th></tr></thead><tbody>${rows}</tbody></table>`;
}

/** The answers that most need a look: without the expected fact first, then those least like the reference. */
export function needingALook<A extends AnswerValue>(answers: readonly A[], most: number): A[] {
  const badness = (answer: A) =>
    (answer.correct === false ? 2 : 0) + (answer.stopped ? 0 : 1) - likeness(answer.answer, answer.reference);
  return answers
    .map((answer) => ({ answer, bad: badness(answer) }))
    .sort((a, b) => b.bad - a.bad)
    .slice(0, most)
    .map(({ answer }) => answer);
}

/** Share of the words of both texts that they have in common, 0 to 1: enough to put answers in order. */
function likeness(a: string, b: string): number {
  const words = (text: string) => new Set(text.toLowerCase().match(/[\p{L}\d]+/gu) ?? []);
  const [left, right] = [words(a), words(b)];
  const common = [...left].filter((word) => right.has(word)).length;
  return (2 * common) / Math.max(1, left.size + right.size);
}
