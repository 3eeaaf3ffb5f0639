/**
 * What a reasoning stage is. A stage is a plain value with a function from the query, the conversation, the
 * domain and what earlier stages found, to a value with scores and evidence. Nothing else passes between
 * stages, so a user can replace, add or leave out any of them.
 */
import type { CompiledDomain } from "./domain/compile.ts";
import type { AnalysedText } from "./reading/normalise.ts";
import type { ApproachValue } from "./stages/approach.ts";
import type { CategoriseValue } from "./stages/categorise.ts";
import type { ConsistencyFinding } from "./stages/consistency.ts";
import type { ContextValue } from "./stages/context.ts";
import type { EntitiesValue } from "./stages/entities.ts";

/** One message of a conversation. */
export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

/** What was said before the query. `now` is the day that "demain" counts from; default: today. */
export interface Conversation {
  messages: readonly ChatMessage[];
  now?: Date;
}

/** Why a stage decided as it did: a rule, and the words that it saw with their place in the text. */
export interface Evidence {
  rule: string;
  /** As typed. Empty where the rule saw no particular words. */
  text: string;
  /** Place in the query, or in the answer for the consistency stage; -1 where there is none. */
  start: number;
  end: number;
  /** How much it counted, in the unit of the stage's scores. */
  weight: number;
}

/** What the known stages find, by stage name. */
export interface StageValues {
  categorise: CategoriseValue;
  context: ContextValue;
  entities: EntitiesValue;
  approach: ApproachValue;
  consistency: ConsistencyFinding;
}

/** What earlier stages found. A stage must do without what it misses: its user may have left it out. */
export interface Findings extends Partial<StageValues> {
  [ownStage: string]: unknown;
}

/** What a stage gets. */
export interface StageInput {
  query: AnalysedText;
  conversation: Conversation;
  domain: CompiledDomain;
  earlier: Findings;
}

/** What a stage of the second kind gets besides: the answer to check. */
export interface AnswerInput extends StageInput {
  answer: AnalysedText;
}

/** What a stage gives back. `summary` is one line in the domain's language for the trace. */
export interface StageResult<Value> {
  value: Value;
  summary: string;
  scores: Record<string, number>;
  evidence: Evidence[];
}

/** A language model as a stage may ask it: how likely each of some answers to a question is. */
export interface LikelihoodModel {
  /** Sum of ln p over the tokens of each answer, its end included, after the question alone. */
  logLikelihoods: (question: string, answers: readonly string[]) => Promise<number[]>;
}

/** A stage that looks at the question, before the model is asked. */
export interface QuestionStage<Value = unknown> {
  name: string;
  looksAt: "question";
  run: (input: StageInput) => StageResult<Value>;
  /** A second opinion of the model on what `run` found; used where the domain asks for it. */
  consult?(input: StageInput, found: StageResult<Value>, model: LikelihoodModel): Promise<StageResult<Value>>;
}

/** A stage that looks at the answer. */
export interface AnswerStage<Value = unknown> {
  name: string;
  looksAt: "answer";
  run: (input: AnswerInput) => StageResult<Value>;
}

export type Stage = QuestionStage | AnswerStage;

/** Evidence for the tokens from..to (exclusive) of a text. */
export function evidenceAt(
  text: AnalysedText,
  rule: string,
  from: number,
  to: number,
  weight: number,
): Evidence {
  const start = text.tokens[from].start;
  const end = text.tokens[to - 1].end;
  return { rule, text: text.raw.slice(start, end), start, end, weight };
}
