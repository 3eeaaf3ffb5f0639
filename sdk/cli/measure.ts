/** Base against tuned, as `evaluate` and `demo` show it. */
import pc from "picocolors";
import type { Evaluation, Example, MistralModel } from "../index.ts";
import { harmless } from "../text/harmless.ts";
import { clock } from "../views/numbers.ts";
import { indented, type Output } from "./output.ts";
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

export function showWorst(lab: Lab, output: Output, answers: readonly Answer[], most: number): void {
  for (const { instruction, answer, reference, correct, stopped } of lab.worstAnswers(answers, most)) {
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
