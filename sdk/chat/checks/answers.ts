/** Does an answer give what the question asks for: a number, a time, a price, steps, anything at all? */

import type { AskedKind } from "../language/replyWords.ts";
import { findAmounts, numbersIn } from "../reading/amounts.ts";
import { findTimes } from "../reading/dates.ts";
import type { Token } from "../reading/normalise.ts";
import type { AnswerInput } from "../stage.ts";
import type { AnswerCheck } from "../stages/consistency.ts";
import { error, has, topicStems } from "./issue.ts";
import { statedFact } from "./truth.ts";

/** An answer that says it does not know, or asks back, is an answer. */
export const checkAnswersQuestion: AnswerCheck = (input) => {
  const { answer, query, domain, earlier } = input;
  const found = earlier.categorise;
  const category = domain.domain.categories.find(({ id }) => id === found?.category);
  if (found?.courtesyOnly || category === undefined || category.role !== "request") return [];
  const say = domain.language.texts.checks;
  if (saysNothing(input)) return [error("does_not_answer", say.saysNothing)];
  if (has(answer.tokens, domain.expressions.refusal) || /\?\s*$/.test(answer.raw)) return [];
  const kind = askedKind(input);
  if (kind !== undefined && !gives(kind, input)) {
    // "gratuit", "offert" answer "combien" without a number; so does the very fact that was asked for.
    const stated = statedFact(answer, domain);
    const [wanted] = domain.facts.nearest(query.tokens, 1);
    if (stated === undefined || stated.fact !== wanted?.fact)
      return [error("does_not_answer", say.noAnswer(domain.language.texts.asked[kind]))];
  }
  if (repeatsQuestion(input) || defines(input)) return [error("does_not_answer", say.saysNothing)];
  return [];
};

/** Only thanks, offers of help and other phrases that fit any question. */
function saysNothing({ answer, domain, earlier }: AnswerInput): boolean {
  // To a complaint, sympathy is an answer.
  if (has(answer.tokens, domain.replies.apologies)) return false;
  const { emptyTalk } = domain.replies;
  if (!has(answer.tokens, emptyTalk)) return false;
  // "Le paiement en trois fois est une bonne question."
  if (domain.language.replies.praise.test(answer.raw)) return true;
  const rest = without(without(answer.tokens, emptyTalk), domain.courtesy);
  const words = rest.filter(({ word }) => /[a-z\d]/.test(word) && !domain.language.stopWords.has(word));
  return words.length <= (asksOpinion(earlier, domain) ? 0 : 2) && !rest.some(({ word }) => /\d/.test(word));
}

function asksOpinion({ categorise }: AnswerInput["earlier"], { domain }: AnswerInput["domain"]): boolean {
  return domain.categories.some(({ id, asksOpinion }) => asksOpinion && id === categorise?.category);
}

function without(
  tokens: readonly Token[],
  index: { at: (tokens: readonly Token[], at: number) => { to: number } | undefined },
): Token[] {
  const rest: Token[] = [];
  for (let i = 0; i < tokens.length; ) {
    const match = index.at(tokens, i);
    if (match === undefined) rest.push(tokens[i]);
    i = match?.to ?? i + 1;
  }
  return rest;
}

function askedKind({
  query,
  domain,
  earlier,
}: AnswerInput): AskedKind | "quantity" | "manner" | "place" | undefined {
  const asked = domain.replies.asks.find(({ index }) => has(query.tokens, index));
  if (asked !== undefined) return asked.kind;
  const kind = earlier.approach?.asksFor;
  return kind === "quantity" || kind === "time" || kind === "manner" || kind === "place" ? kind : undefined;
}

function gives(
  kind: AskedKind | "quantity" | "manner" | "place",
  { answer, query, domain, conversation }: AnswerInput,
): boolean {
  const { replies, language } = domain;
  const { tokens, raw } = answer;
  // The number of the order comes back in the answer and is no date.
  const own = numbersIn(query, domain);
  const numbers = () =>
    numbersIn(answer, domain).some(({ value }) => !own.some((number) => number.value === value));
  // "bientôt" is no time.
  const times = () =>
    findTimes(answer, domain, conversation.now ?? new Date()).some(
      ({ normal }) => !/^[a-z ]+$/.test(normal) || domain.language.months.has(normal),
    );
  const free = () => has(tokens, replies.free);
  const says = (pattern: RegExp | undefined) => pattern?.test(raw) ?? false;
  const { gives: words, colours } = language.replies;
  switch (kind) {
    case "quantity":
      return numbers() || times() || free();
    case "measure":
      return (
        numbersIn(answer, domain).length > findAmounts(answer, domain).length ||
        times() ||
        free() ||
        says(words.measure)
      );
    case "time":
      return numbers() || times() || says(words.time);
    case "money":
      return findAmounts(answer, domain).length > 0 || free() || raw.includes("%") || says(words.money);
    case "colour":
      return tokens.some(({ word }) => colours.has(word));
    case "phone":
      return /\d[\d .-]{5,}|@/.test(raw) || says(words.phone);
    case "mail":
      return raw.includes("@") || says(words.mail);
    case "address":
      return /\d|@/.test(raw) || says(words.address);
    case "place":
      return /\d|@/.test(raw) || says(words.place);
    case "manner":
      return has(tokens, replies.steps) || numbers() || /[«“"]/.test(raw);
  }
}

/** "Le colis est un paquet en carton": what a thing is, where nobody asked that. */
function defines({ answer, query, domain, earlier }: AnswerInput): boolean {
  const { defines: shape, definition } = domain.language.replies;
  if (!shape.test(answer.raw.trim()) || definition.test(query.raw) || /\d/.test(answer.raw)) return false;
  return !asksOpinion(earlier, domain) && statedFact(answer, domain) === undefined;
}

/** Every word of topic is the question's own, and neither yes, no, number nor place was added. */
function repeatsQuestion({ answer, query, domain }: AnswerInput): boolean {
  const bare = (text: string) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\d]+/gu, " ")
      .trim();
  if (bare(answer.raw) === bare(query.raw)) return true;
  const own = topicStems(answer.tokens, domain);
  const asked = topicStems(query.tokens, domain);
  if (own.size === 0 || own.size > asked.size + 1) return false;
  for (const stem of own) if (!asked.has(stem)) return false;
  const { yes, no } = domain.replies;
  return (
    !has(answer.tokens, yes) &&
    !has(answer.tokens, no) &&
    !answer.tokens.some(({ word }) => /\d/.test(word) || domain.language.negations.has(word)) &&
    !has(answer.tokens, domain.replies.free)
  );
}
