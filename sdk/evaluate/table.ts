import { type Displayable, displayable } from "../views/bundle.ts";
import { comparisonText, comparisonView } from "../views/evaluation.ts";
import type { Evaluation } from "./evaluate.ts";

export { worstAnswers } from "../views/evaluation.ts";

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
