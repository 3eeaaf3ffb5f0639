/** Checks of an answer against the question: is it on the topic, and does it give what was asked for? */
import { numbersIn } from "../amounts.ts";
import { findTimes } from "../dates.ts";
import type { AnswerInput } from "../stage.ts";
import type { AnswerCheck, ConsistencyIssue } from "../stages/consistency.ts";
import { themeVector } from "../stages/context.ts";
import { askedFor, messages } from "./messages.ts";
import { statedFact } from "./truth.ts";

/** From here on the best fact for a question is trusted, provided that the next one is well behind. */
const SURE_FACT = 0.45;
const SURE_LEAD = 0.2;

/** The answer states another fact than the one that the question clearly asks for, or shares no topic. */
export const checkTopic: AnswerCheck = (input) => {
  const { answer, query, domain, earlier } = input;
  const category = earlier.categorise;
  if (category === undefined || category.courtesyOnly) return [];
  const stated = statedFact(answer, domain);
  const [wanted, next] = domain.facts.nearest(query.tokens, 2);
  const sure = wanted !== undefined && wanted.similarity >= SURE_FACT;
  if (sure && stated !== undefined && stated.fact !== wanted.fact) {
    const lead = wanted.similarity - (next?.similarity ?? 0);
    if (lead >= SURE_LEAD && !near(input, stated.fact.text))
      return [issue("off_topic", "error", messages(domain).otherFact(wanted.fact.text))];
  }
  // A follow-up takes its topic from earlier turns, and an unsure category proves nothing.
  if (earlier.context?.relation === "refers_to_previous" || category.confidence < 0.6) return [];
  // Neighbouring categories share their facts: the state of an order is told by its parcel.
  if (stated !== undefined && [category.category, category.runnerUp].includes(stated.fact.category))
    return [];
  const asked = themeVector(query, domain);
  const given = themeVector(answer, domain);
  if (asked.size === 0 || given.size === 0) return [];
  if ([...asked.keys()].some((theme) => given.has(theme)) || near(input, answer.raw)) return [];
  const name = (themes: Map<string, number>) => [...themes].sort(([, a], [, b]) => b - a)[0][0];
  const severity = stated !== undefined ? "error" : "warning";
  return [issue("off_topic", severity, messages(domain).offTopic(name(asked), name(given)))];
};

/** Whether a text shares a word of topic with the question. */
function near({ query, domain }: AnswerInput, text: string): boolean {
  const stems = domain.facts.stems(domain.analyse(text).tokens);
  for (const stem of domain.facts.stems(query.tokens)) if (stems.has(stem)) return true;
  return false;
}

/** "combien" wants a number, "quand" a time; an answer that says it does not know is an answer. */
export const checkAnswersQuestion: AnswerCheck = ({ answer, query, domain, earlier, conversation }) => {
  const kind = earlier.approach?.asksFor;
  if (kind !== "quantity" && kind !== "time") return [];
  if (domain.expressions.refusal.find(answer.tokens).length > 0) return [];
  const numbers = numbersIn(answer, domain);
  const times = findTimes(answer, domain, conversation.now ?? new Date());
  if (numbers.length > 0 || times.length > 0) return [];
  // "gratuit", "offert" answer "combien" without a number; so does the very fact that was asked for.
  const stated = statedFact(answer, domain);
  if (stated !== undefined && stated.fact === domain.facts.nearest(query.tokens, 1)[0]?.fact) return [];
  return [
    issue("does_not_answer", "warning", messages(domain).noAnswer(askedFor[domain.language.code][kind])),
  ];
};

function issue(
  kind: ConsistencyIssue["kind"],
  severity: ConsistencyIssue["severity"],
  message: string,
): ConsistencyIssue {
  return { kind, severity, message, evidence: [] };
}
