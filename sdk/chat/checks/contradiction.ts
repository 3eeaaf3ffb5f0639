/** Does an answer contradict itself, the question, or an earlier answer? */
import { findAmounts, type NumberInText } from "../amounts.ts";
import type { CompiledDomain } from "../compile.ts";
import type { Token } from "../normalise.ts";
import type { Evidence } from "../stage.ts";
import type { AnswerCheck } from "../stages/consistency.ts";
import { error, has, isNegated, overlap, sentences, topicStems } from "./issue.ts";
import { messages } from "./messages.ts";
import { changedNumbers } from "./truth.ts";

/** Earlier answers are free text and must be near to count as the same statement. */
const SAME_STATEMENT = 0.5;

/** "Oui … non", "gratuit" beside a price, one sentence that denies another. */
export const checkItself: AnswerCheck = ({ answer, domain }) => {
  const { yes, no, free, conditions } = domain.replies;
  const parts = sentences(answer);
  const issue = [error("contradicts_itself", messages(domain).itself)];
  const begins = (part: readonly Token[], index: typeof yes) => index.at(part, 0) !== undefined;
  const saysYes = parts.some(
    (part) => begins(part, yes) || (begins(part, no) && part.length > 1 && begins(part.slice(1), yes)),
  );
  const saysNo = parts.some(
    (part) =>
      part[0].word === "non" ||
      part[0].word === "no" ||
      (begins(part, yes) && part.slice(1, 3).some(({ word }) => /^(?:non|no)$/.test(word))),
  );
  if (saysYes && saysNo) return issue;
  // "oui, nous ne livrons pas": a yes to a question that was not asked in the negative.
  const paid = findAmounts(answer, domain).some(({ normal }) => !normal.startsWith("0.00"));
  const costsNothing = answer.tokens.some((_, i) => /^(?:gratui|offert|free$)/.test(answer.tokens[i].word));
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
  if (isNegated(answer.tokens, domain) || has(answer.tokens, domain.replies.apologies)) return [];
  for (const [one, other] of domain.language.replies.opposites) {
    const [own] = one.filter((word) => asked.has(word));
    const [turned] = other.filter((word) => given.has(word));
    if (own === undefined || turned === undefined) continue;
    const same = [...one].some((word) => given.has(word)) || [...other].some((word) => asked.has(word));
    if (same) continue;
    return [error("contradicts_question", messages(domain).opposite(own, turned))];
  }
  return [];
};

/** The same statement as in an earlier answer, with another number, or denied. */
export const checkEarlierAnswers: AnswerCheck = ({ answer, conversation, domain }) => {
  const stems = topicStems(answer.tokens, domain);
  for (const message of conversation.messages) {
    if (message.role !== "assistant") continue;
    const before = domain.analyse(message.content);
    const earlier = topicStems(before.tokens, domain);
    const near = overlap(stems, earlier);
    if (near < SAME_STATEMENT) continue;
    const [pair] = changedNumbers(answer, before, domain);
    if (pair !== undefined)
      return [
        error("contradicts_earlier", messages(domain).earlier(pair[0].text, pair[1].text), [
          numberEvidence("an earlier answer says otherwise", pair[0]),
        ]),
      ];
    if (isNegated(answer.tokens, domain) !== isNegated(before.tokens, domain) && stems.size >= 2)
      return [error("contradicts_earlier", messages(domain).earlier(answer.raw, message.content))];
  }
  return [];
};

function numberEvidence(rule: string, { text, start, end }: NumberInText): Evidence {
  return { rule, text, start, end, weight: 1 };
}
