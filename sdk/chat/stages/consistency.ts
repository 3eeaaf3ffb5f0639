/**
 * Stage 5, after the answer: does it fit the question, the conversation and the domain's facts? Each check is
 * a small function that adds issues. An issue of severity "error" makes the answer inconsistent; a
 * "warning" is shown in the trace only.
 */

import { checkAnswersQuestion } from "../checks/answers.ts";
import { checkEarlierAnswers, checkItself, checkQuestion } from "../checks/contradiction.ts";
import { checkEmpty, checkLanguage, checkPadding, checkRepetition, checkTone } from "../checks/form.ts";
import { checkInventions, checkNames } from "../checks/names.ts";
import { checkTopic } from "../checks/relevance.ts";
import { checkFacts } from "../checks/truth.ts";
import type { AnswerInput, AnswerStage, Evidence, StageResult } from "../stage.ts";

export type IssueKind =
  | "empty"
  | "wrong_language"
  | "wrong_tone"
  | "pads_greeting"
  | "repeats"
  | "off_topic"
  | "does_not_answer"
  | "contradicts_fact"
  | "contradicts_earlier"
  | "contradicts_itself"
  | "contradicts_question"
  | "changes_number"
  | "changes_place"
  | "changes_product"
  | "invents";

/** One thing that is wrong with an answer. */
export interface ConsistencyIssue {
  kind: IssueKind;
  severity: "warning" | "error";
  /** In the domain's language, so that it can guide the next try. */
  message: string;
  evidence: Evidence[];
}

/** What the consistency stage finds about an answer. */
export interface ConsistencyFinding {
  consistent: boolean;
  /** 1 for an answer without issues, less for each. */
  score: number;
  issues: ConsistencyIssue[];
}

/** A check: looks at the answer and returns what is wrong. */
export type AnswerCheck = (input: AnswerInput) => ConsistencyIssue[];

const CHECKS: AnswerCheck[] = [
  checkLanguage,
  checkTone,
  checkPadding,
  checkRepetition,
  checkFacts,
  checkItself,
  checkQuestion,
  checkEarlierAnswers,
  checkNames,
  checkInventions,
  checkTopic,
  checkAnswersQuestion,
];

/** Checks an answer. Scores: by kind of issue, 1 for an error and 0.5 for a warning. */
export function consistency(input: AnswerInput): StageResult<ConsistencyFinding> {
  const empty = checkEmpty(input);
  const issues = empty.length > 0 ? empty : CHECKS.flatMap((check) => check(input));
  const errors = issues.filter((issue) => issue.severity === "error");
  const score = Math.max(0, 1 - 0.5 * errors.length - 0.15 * (issues.length - errors.length));
  const scores: Record<string, number> = {};
  for (const { kind, severity } of issues)
    scores[kind] = Math.max(scores[kind] ?? 0, severity === "error" ? 1 : 0.5);
  return {
    value: { consistent: errors.length === 0, score, issues },
    summary: issues.length === 0 ? "✓" : issues.map(({ message }) => message).join(" "),
    scores,
    evidence: issues.flatMap((issue) => issue.evidence),
  };
}

export const consistencyStage: AnswerStage<ConsistencyFinding> = {
  name: "consistency",
  looksAt: "answer",
  run: consistency,
};
