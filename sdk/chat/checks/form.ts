/** Checks of an answer's form: empty, wrong language, wrong tone, padding, loops. */
import { languages } from "../language/languages.ts";
import { fold } from "../reading/normalise.ts";
import { sentimentOf } from "../reading/sentiment.ts";
import { evidenceAt } from "../stage.ts";
import type { AnswerCheck } from "../stages/consistency.ts";
import { error, firstOf, has } from "./issue.ts";

export const checkEmpty: AnswerCheck = ({ answer, domain }) =>
  answer.tokens.some((token) => /[\p{L}\d]/u.test(token.word))
    ? []
    : [error("empty", domain.language.texts.checks.empty)];

/** Fewer grammar words than this say nothing about the language … */
const LEAST_WORDS = 3;
/** … unless a sentence of so many words has none of its own language's. */
const SENTENCE = 4;

/** Another language has more grammar words in it; a tie or a few words are left alone. */
export const checkLanguage: AnswerCheck = ({ answer, domain }) => {
  const all = fold(answer.raw).match(/[a-z]+/g) ?? [];
  const own = domain.language.stopWords;
  for (const { code, stopWords } of languages.values()) {
    if (code === domain.language.code) continue;
    // "a" is a word of both.
    const words = all.filter((word) => !own.has(word) || !stopWords.has(word));
    const count = (stops: ReadonlySet<string>) => words.filter((word) => stops.has(word)).length;
    const [mine, other] = [count(own), count(stopWords)];
    const least = mine === 0 && words.length >= SENTENCE ? LEAST_WORDS - 1 : LEAST_WORDS;
    if (other >= least && other > 1.5 * mine)
      return [error("wrong_language", domain.language.texts.checks.wrongLanguage)];
  }
  return [];
};

/** Slang, scorn, insults, "tu" to a customer who says "vous", or joy at a complaint. */
export const checkTone: AnswerCheck = ({ answer, query, domain }) => {
  const { replies, language } = domain;
  const say = domain.language.texts.checks;
  const rude = firstOf(answer, replies.rude, "rude");
  if (rude !== undefined) return [error("wrong_tone", say.wrongTone(rude.text), [rude])];
  const [offence] = domain.offences.check(answer.raw).found;
  if (offence !== undefined) {
    const { text, start, end, grade } = offence;
    return [error("wrong_tone", say.wrongTone(text), [{ rule: grade, text, start, end, weight: 1 }])];
  }
  const { familiar } = language.replies;
  const friendly = (text: typeof answer) =>
    text.tokens.findIndex(({ word, text: typed }) => familiar.has(word) && typed.length > 1);
  const at = friendly(answer);
  if (at >= 0 && friendly(query) < 0)
    return [
      error("wrong_tone", say.wrongTone(answer.tokens[at].text), [
        evidenceAt(answer, "familiar", at, at + 1, 1),
      ]),
    ];
  const joy = firstOf(answer, replies.cheers, "joy at a complaint");
  const complaint = sentimentOf(query, domain).label === "negative" || hasConcern(query.tokens, domain);
  if (joy !== undefined && joy.start < 25 && complaint && !has(answer.tokens, replies.apologies))
    return [error("wrong_tone", say.wrongTone(joy.text), [joy])];
  const letters = answer.raw.replace(/[^\p{L}]/gu, "");
  if (letters.length > 20 && letters === letters.toUpperCase())
    return [error("wrong_tone", say.wrongTone(answer.raw.slice(0, 20)))];
  return [];
};

function hasConcern(
  tokens: Parameters<typeof has>[0],
  { lexicon }: Parameters<AnswerCheck>[0]["domain"],
): boolean {
  return lexicon.find(tokens).some(({ entry }) => entry.list === "concerns");
}

/** A greeting that nobody gave, or praise of the question, before an answer to a request. */
export const checkPadding: AnswerCheck = ({ answer, earlier, conversation, domain }) => {
  const found = earlier.categorise;
  if (found === undefined || found.courtesyOnly) return [];
  const category = domain.domain.categories.find(({ id }) => id === found.category);
  if (category !== undefined && category.role !== "request") return [];
  const courtesy = domain.courtesy.at(answer.tokens, 0);
  const greeting = courtesy?.entry === "greeting" ? courtesy : undefined;
  const lead = domain.expressions.filler.at(answer.tokens, 0) ?? greeting;
  if (lead === undefined) return [];
  // A greeting answers a greeting, at the start of a conversation.
  const first = conversation.messages.every((message) => message.role === "system");
  if (greeting !== undefined && found.courtesies.includes("greeting") && first) return [];
  const evidence = [evidenceAt(answer, "padding", 0, lead.to, 0.5)];
  return [error("pads_greeting", domain.language.texts.checks.padding, evidence)];
};

/** Three equal words in a row, or four words that come back three times: a small model in a loop. */
export const checkRepetition: AnswerCheck = ({ answer, domain }) => {
  const { tokens } = answer;
  const seen = new Map<string, number>();
  const issue = (from: number, to: number) => [
    error("repeats", domain.language.texts.checks.repeats, [evidenceAt(answer, "repetition", from, to, 1)]),
  ];
  for (let i = 0; i < tokens.length; i++) {
    const [a, b, c] = [tokens[i], tokens[i + 1], tokens[i + 2]].map((token) => token?.word);
    if (a === b && b === c && /[a-z]/.test(a)) return issue(i, i + 3);
    if (i + 4 > tokens.length) continue;
    const key = tokens
      .slice(i, i + 4)
      .map((token) => token.word)
      .join(" ");
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    if (count >= 3) return issue(i, i + 4);
  }
  return [];
};
