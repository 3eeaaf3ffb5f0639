/**
 * Stage 4: how to answer: tone, format, focus, whether to ask back, and what to say first, from the
 * category, the mood of the customer, the relation to the conversation and what is named.
 */
import type { CompiledDomain } from "../domain/compile.ts";
import type { DomainCategory } from "../domain/domainSchema.ts";
import type { QuestionKind } from "../language/language.ts";
import type { Wording } from "../language/texts.ts";
import type { OffenceGrade } from "../reading/courtesy.ts";
import type { AnalysedText } from "../reading/normalise.ts";
import { type Sentiment, sentimentOf } from "../reading/sentiment.ts";
import {
  type Evidence,
  evidenceAt,
  type Findings,
  type QuestionStage,
  type StageInput,
  type StageResult,
} from "../stage.ts";

export type Tone = keyof Wording["tones"];
export type Format = keyof Wording["formats"];

/** What the approach stage decides. */
export interface ApproachValue {
  tone: Tone;
  format: Format;
  /** What the answer must be about: the category's description and the first thing named. */
  focus: string;
  /** True where the answer should ask back. */
  clarify: boolean;
  /** From the domain's templates, with what was named filled in; absent where no template fits. */
  begin?: string;
  sentiment: Sentiment;
  /** What the question asks for; absent where it is no question. */
  asksFor?: QuestionKind;
  /** True where the customer is rude, insults or threatens; the domain's reply is then the beginning. */
  offensive: boolean;
  /** How grave it is. */
  offence: OffenceGrade;
}

/** Decides how to answer. Scores: the sentiment, from -1 to 1, and 1 where the query is offensive. */
export function approach(input: StageInput): StageResult<ApproachValue> {
  const { query, domain, earlier } = input;
  const evidence: Evidence[] = [];
  const sentiment = sentimentOf(query, domain, evidence);
  const { grade, found } = domain.offences.check(query.raw);
  for (const { text, start, end, ...offence } of found)
    evidence.push({ rule: offence.grade, text, start, end, weight: 1 });
  const offensive = grade !== "none";
  const category = domain.domain.categories.find(({ id }) => id === earlier.categorise?.category);
  const asksFor = questionKind(query, domain, evidence);
  const begin =
    grade !== "none" ? domain.domain.courtesy.replies[grade] : opening(domain, earlier, sentiment, category);
  const named =
    earlier.entities?.products[0] ?? earlier.entities?.actions[0] ?? earlier.entities?.concerns[0];
  const value: ApproachValue = {
    tone: toneFor(category, sentiment, offensive),
    format: formatFor(category, asksFor),
    focus: [category?.description, named?.normal].filter((part) => part !== undefined).join(" – "),
    clarify: !offensive && (earlier.categorise?.needsClarification ?? false),
    ...(begin === undefined ? {} : { begin }),
    sentiment,
    ...(asksFor === undefined ? {} : { asksFor }),
    offensive,
    offence: grade,
  };
  const summary = [value.tone, value.format, value.clarify ? "?" : "", begin ?? ""]
    .filter((part) => part !== "")
    .join(" · ");
  return { value, summary, scores: { sentiment: sentiment.score, offensive: offensive ? 1 : 0 }, evidence };
}

/** What a text asks for: the first question word says so. */
export function questionKind(
  text: AnalysedText,
  domain: CompiledDomain,
  evidence?: Evidence[],
): QuestionKind | undefined {
  for (let i = 0; i < text.tokens.length; i++) {
    const match = domain.expressions.question.at(text.tokens, i);
    if (match === undefined) continue;
    const kind = domain.language.questions.get(match.entry);
    // "ou" without its accent is more often "or".
    if (i > 0 && domain.language.asksOnlyFirst.has(text.tokens[i].text.toLowerCase())) continue;
    // A verb alone ("do", "is") asks only at the start of its sentence.
    if (kind === "yesno" && match.to - i === 1 && i > 0 && !/[.!?,]\s*$/.test(before(text, i))) continue;
    if (kind === undefined) continue;
    evidence?.push(evidenceAt(text, `asks for ${kind}`, i, match.to, 1));
    return kind;
  }
  return text.raw.trimEnd().endsWith("?") ? "yesno" : undefined;
}

function before(text: AnalysedText, at: number): string {
  return text.raw.slice(0, text.tokens[at].start);
}

function toneFor(category: DomainCategory | undefined, sentiment: Sentiment, offensive: boolean): Tone {
  if (offensive) return "calm";
  if (sentiment.label === "negative") return "apologetic";
  if (category !== undefined && category.role !== "request") return "warm";
  return sentiment.label === "positive" ? "enthusiastic" : "neutral";
}

function formatFor(category: DomainCategory | undefined, asksFor: QuestionKind | undefined): Format {
  if (category !== undefined && category.role !== "request") return "short";
  if (asksFor === "manner") return "steps";
  if (asksFor === "quantity" || asksFor === "time" || asksFor === "place" || asksFor === "person")
    return "short";
  return "sentence";
}

/** The template of the category that fits best: the one with the most conditions, all of them true. */
function opening(
  { domain }: CompiledDomain,
  { entities }: Findings,
  sentiment: Sentiment,
  category: DomainCategory | undefined,
): string | undefined {
  const named: Record<string, string | undefined> = {
    product: entities?.products[0]?.normal,
    order_number: entities?.order_numbers[0]?.normal,
    amount: entities?.amounts[0]?.normal,
    location: entities?.locations[0]?.normal,
  };
  const fitting = (domain.templates[category?.id ?? ""] ?? [])
    .filter((template) => template.sentiment === undefined || template.sentiment === sentiment.label)
    .filter((template) => template.needs === undefined || named[template.needs] !== undefined)
    // A place that nothing fills would be read out as "{product}".
    .filter((template) =>
      [...template.text.matchAll(/\{(\w+)\}/g)].every(([, key]) => named[key] !== undefined),
    );
  const conditions = (t: (typeof fitting)[number]) =>
    Number(t.sentiment !== undefined) + Number(t.needs !== undefined);
  fitting.sort((a, b) => conditions(b) - conditions(a));
  return fitting[0]?.text.replace(/\{(\w+)\}/g, (_, key: string) => named[key] ?? "");
}

export const approachStage: QuestionStage<ApproachValue> = {
  name: "approach",
  looksAt: "question",
  run: approach,
};
