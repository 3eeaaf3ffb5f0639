/** Is an answer about what the question is about? */

import { lettersOnly } from "../domain/facts.ts";
import { findAmounts, numbersIn } from "../reading/amounts.ts";
import type { AnswerInput } from "../stage.ts";
import type { AnswerCheck } from "../stages/consistency.ts";
import { findEntities } from "../stages/entities.ts";
import { error, has, topicStems } from "./issue.ts";
import { statedFact } from "./truth.ts";

/** From here on the best fact for a question is trusted, provided that the next one is well behind. */
const SURE_FACT = 0.35;
const SURE_LEAD = 0.1;
/** An answer is about another category where that has at least this probability … */
const OTHER_TOPIC = 0.45;
/** … for a follow-up this … */
const SURE_OTHER_TOPIC = 0.55;
/** … or where two other categories have this together … */
const OTHER_TWO = 0.65;
/** … and the question's category, with its neighbours, at most this. */
const OWN_TOPIC = 0.2;
/** Shared words count by how rare they are among the facts: "commande" alone ties no answer to a question. */
const NEAR = 2;
/** An answer is surely about a request. */
const SURE_TOPIC = 0.75;
/** Below this probability of the question's category nothing ties an answer to it but its words. */
const UNTIED = 0.35;

/** At least so much of what an answer names is unknown to the domain: it is about something else. */
const FOREIGN = 0.65;

/** The answer states another fact than the one asked for, or is about another category. */
export const checkTopic: AnswerCheck = (input) => {
  const { answer, query, domain, earlier } = input;
  const found = earlier.categorise;
  if (found === undefined) return [];
  const { categories } = domain.domain;
  const category = categories.find(({ id }) => id === found.category);
  const p = domain.answerTopics.probabilities(answer.tokens);
  const best = p.indexOf(Math.max(...p));
  const say = domain.language.texts.checks;
  const about = (index: number) => categories[index].description.split(/[,:]/)[0].trim();
  if (category !== undefined && (found.courtesyOnly || category.role !== "request")) {
    // "vous êtes nuls" asks for no price either, however unsure its category.
    const asksNothing = found.courtesyOnly || earlier.approach?.offensive === true;
    if (!asksNothing && found.confidence < 0.7) return [];
    if (asksNothing && stuffs(input, categories[best].role === "request" ? p[best] : 0))
      return [error("off_topic", say.offTopic(category.description, about(best)))];
    if (has(answer.tokens, domain.replies.welcome) || categories[best].role !== "request") return [];
    if (!found.courtesyOnly && near(input, answer.raw)) return [];
    return p[best] >= OTHER_TOPIC || statedFact(answer, domain) !== undefined
      ? [error("off_topic", say.offTopic(category.description, about(best)))]
      : [];
  }
  if (isForeign(input)) return [error("off_topic", say.foreign(about(categories.indexOf(category!))))];
  const stated = statedFact(answer, domain);
  const [wanted, next] = domain.facts.nearest(query.tokens, 2);
  const sure = wanted !== undefined && wanted.similarity >= SURE_FACT;
  if (sure && stated !== undefined && stated.fact !== wanted.fact) {
    const lead = wanted.similarity - (next?.similarity ?? 0);
    if (lead >= SURE_LEAD && !near(input, `${stated.fact.text} ${answer.raw}`))
      return [error("off_topic", say.otherFact(wanted.fact.text))];
  }
  // Sympathy and questions back fit anywhere.
  if (has(answer.tokens, domain.replies.apologies) || /\?\s*$/.test(answer.raw)) return [];
  const fitting = new Set([found.category, ...(category?.near ?? [])]);
  if (found.confidence < 0.6) fitting.add(found.runnerUp);
  if (stated !== undefined && fitting.has(stated.fact.category)) return [];
  let own = 0;
  categories.forEach(({ id }, k) => {
    if (fitting.has(id)) own += p[k];
  });
  if (near(input, answer.raw)) return [];
  if (isUntied(input, own)) return [error("does_not_answer", say.saysNothing)];
  const [first, second] = [...p].filter((_, k) => !fitting.has(categories[k].id)).sort((a, b) => b - a);
  // What a follow-up is about was read off the turn before, which is less sure.
  const follows = earlier.context?.relation === "refers_to_previous";
  const { yes, no } = domain.replies;
  const begins = has(answer.tokens.slice(0, 1), yes) || has(answer.tokens.slice(0, 1), no);
  if (follows && (begins || first < SURE_OTHER_TOPIC)) return [];
  const elsewhere = first >= OTHER_TOPIC || first + second >= OTHER_TWO;
  if (!elsewhere || own > OWN_TOPIC || found.confidence < 0.25) return [];
  return [error("off_topic", say.offTopic(about(categories.indexOf(category!)), about(best)))];
};

