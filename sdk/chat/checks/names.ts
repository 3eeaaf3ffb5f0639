/** Does an answer swap what the question named for something else, or invent what nobody named? */

import type { CompiledDomain } from "../domain/compile.ts";
import { lettersOnly } from "../domain/facts.ts";
import { findAmounts, numbersIn } from "../reading/amounts.ts";
import { type AnalysedText, fold, type Token } from "../reading/normalise.ts";
import type { AnswerInput } from "../stage.ts";
import type { AnswerCheck, ConsistencyIssue } from "../stages/consistency.ts";
import { type EntitiesValue, type Entity, type EntityKind, findEntities } from "../stages/entities.ts";
import { error, has, isNegated, topicStems } from "./issue.ts";
import { statedFact } from "./truth.ts";

/** A product, place, number or sum of the question that the answer swaps for another one. */
export const checkNames: AnswerCheck = (input) => {
  const { domain, query, answer, conversation } = input;
  const now = conversation.now ?? new Date();
  const asked = input.earlier.entities ?? findEntities(query, domain, now);
  const given = findEntities(answer, domain, now);
  const before = earlierEntities(input, now);
  return [
    ...swappedProducts(input, asked.products.length > 0 ? asked : before, given),
    ...swapped(input, asked, given, "locations", "changes_place"),
    ...swapped(
      input,
      asked.order_numbers.length > 0 ? asked : before,
      given,
      "order_numbers",
      "changes_number",
    ),
    ...swappedAmounts(input, asked, given),
    ...swappedCounts(input),
    ...swappedAlternatives(input),
  ].slice(0, 1);
};

/** What the last exchange named: a follow-up is about it. */
function earlierEntities({ conversation, domain, earlier }: AnswerInput, now: Date): EntitiesValue {
  const last = conversation.messages.slice(-2).map(({ content }) => content);
  const none = findEntities(domain.analyse(""), domain, now);
  if (earlier.context !== undefined && earlier.context.relation === "new_topic") return none;
  return last.length === 0 ? none : findEntities(domain.analyse(last.join(" . ")), domain, now);
}

function swapped(
  { domain, answer }: AnswerInput,
  asked: EntitiesValue,
  given: EntitiesValue,
  kind: EntityKind,
  issue: ConsistencyIssue["kind"],
): ConsistencyIssue[] {
  const [first] = asked[kind];
  const known = (entity: Entity) => asked[kind].some(({ normal }) => normal === entity.normal);
  const other = given[kind].find((entity) => !known(entity));
  if (first === undefined || other === undefined || given[kind].some(known)) return [];
  // A fact may answer a question about one place by naming others: "we ship to Belgium", asked for Spain.
  const stated = statedFact(answer, domain);
  if (kind === "locations" && stated?.fact.analysed.raw.includes(other.text)) return [];
  // "Non, notre magasin est à Aubusson" says what is instead.
  const refuses = isNegated(answer.tokens, domain) || has(answer.tokens.slice(0, 1), domain.replies.no);
  if (kind === "locations" && (given.locations.length > 1 || refuses)) return [];
  return [wrongName(issue, other, first, domain)];
}

/** Another product by name, or goods of another kind only. */
function swappedProducts(
  { domain, answer, query }: AnswerInput,
  asked: EntitiesValue,
  given: EntitiesValue,
): ConsistencyIssue[] {
  const [first] = asked.products;
  if (first === undefined || given.products.length === 0) return [];
  const related = ({ normal, kind }: Entity) =>
    asked.products.some((own) => {
      const [a, b] = [
        [normal, kind],
        [own.normal, own.kind],
      ].map((names) => names.filter((name) => name !== undefined));
      return a.some((x) => b.some((y) => alike(fold(x as string), fold(y as string))));
    });
  const named = asked.products.filter(({ kind }) => kind !== undefined);
  const sameKind = given.products.some(related);
  const otherName = given.products.find(
    ({ kind, normal }) =>
      kind !== undefined && named.length > 0 && !named.some((own) => own.normal === normal),
  );
  if (
    otherName !== undefined &&
    named.length > 0 &&
    !given.products.some(({ normal }) => named.some((own) => own.normal === normal))
  )
    return [wrongName("changes_product", otherName, named[0], domain)];
  const { replies } = domain.language;
  const { genericGoods } = replies;
  // What stands for goods of any kind is no swap, nor is a word of a known fact.
  if ([...given.products, ...asked.products].some(({ normal }) => genericGoods.has(normal))) return [];
  if (statesWhatIsAsked(answer, query, domain) && named.length === 0) return [];
  // "avez-vous vérifié la prise ?" asks back about a part.
  const asksBack = /\?\s*$/.test(answer.raw);
  const lastClause = answer.tokens.at(-1)?.clause;
  const inQuestion = ({ start }: Entity) =>
    asksBack && answer.tokens.find((token) => token.start >= start)?.clause === lastClause;
  const stated = given.products.filter((product) => !inQuestion(product));
  if (stated.length === 0) return [];
  if (sameKind || isNegated(answer.tokens, domain) || replies.presents.test(first.normal)) return [];
  return [wrongName("changes_product", stated[0], first, domain)];
}

/** The answer states a fact that shares a word of topic with the question. */
function statesWhatIsAsked(answer: AnalysedText, query: AnalysedText, domain: CompiledDomain): boolean {
  const stated = statedFact(answer, domain);
  if (stated === undefined) return false;
  for (const stem of topicStems(query.tokens, domain)) if (stated.fact.stems.has(stem)) return true;
  return false;
}

