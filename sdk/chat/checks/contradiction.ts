/** Does an answer contradict itself, the question, or an earlier answer? */

import type { CompiledDomain } from "../domain/compile.ts";
import { findAmounts, type NumberInText } from "../reading/amounts.ts";
import { findTimes } from "../reading/dates.ts";
import type { AnalysedText, Token } from "../reading/normalise.ts";
import type { AnswerInput, Evidence } from "../stage.ts";
import type { AnswerCheck } from "../stages/consistency.ts";
import { error, has, isNegated, overlap, sentences, topicStems } from "./issue.ts";
import { changedNumbers } from "./truth.ts";

/** Earlier answers are free text and must be near to count as the same statement. */
const SAME_STATEMENT = 0.5;
/** A question that was asked before, in about the same words. */
const SAME_QUESTION = 0.65;

/** "Oui … non", "gratuit" beside a price, one sentence that denies another. */
export const checkItself: AnswerCheck = ({ answer, domain }) => {
  const { language, replies } = domain;
  const { yes, no, free, conditions } = replies;
  const parts = sentences(answer);
  const issue = [error("contradicts_itself", domain.language.texts.checks.itself)];
  const begins = (part: readonly Token[], index: typeof yes) => index.at(part, 0) !== undefined;
  const saysYes = parts.some(
    (part) => begins(part, yes) || (begins(part, no) && part.length > 1 && begins(part.slice(1), yes)),
  );
  const saysNo = parts.some(
    (part) =>
      part[0].word === language.no ||
      (begins(part, yes) && part.slice(1, 3).some(({ word }) => word === language.no)),
  );
  if (saysYes && saysNo) return issue;
  // "oui, nous ne livrons pas": a yes to a question that was not asked in the negative.
  const paid = findAmounts(answer, domain).some(({ normal }) => !normal.startsWith("0.00"));
  const costsNothing = answer.tokens.some(({ word }) => language.replies.costsNothing.test(word));
  if (
    paid &&
    costsNothing &&
    has(answer.tokens, free) &&
    !has(answer.tokens, conditions) &&
    !isNegated(answer.tokens, domain)
  )
    return issue;
  for (const [i, part] of parts.entries())
    for (const other of parts.slice(i + 1)) if (denies(part, other, domain)) return issue;
  return [];
};

/** Two clauses about the same, one of them negated. */
function denies(a: readonly Token[], b: readonly Token[], domain: CompiledDomain): boolean {
  const [x, y] = [topicStems(a, domain), topicStems(b, domain)];
  return x.size >= 2 && y.size >= 2 && overlap(x, y) >= 0.7 && isNegated(a, domain) !== isNegated(b, domain);
}

/** "je veux annuler" answered by "confirmée": the opposite of a word of the question. */
export const checkQuestion: AnswerCheck = ({ answer, query, domain }) => {
  const words = (tokens: readonly Token[]) => new Set(tokens.map(({ word }) => word));
  const [asked, given] = [words(query.tokens), words(answer.tokens)];
  const { yes, no, apologies, opposites, yesOpposites } = { ...domain.language.replies, ...domain.replies };
  const begins = (index: typeof yes) => index.at(answer.tokens, 0) !== undefined;
  if (isNegated(answer.tokens, domain) || has(answer.tokens, apologies) || begins(no)) return [];
  const pair = opposite(asked, given, begins(yes) ? [...opposites, ...yesOpposites] : opposites);
  return pair === undefined
    ? []
    : [error("contradicts_question", domain.language.texts.checks.opposite(...pair))];
};

/** A word of one side and its opposite on the other, where neither side says both. */
function opposite(
  before: ReadonlySet<string>,
  now: ReadonlySet<string>,
  pairs: CompiledDomain["language"]["replies"]["opposites"],
): [string, string] | undefined {
  for (const [one, other] of pairs) {
    const own = one.find((word) => before.has(word));
    const turned = other.find((word) => now.has(word));
    if (own === undefined || turned === undefined) continue;
    if (!one.some((word) => now.has(word)) && !other.some((word) => before.has(word))) return [own, turned];
  }
  return undefined;
}

