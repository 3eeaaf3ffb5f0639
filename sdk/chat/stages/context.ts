/**
 * Stage 2: how the query relates to the conversation. Signs of a reference (recall, continuation, pronoun
 * without a noun before it, bare fragment) say that it cannot be understood alone; otherwise the theme vector
 * of the query, compared with that of the conversation, tells the same topic from a new one.
 */
import type { CompiledDomain } from "../domain/compile.ts";
import { withoutCourtesy } from "../domain/domainWords.ts";
import type { AnalysedText, Token } from "../reading/normalise.ts";
import { isThing, referenceScore } from "../reading/references.ts";
import {
  type Conversation,
  type Evidence,
  evidenceAt,
  type QuestionStage,
  type StageInput,
  type StageResult,
} from "../stage.ts";

export type Relation = "refers_to_previous" | "same_topic" | "new_topic";

/** What the context stage finds. */
export interface ContextValue {
  relation: Relation;
  /** How likely the query leans on earlier turns, 0 to 1. */
  reference: number;
  /** Cosine between the themes of the query and of the conversation. */
  similarity: number;
  /** Theme vector of the query, of length 1 or 0. */
  queryThemes: Record<string, number>;
  /** Theme vector of the conversation, the query included: where the talk stands now. */
  themes: Record<string, number>;
  /** Messages of the customer before the query. */
  earlierTurns: number;
}

/** Each turn back counts this much of the turn after it. */
const DECAY = 0.6;
/** An assistant's answer moves the topic less than what the customer asks. */
const ASSISTANT_SHARE = 0.4;
const REFERENCE_LIMIT = 0.5;
const SAME_TOPIC_LIMIT = 0.5;
/** A thing that was named before keeps the topic, whatever is asked about it. */
const SHARED_NOUN = 0.7;
/** How many turns back are read. Beyond, the decay leaves less than 5 %. */
const TURNS_READ = 6;

/** Decides how a query relates to what was said before. */
export function context(input: StageInput): StageResult<ContextValue> {
  const { query, conversation, domain } = input;
  const evidence: Evidence[] = [];
  const earlier = conversation.messages.filter((message) => message.role !== "system");
  const earlierTurns = earlier.filter((message) => message.role === "user").length;
  const before = conversationThemes(conversation, domain);
  const own = themeVector(query, domain, evidence);
  addCategory(own, input);
  const similarity = Math.max(cosine(own, before), sharesNoun(input) ? SHARED_NOUN : 0);
  const courtesyOnly = input.earlier.categorise?.courtesyOnly ?? false;
  const reference =
    earlierTurns === 0 || courtesyOnly
      ? 0
      : referenceScore(query, input, { size: own.size, similarity }, evidence);
  const relation: Relation =
    reference >= REFERENCE_LIMIT
      ? "refers_to_previous"
      : earlierTurns > 0 && similarity >= SAME_TOPIC_LIMIT
        ? "same_topic"
        : "new_topic";
  const themes = new Map([...before].map(([theme, weight]) => [theme, weight * DECAY]));
  for (const [theme, weight] of own) themes.set(theme, (themes.get(theme) ?? 0) + weight);
  return {
    value: {
      relation,
      reference,
      similarity,
      queryThemes: toRecord(unit(own)),
      themes: toRecord(unit(themes)),
      earlierTurns,
    },
    summary: [relation, ...topThemes(unit(own))].join(" · "),
    scores: {
      refers_to_previous: reference,
      same_topic: earlierTurns === 0 ? 0 : (1 - reference) * similarity,
      new_topic: earlierTurns === 0 ? 1 : (1 - reference) * (1 - similarity),
    },
    evidence,
  };
}

/** Whether the query names goods that the last turns named. */
function sharesNoun({ query, conversation, domain }: StageInput): boolean {
  const things = (tokens: readonly Token[]) =>
    domain.lexicon.find(tokens).flatMap(({ entry }) => (isThing(entry.list) ? [entry.word.normal] : []));
  const own = things(query.tokens);
  if (own.length === 0) return false;
  const before = conversation.messages
    .slice(-4)
    .flatMap(({ content }) => things(domain.analyse(content).tokens));
  return own.some((name) => before.includes(name));
}

type Themes = Map<string, number>;

/** How strongly a text speaks for each theme. */
export function themeVector(text: AnalysedText, domain: CompiledDomain, evidence?: Evidence[]): Themes {
  const themes: Themes = new Map();
  text.tokens.forEach((token, i) => {
    for (const { theme, weight } of domain.themes.get(token.stem) ?? []) {
      themes.set(theme, (themes.get(theme) ?? 0) + weight);
      evidence?.push(evidenceAt(text, `theme ${theme}`, i, i + 1, weight));
    }
  });
  return themes;
}

/** The category carries a theme too, also where the query uses none of the theme's words. */
function addCategory(themes: Themes, { earlier, domain }: StageInput): void {
  const found = earlier.categorise;
  if (found === undefined || found.courtesyOnly) return;
  for (const [name, theme] of Object.entries(domain.domain.themes))
    if (theme.categories.includes(found.category))
      themes.set(name, (themes.get(name) ?? 0) + found.confidence);
}

function conversationThemes({ messages }: Conversation, domain: CompiledDomain): Themes {
  const themes: Themes = new Map();
  const recent = messages.filter((message) => message.role !== "system").slice(-2 * TURNS_READ);
  let turns = 0;
  for (const { role, content } of [...recent].reverse()) {
    const text = domain.analyse(content);
    const vector = themeVector(text, domain);
    if (role === "user") {
      const rest = withoutCourtesy(text.tokens, domain.courtesy);
      const p = domain.classifier.probabilities(rest);
      const best = p.indexOf(Math.max(...p));
      const { id } = domain.domain.categories[best];
      for (const [name, theme] of Object.entries(domain.domain.themes))
        if (theme.categories.includes(id)) vector.set(name, (vector.get(name) ?? 0) + p[best]);
    }
    const share = DECAY ** turns * (role === "user" ? 1 : ASSISTANT_SHARE);
    for (const [theme, weight] of unit(vector)) themes.set(theme, (themes.get(theme) ?? 0) + share * weight);
    if (role === "user") turns++;
  }
  return themes;
}

function cosine(a: Themes, b: Themes): number {
  const [x, y] = [unit(a), unit(b)];
  let dot = 0;
  for (const [theme, weight] of x) dot += weight * (y.get(theme) ?? 0);
  return dot;
}

function unit(themes: Themes): Themes {
  const norm = Math.sqrt([...themes.values()].reduce((sum, weight) => sum + weight * weight, 0));
  return norm === 0 ? new Map() : new Map([...themes].map(([theme, weight]) => [theme, weight / norm]));
}

function toRecord(themes: Themes): Record<string, number> {
  return Object.fromEntries([...themes].sort(([, a], [, b]) => b - a));
}

function topThemes(themes: Themes): string[] {
  return [...themes]
    .sort(([, a], [, b]) => b - a)
    .slice(0, 2)
    .map(([theme]) => theme);
}

export const contextStage: QuestionStage<ContextValue> = {
  name: "context",
  looksAt: "question",
  run: context,
};
