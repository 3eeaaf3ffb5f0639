/** Base against tuned, as `evaluate` and `demo` show it. */
import pc from "picocolors";
import type { Evaluation, Example, MistralModel } from "../index.ts";
import { harmless } from "../text/harmless.ts";
import { clock, indented, type Output } from "./output.ts";
import { ProgressLine } from "./progress.ts";
import type { Lab } from "./road.ts";

type Answer = Evaluation["answers"][number];

export interface MeasureOptions {
  /** Tokens of one answer. */
  maxNewTokens: number;
  /** Questions that are answered, the first ones; the loss is over all. Default: all. */
  answers?: number;
}

/** Measures one model and shows how far it is. */
export async function measure(
  lab: Lab,
  output: Output,
  name: string,
  model: MistralModel,
  examples: readonly Example[],
  { maxNewTokens, answers = examples.length }: MeasureOptions,
): Promise<Evaluation> {
  const bar = new ProgressLine(output, name);
  const started = performance.now();
  const asked = examples.slice(0, answers);
  bar.update({ done: 0, total: asked.length, facts: [] });
  const evaluation = await lab.evaluate(model, asked, {
    maxNewTokens,
    onProgress: (done, total) => {
      output.event({ type: "progress", model: name, done, total });
      const secondsLeft = ((performance.now() - started) / 1000 / done) * (total - done);
      bar.update({ done, total, facts: [`ETA ${clock(secondsLeft)}`] });
    },
  });
  bar.clear();
  if (asked.length === examples.length) return evaluation;
  const { loss, perplexity, tokens } = await lab.evaluate(model, examples, { answers: false });
  return { ...evaluation, examples: examples.length, loss, perplexity, tokens };
}

/** The evaluations as a table, or as one JSON line each. */
export function showEvaluations(
  lab: Lab,
  output: Output,
  columns: Readonly<Record<string, Evaluation>>,
): void {
  for (const [model, evaluation] of Object.entries(columns))
    output.event({ type: "evaluation", model, ...evaluation });
  const [head, ...rows] = lab.evaluationTable(columns).split("\n");
  output.say(indented([pc.bold(head), ...rows].join("\n")));
}

/** The answers that most need a look: without the expected fact first, then those least like the reference. */
export function worstAnswers(answers: readonly Answer[], most: number): Answer[] {
  const badness = (answer: Answer) =>
    (answer.correct === false ? 2 : 0) + (answer.stopped ? 0 : 1) - likeness(answer.answer, answer.reference);
  return [...answers].sort((a, b) => badness(b) - badness(a)).slice(0, most);
}

export function showWorst(output: Output, answers: readonly Answer[], most: number): void {
  for (const { instruction, answer, reference, correct, stopped } of worstAnswers(answers, most)) {
    const marks = [
      correct === false ? "without the expected fact" : "",
      stopped ? "" : "did not stop by itself",
    ].filter(Boolean);
    output.say(
      `          ${pc.bold(oneLine(instruction))}${marks.length > 0 ? pc.yellow(`  ${marks.join(", ")}`) : ""}`,
    );
    output.say(`            answer    ${oneLine(answer) || "(nothing)"}`);
    output.say(`            expected  ${pc.dim(oneLine(reference))}`);
  }
}

function oneLine(text: string): string {
  return harmless(text.replace(/\s+/g, " "));
}

/** Share of the words of both texts that they have in common, 0 to 1: enough to put answers in order. */
function likeness(a: string, b: string): number {
  const words = (text: string) => new Set(text.toLowerCase().match(/[\p{L}\d]+/gu) ?? []);
  const [left, right] = [words(a), words(b)];
  const common = [...left].filter((word) => right.has(word)).length;
  return (2 * common) / Math.max(1, left.size + right.size);
}
