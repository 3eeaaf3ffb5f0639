/**
 * Stage 1: the one intent that an agent of the shop would route on. Courtesy is set aside first, because a
 * greeting or thanks beside a request does not count; what remains goes to the classifier.
 */

import { softmax } from "../domain/classifier.ts";
import type { CompiledDomain } from "../domain/compile.ts";
import { type CourtesyKind, withoutCourtesy } from "../domain/domainWords.ts";
import type { Token } from "../reading/normalise.ts";
import {
  type Conversation,
  type Evidence,
  evidenceAt,
  type LikelihoodModel,
  type QuestionStage,
  type StageInput,
  type StageResult,
} from "../stage.ts";

/** What the category stage finds. */
export interface CategoriseValue {
  category: string;
  /** Probability of the category, 0 to 1. */
  confidence: number;
  /** By how much the category is more probable than the next one. */
  margin: number;
  runnerUp: string;
  /** True where two requests are about equally probable. */
  needsClarification: boolean;
  /** Courtesies in the query, whether alone or beside a request. */
  courtesies: CourtesyKind[];
  /** True where the query holds nothing but courtesy. */
  courtesyOnly: boolean;
  /** What the language model thinks, where the domain asks it: probability by category. */
  secondOpinion?: Record<string, number>;
}

/** Below this margin two categories are as good as equal: chosen where most errors of the development set lie. */
const SMALL_MARGIN = 0.12;

/** Decides the category of a query. Scores are probabilities of all categories. */
export function categorise({ query, conversation, domain }: StageInput): StageResult<CategoriseValue> {
  const { categories } = domain.domain;
  const matches = domain.courtesy.find(query.tokens);
  const courtesies = [...new Set(matches.map((match) => match.entry))];
  const covered = matches.reduce((sum, match) => sum + match.to - match.from, 0);
  const words = query.tokens.filter(isWord);
  const links = query.tokens.filter(
    (token, i) => domain.language.links.has(token.word) && !inside(matches, i),
  );
  // "merci et bonne soirée": a link between courtesies asks for nothing.
  // "coucou toi", "bonjour madame la conseillère": whom one greets is no request either.
  const greets = courtesies.includes("greeting") && matches[0].from === 0;
  const addressed = query.tokens.filter(
    (token, i) => greets && !inside(matches, i) && domain.language.vocatives.has(token.word),
  );
  const courtesyOnly = covered > 0 && covered + Math.max(links.length, addressed.length) >= words.length;
  const evidence: Evidence[] = matches.map(({ entry, from, to }) =>
    evidenceAt(query, `courtesy: ${entry}`, from, to, courtesyOnly ? 1 : 0),
  );
  const tokens = withoutCourtesy(query.tokens, domain.courtesy);
  const p = domain.classifier.probabilities(tokens);
  if (!courtesyOnly) leanOnEarlierTurn(p, tokens, conversation, domain, evidence);
  const role = courtesyOnly ? courtesyRole(courtesies) : undefined;
  const forced = role === undefined ? -1 : categories.findIndex((category) => category.role === role);
  if (forced >= 0) p.fill(0).fill(1, forced, forced + 1);
  const best = p.indexOf(Math.max(...p));
  if (forced < 0)
    for (const { from, to, weight } of domain.classifier.contributions(tokens, best).slice(0, 5)) {
      // `tokens` may have gaps where courtesy was taken out; the places are those of the typed text.
      const [first, last] = [tokens[from], tokens[to - 1]];
      const text = query.raw.slice(first.start, last.end);
      if (weight > 0.05)
        evidence.push({ rule: "classifier", text, start: first.start, end: last.end, weight });
    }
  return decide(p, domain, { courtesies, courtesyOnly }, evidence);
}

/** The category of the highest probability, with how sure that is. */
function decide(
  p: Float64Array,
  { domain: { categories } }: CompiledDomain,
  courtesy: Pick<CategoriseValue, "courtesies" | "courtesyOnly">,
  evidence: Evidence[],
): StageResult<CategoriseValue> {
  const order = [...p.keys()].sort((a, b) => p[b] - p[a]);
  const [best, second] = order;
  const margin = p[best] - p[second];
  const needsClarification = margin < SMALL_MARGIN && categories[best].role === "request";
  const value: CategoriseValue = {
    category: categories[best].id,
    confidence: p[best],
    margin,
    runnerUp: categories[second].id,
    needsClarification,
    ...courtesy,
  };
  const percent = Math.round(p[best] * 100);
  const summary = needsClarification
    ? `${value.category} ${percent} % ≈ ${value.runnerUp}`
    : `${value.category} ${percent} %`;
  const scores = Object.fromEntries(order.map((k) => [categories[k].id, p[k]]));
  return { value, summary, scores, evidence };
}