/** A greeting or thanks is answered with prices, measures or a fact that nobody asked for. */
function stuffs({ answer, domain }: AnswerInput, topic: number): boolean {
  const measures = numbersIn(answer, domain).filter(({ unit }) => unit !== "");
  if (
    findAmounts(answer, domain).length > 0 ||
    measures.length > 1 ||
    statedFact(answer, domain) !== undefined
  )
    return true;
  // "Merci de vous connecter pour suivre votre colis" to a mere "merci".
  const offers = has(answer.tokens, domain.replies.emptyTalk) || /\?\s*$/.test(answer.raw);
  return topic >= SURE_TOPIC && !offers && topicStems(answer.tokens, domain).size >= 4;
}

/**
 * Nothing ties the answer to the question: no shared word of topic, no yes or no, no step, no number, and it is not about
 * the question's category.
 */
function isUntied(input: AnswerInput, own: number): boolean {
  const { answer, domain } = input;
  const { yes, no, steps, emptyTalk, welcome, free } = domain.replies;
  if (own > UNTIED || near(input, answer.raw)) return false;
  if (statedFact(answer, domain) !== undefined) return false;
  if (namesStrangeGoods(input)) return true;
  if (
    [yes, no, steps, emptyTalk, welcome, free, domain.expressions.refusal].some((index) =>
      has(answer.tokens, index),
    )
  )
    return false;
  return numbersIn(answer, domain).length === 0 && topicStems(answer.tokens, domain).size >= 2;
}

/** Goods that neither the question nor a fact names: "votre routeur" to a code that is refused. */
function namesStrangeGoods({ answer, domain, conversation, earlier }: AnswerInput): boolean {
  if ((earlier.entities?.products.length ?? 1) > 0) return false;
  const { genericGoods } = domain.language.replies;
  const given = findEntities(answer, domain, conversation.now ?? new Date()).products;
  return given.some(
    ({ normal, text }) => !genericGoods.has(normal) && !domain.facts.bare.includes(lettersOnly(text)),
  );
}

/** Nearly all words of topic are strange to the domain, to the question and to what was said. */
function isForeign(input: AnswerInput): boolean {
  const { answer, query, domain, conversation } = input;
  const said = [query.raw, ...conversation.messages.map(({ content }) => content)].join(" . ");
  const known = topicStems(domain.analyse(said).tokens, domain);
  const stems = [...topicStems(answer.tokens, domain)];
  const foreign = stems.filter((stem) => !domain.vocabulary.has(stem) && !known.has(stem));
  if (foreign.length < 2 && stems.length > 2) return false;
  return foreign.length > 0 && foreign.length >= FOREIGN * stems.length && !near(input, answer.raw);
}

/** Whether a text shares a word of topic with the question, or with the turn that it continues. */
function near({ query, domain, conversation, earlier }: AnswerInput, text: string): boolean {
  const stems = topicStems(domain.analyse(text).tokens, domain);
  const asked = topicStems(query.tokens, domain);
  if (earlier.context?.relation === "refers_to_previous")
    for (const { content } of conversation.messages.slice(-2))
      for (const stem of topicStems(domain.analyse(content).tokens, domain)) asked.add(stem);
  let [shared, all] = [0, 0];
  for (const stem of asked) {
    const rarity = domain.facts.rarity(stem);
    all += rarity;
    if (stems.has(stem)) shared += rarity;
  }
  return shared >= NEAR || shared > all / 2;
}
