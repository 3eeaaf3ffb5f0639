/** Questions as data: one JSON object in, what the reasoning finds about it out. Used by `reason` and the evaluation. */
import { z } from "zod";
import type { ReasoningSystem } from "./reasoning.ts";
import type { ApproachValue } from "./stages/approach.ts";
import type { ConsistencyIssue } from "./stages/consistency.ts";
import type { Relation } from "./stages/context.ts";
import type { EntitiesValue } from "./stages/entities.ts";
import { findings } from "./trace.ts";

const message = z.object({ role: z.enum(["user", "assistant", "system"]), content: z.string() });

/** A question with what was said before it and, where it is to be checked, an answer. */
export const itemSchema = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  query: z.string(),
  /** What was said before, oldest first. */
  history: z.array(message).default([]),
  /** An answer to check. */
  response: z.string().optional(),
  /** The day that "demain" counts from, "2026-11-28"; default: today. */
  now: z.iso.date().optional(),
});

/** What the reasoning finds. A field is missing where its stage was left out. */
export interface ReasonResult {
  id?: string | number;
  category?: string;
  /** Probability of each category. */
  scores?: Record<string, number>;
  entities?: EntitiesValue;
  relation?: Relation;
  approach?: Pick<ApproachValue, "tone" | "format" | "focus" | "clarify" | "begin" | "asksFor">;
  sentiment?: ApproachValue["sentiment"]["label"];
  offensive?: boolean;
  /** Only where the item has a response. */
  consistent?: boolean;
  issues?: Pick<ConsistencyIssue, "kind" | "severity" | "message">[];
}

/**
 * Reasons about one item, without the language model.
 * Throws an Error that names the first wrong field where the value is no item.
 */
export function reasonAbout(reasoning: ReasoningSystem, value: unknown): ReasonResult {
  const checked = itemSchema.safeParse(value);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new Error(`${issue.path.join(".") || "the item"}: ${issue.message}`);
  }
  const { id, query, history, response, now } = checked.data;
  // The time of day does not matter; noon is the same day in every zone of the reader's calendar.
  const conversation = {
    messages: history,
    ...(now === undefined ? {} : { now: new Date(`${now}T12:00:00`) }),
  };
  const trace = reasoning.analyse(query, conversation);
  const result: ReasonResult = id === undefined ? {} : { id };
  const { categorise, context, entities, approach } = findings(trace);
  if (categorise !== undefined) {
    result.category = categorise.category;
    result.scores = trace.entries.find(({ value: found }) => found === categorise)?.scores;
  }
  if (entities !== undefined) result.entities = entities;
  if (context !== undefined) result.relation = context.relation;
  if (approach !== undefined) {
    const { tone, format, focus, clarify, begin, asksFor, sentiment, offensive } = approach;
    result.approach = { tone, format, focus, clarify, begin, asksFor };
    result.sentiment = sentiment.label;
    result.offensive = offensive;
  }
  if (response !== undefined) {
    const { consistent, issues } = reasoning.check(response, trace, conversation);
    result.consistent = consistent;
    result.issues = issues.map(({ kind, severity, message: text }) => ({ kind, severity, message: text }));
  }
  return result;
}