/**
 * Asks the model how likely each category's name is after the question, against how likely it is after no
 * question at all: a long or rare name may not lose for that. Both opinions are multiplied, by their weights.
 */
export async function consult(
  { query, domain }: StageInput,
  found: StageResult<CategoriseValue>,
  model: LikelihoodModel,
): Promise<StageResult<CategoriseValue>> {
  const { categories, categorize } = domain.domain;
  // What is only courtesy was decided by rule.
  if (!categorize.useModel || found.value.courtesyOnly) return found;
  const ids = categories.map(({ id }) => id);
  const ask = (text: string) =>
    model.logLikelihoods(domain.language.texts.wording.classify.replace("{query}", text), ids);
  const [given, prior] = [await ask(query.raw), await ask("…")];
  const opinion = softmax(Float64Array.from(given, (value, k) => value - prior[k]));
  const { modelWeight: weight } = categorize;
  const mixed = opinion.map(
    (value, k) => (1 - weight) * Math.log(found.scores[ids[k]] + 1e-9) + weight * Math.log(value + 1e-9),
  );
  const { courtesies, courtesyOnly } = found.value;
  const evidence = [...found.evidence, { rule: "model", text: "", start: -1, end: -1, weight }];
  const decided = decide(softmax(mixed), domain, { courtesies, courtesyOnly }, evidence);
  decided.value.secondOpinion = Object.fromEntries(ids.map((id, k) => [id, opinion[k]]));
  return decided;
}

/** How much the turn before decides, by the number of words of topic in the query: "et en Suisse ?" has one. */
const LEAN = [0.9, 0.6, 0.25];

/** From this probability on, a short query speaks for itself. */
const CLEAR = 0.4;

/** A fragment takes its category from the request that it continues. */
function leanOnEarlierTurn(
  p: Float64Array,
  tokens: readonly Token[],
  { messages }: Conversation,
  domain: CompiledDomain,
  evidence: Evidence[],
): void {
  const content = tokens.filter((token) => isWord(token) && !domain.language.stopWords.has(token.word));
  const lean = LEAN[content.length];
  const last = messages.findLast((message) => message.role === "user");
  if (lean === undefined || last === undefined) return;
  // One clear word of topic ("un parking ?") needs no help, unless it goes on ("et en Suisse ?").
  const goesOn = domain.expressions.continuation.at(tokens, 0) !== undefined;
  if (content.length > 0 && !goesOn && Math.max(...p) >= CLEAR) return;
  const before = domain.classifier.probabilities(
    withoutCourtesy(domain.analyse(last.content).tokens, domain.courtesy),
  );
  let sum = 0;
  p.forEach((value, k) => {
    p[k] = value ** (1 - lean / 2) * before[k] ** lean;
    sum += p[k];
  });
  p.forEach((value, k) => {
    p[k] = value / sum;
  });
  evidence.push({ rule: "continues the turn before", text: "", start: -1, end: -1, weight: lean });
}

function inside(matches: readonly { from: number; to: number }[], at: number): boolean {
  return matches.some(({ from, to }) => from <= at && at < to);
}

/** Which role wins where a query is courtesy only: "merci, au revoir" takes leave, "bonjour, merci" thanks. */
function courtesyRole(
  kinds: CourtesyKind[],
): CompiledDomain["domain"]["categories"][number]["role"] | undefined {
  if (kinds.includes("farewell")) return "farewell";
  if (kinds.includes("thanks")) return "smalltalk";
  if (kinds.includes("greeting")) return "greeting";
  return undefined;
}

function isWord(token: { word: string }): boolean {
  return /[\p{L}\d]/u.test(token.word);
}

export const categoriseStage: QuestionStage<CategoriseValue> = {
  name: "categorise",
  looksAt: "question",
  run: categorise,
  consult,
};