/** The same statement as in an earlier answer, with another number, or denied; or the other of yes and no. */
export const checkEarlierAnswers: AnswerCheck = (input) => {
  const { answer, query, conversation, domain } = input;
  const stems = topicStems(answer.tokens, domain);
  const asked = topicStems(query.tokens, domain);
  const { yes, no } = domain.replies;
  const begins = (tokens: readonly Token[]) =>
    yes.at(tokens, 0) !== undefined ? "yes" : no.at(tokens, 0) !== undefined ? "no" : undefined;
  for (const [i, message] of conversation.messages.entries()) {
    if (message.role !== "assistant") continue;
    const before = domain.analyse(message.content);
    const otherwise = () => {
      const [now, then] = [quoted(answer.raw, domain), quoted(message.content, domain)];
      return [error("contradicts_earlier", domain.language.texts.checks.earlier(now, then))];
    };
    const question = domain.analyse(conversation.messages[i - 1]?.content ?? "");
    const sameQuestion =
      asked.size > 0 &&
      overlap(asked, topicStems(question.tokens, domain)) >= SAME_QUESTION &&
      isNegated(query.tokens, domain) === isNegated(question.tokens, domain);
    const [was, is] = [begins(before.tokens), begins(answer.tokens)];
    if (sameQuestion && was !== undefined && is !== undefined && was !== is) return otherwise();
    const { opposites, yesOpposites } = domain.language.replies;
    const wordsOf = (tokens: readonly Token[]) => new Set(tokens.map(({ word }) => word));
    const nearQuestion = overlap(asked, topicStems(question.tokens, domain)) >= SAME_STATEMENT;
    const turned = opposite(wordsOf(before.tokens), wordsOf(answer.tokens), [...opposites, ...yesOpposites]);
    if (
      nearQuestion &&
      turned !== undefined &&
      isNegated(answer.tokens, domain) === isNegated(before.tokens, domain)
    )
      return otherwise();
    if (i === conversation.messages.length - 1 && turnsAround(input, before)) return otherwise();
    const earlier = topicStems(before.tokens, domain);
    const near = overlap(stems, earlier);
    if (near < SAME_STATEMENT) continue;
    const [pair] = changedNumbers(answer, before, domain);
    if (pair !== undefined)
      return [
        error("contradicts_earlier", domain.language.texts.checks.earlier(pair[0].text, pair[1].text), [
          numberEvidence("an earlier answer says otherwise", pair[0]),
        ]),
      ];
    // "Oui, cela ne coûte rien" after "Oui, c'est gratuit": both say yes.
    if (was !== undefined && was === is) continue;
    if (isNegated(answer.tokens, domain) !== isNegated(before.tokens, domain) && stems.size >= 2)
      return otherwise();
  }
  return [];
};

/** "vous êtes sûr ?" is answered by another time, another number, or the other of yes and no than before. */
function turnsAround({ answer, query, conversation, domain }: AnswerInput, before: AnalysedText): boolean {
  const { checksBack, yes } = domain.replies;
  if (!has(query.tokens, checksBack) || topicStems(query.tokens, domain).size > 2) return false;
  const now = conversation.now ?? new Date();
  const times = (text: AnalysedText) => findTimes(text, domain, now).map(({ normal }) => normal);
  const [then, given] = [times(before), times(answer)];
  if (then.length > 0 && given.length > 0 && !given.some((time) => then.includes(time))) return true;
  if (changedNumbers(answer, before, domain).length > 0) return true;
  const affirmed = yes.at(before.tokens, 0) !== undefined || !isNegated(before.tokens, domain);
  return affirmed && answer.tokens[0]?.word === domain.language.no && !isNegated(query.tokens, domain);
}

/** A sentence inside a sentence. */
function quoted(text: string, { language }: CompiledDomain): string {
  const bare = text.trim().replace(/[.!]$/, "");
  return language.texts.quote(bare);
}

function numberEvidence(rule: string, { text, start, end }: NumberInText): Evidence {
  return { rule, text, start, end, weight: 1 };
}