/** "sac" and "sac à dos", "robe" and "robe de soirée". */
function alike(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b} `) || b.startsWith(`${a} `);
}

/** A sum that the customer named comes back as another one, and no fact has that. */
function swappedAmounts(
  { domain, query, answer }: AnswerInput,
  asked: EntitiesValue,
  given: EntitiesValue,
): ConsistencyIssue[] {
  const [first] = asked.amounts;
  const [other] = given.amounts;
  if (first === undefined || other === undefined) return [];
  if (given.amounts.some(({ normal }) => asked.amounts.some((own) => own.normal === normal))) return [];
  const inFacts = domain.facts.facts.some(({ analysed }) =>
    findAmounts(analysed, domain).some(({ normal }) => normal === other.normal),
  );
  if (inFacts) return [];
  const { paid } = domain.language.replies;
  if (!paid.asked.test(fold(query.raw)) || !paid.answered.test(fold(answer.raw))) return [];
  return [wrongName("changes_number", other, first, domain)];
}

/** "deux articles" comes back as "trois articles", and no fact has that number. */
function swappedCounts({ domain, query, answer }: AnswerInput): ConsistencyIssue[] {
  const { measures, replies } = domain.language;
  const asked = numbersIn(query, domain).filter(({ unit }) => unit.length > 2 && !measures.has(unit));
  const all = asked.length === 0 ? [] : numbersIn(answer, domain);
  for (const { value, unit, text } of asked) {
    const given = all.filter((number) => number.unit === unit);
    const [other] = given;
    if (other === undefined || given.some((number) => number.value === value)) continue;
    if (replies.inStock.test(answer.raw)) continue;
    const known = domain.facts.facts.some(({ analysed }) =>
      numbersIn(analysed, domain).some((number) => number.unit === unit && number.value === other.value),
    );
    if (known || isNegated(answer.tokens, domain)) continue;
    const evidence = [
      { rule: `asked about ${text}`, text: other.text, start: other.start, end: other.end, weight: 1 },
    ];
    return [error("changes_number", domain.language.texts.checks.name(other.text, text), evidence)];
  }
  return [];
}

/** "Oui, par carte" to a question about a transfer: a yes to something else. */
function swappedAlternatives({ domain, query, answer }: AnswerInput): ConsistencyIssue[] {
  if (!has(answer.tokens.slice(0, 2), domain.replies.yes)) return [];
  for (const group of domain.language.replies.alternatives) {
    const members = (tokens: readonly Token[]) =>
      tokens.filter(({ word, noun }) => group.includes(word) || group.includes(noun));
    const [asked, given] = [members(query.tokens), members(answer.tokens)];
    if (asked.length === 0 || given.length === 0) continue;
    if (given.some(({ noun }) => asked.some((own) => own.noun === noun))) continue;
    const { text, start, end, word } = given[0];
    const evidence = [{ rule: `asked about ${asked[0].word}`, text, start, end, weight: 1 }];
    return [error("changes_product", domain.language.texts.checks.name(word, asked[0].word), evidence)];
  }
  return [];
}

function wrongName(
  kind: ConsistencyIssue["kind"],
  { text, start, end, normal }: Entity,
  first: Entity,
  domain: CompiledDomain,
): ConsistencyIssue {
  const evidence = [{ rule: `asked about ${first.normal}`, text, start, end, weight: 1 }];
  return error(kind, domain.language.texts.checks.name(normal, first.normal), evidence);
}

/** An order number, a person, a telephone or a mail address that neither the talk nor a fact knows. */
export const checkInventions: AnswerCheck = ({ answer, query, conversation, domain }) => {
  const known = [query.raw, ...conversation.messages.map(({ content }) => content)].join(" ");
  const facts = domain.facts.text;
  const knownBare = lettersOnly(known);
  const factsBare = domain.facts.bare;
  const invented: { text: string; start: number }[] = [];
  const add = (text: string, start: number, byFact: boolean) => {
    if (!knownBare.includes(lettersOnly(text)) && !(byFact && factsBare.includes(lettersOnly(text))))
      invented.push({ text, start });
  };
  // Another street than the one that a fact tells.
  const { street, streetEnd, title, calls } = domain.language.replies;
  if (facts.search(street) >= 0)
    for (const match of answer.raw.matchAll(street))
      if (!factsBare.includes(lettersOnly(match[0].split(streetEnd)[0]))) add(match[0], match.index, true);
  const now = conversation.now ?? new Date();
  for (const { text, start } of findEntities(answer, domain, now).order_numbers) add(text, start, true);
  for (const match of answer.raw.matchAll(title)) add(match[1], match.index, true);
  // Nine digits or more that the sentence tells one to call.
  for (const match of answer.raw.matchAll(/\+?\(?\d(?:[ .()-]{0,2}\d){8,}/g)) {
    const sentence = answer.raw.slice(0, match.index).split(/[.!?]/).at(-1) ?? "";
    if (calls.test(fold(sentence))) add(match[0], match.index, true);
  }
  for (const contact of [domain.language.phone, /[\w.-]+@[\w.-]+\.\w+/g])
    for (const match of answer.raw.matchAll(contact)) add(match[0], match.index, true);
  return invented
    .slice(0, 1)
    .map(({ text, start }) =>
      error("invents", domain.language.texts.checks.invents(text), [
        { rule: "nobody said this", text, start, end: start + text.length, weight: 1 },
      ]),
    );
};
