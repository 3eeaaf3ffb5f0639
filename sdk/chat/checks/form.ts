/** Checks of an answer's form: empty, wrong language, padding, loops. */
import { languages } from "../language/languages.ts";
import { fold } from "../normalise.ts";
import { evidenceAt } from "../stage.ts";
import type { AnswerCheck } from "../stages/consistency.ts";
import { messages } from "./messages.ts";

export const checkEmpty: AnswerCheck = ({ answer, domain }) =>
  answer.tokens.some((token) => /[\p{L}\d]/u.test(token.word))
    ? []
    : [{ kind: "empty", severity: "error", message: messages(domain).empty, evidence: [] }];

/** Fewer grammar words than this say nothing about the language. */
const LEAST_WORDS = 4;

/** The language whose grammar words are more frequent; a tie or a short answer is left alone. */
export const checkLanguage: AnswerCheck = ({ answer, domain }) => {
  const words = fold(answer.raw).match(/[a-z]+/g) ?? [];
  const counts = Object.values(languages).map((language) => ({
    code: language.code,
    count: words.filter((word) => language.stopWords.has(word)).length,
  }));
  const own = counts.find(({ code }) => code === domain.language.code)?.count ?? 0;
  const other = Math.max(...counts.filter(({ code }) => code !== domain.language.code).map((c) => c.count));
  if (other < LEAST_WORDS || other <= 1.5 * own) return [];
  return [
    { kind: "wrong_language", severity: "error", message: messages(domain).wrongLanguage, evidence: [] },
  ];
};

/** A greeting that nobody gave, or praise of the question, before an answer to a request. */
export const checkPadding: AnswerCheck = ({ answer, earlier, conversation, domain }) => {
  const found = earlier.categorise;
  if (found === undefined || found.courtesyOnly) return [];
  const lead = domain.expressions.filler.at(answer.tokens, 0) ?? domain.courtesy.at(answer.tokens, 0);
  if (lead === undefined) return [];
  // A greeting answers a greeting, at the start of a conversation.
  const first = conversation.messages.every((message) => message.role === "system");
  if (
    found.courtesies.includes("greeting") &&
    first &&
    domain.courtesy.at(answer.tokens, 0)?.entry === "greeting"
  )
    return [];
  const category = domain.domain.categories.find(({ id }) => id === found.category);
  if (category !== undefined && category.role !== "request") return [];
  const evidence = [evidenceAt(answer, "padding", 0, lead.to, 0.5)];
  return [{ kind: "pads_greeting", severity: "warning", message: messages(domain).padding, evidence }];
};

/** Three equal words in a row, or four words that come back three times: a small model in a loop. */
export const checkRepetition: AnswerCheck = ({ answer, domain }) => {
  const { tokens } = answer;
  const seen = new Map<string, number>();
  for (let i = 0; i + 4 <= tokens.length; i++) {
    const words = tokens.slice(i, i + 4).map((token) => token.word);
    const key = words.join(" ");
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    const stuck = words[0] === words[1] && words[1] === words[2] && /[a-z]/.test(words[0]);
    if (count < 3 && !stuck) continue;
    const evidence = [evidenceAt(answer, "repetition", i, i + 4, 1)];
    return [{ kind: "repeats", severity: "error", message: messages(domain).repeats, evidence }];
  }
  return [];
};
