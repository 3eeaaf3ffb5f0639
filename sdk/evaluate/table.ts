import { type Displayable, displayable } from "../views/bundle.ts";
import { answersView, comparisonText, comparisonView, needingALook } from "../views/evaluation.ts";
import type { Answer, Evaluation } from "./evaluate.ts";

/** Base against tuned (or any named evaluations) as a table for a terminal, one column each. */
export function evaluationTable(columns: Readonly<Record<string, Evaluation>>): string {
  return comparisonText(columns);
}

/** The same columns as a value that a notebook shows as a table, the better value of each row in bold. */
export function compareEvaluations<C extends Readonly<Record<string, Evaluation>>>(
  columns: C,
): C & Displayable {
  return displayable({ ...columns }, comparisonView);
}

/** The answers that most need a look: without the expected fact first, then those least like the reference. */
export function worstAnswers(answers: readonly Answer[], most: number): Answer[] & Displayable {
  return displayable(needingALook(answers, most), answersView);
}
