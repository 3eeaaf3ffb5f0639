/** Checks of an answer against the domain's facts. */

import type { CompiledDomain } from "../domain/compile.ts";
import type { Fact, FactMatch } from "../domain/facts.ts";
import { type NumberInText, numbersIn } from "../reading/amounts.ts";
import type { AnalysedText } from "../reading/normalise.ts";
import type { AnswerInput } from "../stage.ts";
import type { AnswerCheck, ConsistencyIssue } from "../stages/consistency.ts";
import { findEntities } from "../stages/entities.ts";
import { error, has, isNegated } from "./issue.ts";

/** From here on an answer states a fact in about the fact's own words: set on the bundled answers. */
const STATES_FACT = 0.5;
/** A question this near to a fact, and an answer that shares some of its words, are about that fact. */
const ASKS_FACT = 0.25;
const TOUCHES_FACT = 0.15;

/** The fact that an answer states, or undefined where it is in no fact's words. */
export function statedFact(answer: AnalysedText, domain: CompiledDomain): FactMatch | undefined {
  const [best] = domain.facts.nearest(answer.tokens, 1);
  return best !== undefined && best.similarity >= STATES_FACT ? best : undefined;
}

/** The fact that question and answer are about: stated outright, or asked for and touched by the answer. */
function factAtStake({ answer, query, domain }: AnswerInput): Fact | undefined {
  const stated = statedFact(answer, domain);
  if (stated !== undefined) return stated.fact;
  const asked = domain.facts.nearest(query.tokens, 2);
  const both = domain.facts.nearest([...query.tokens, ...answer.tokens], 1)[0];
  const own = domain.facts.nearest(answer.tokens, 3);
  const [first, second] = asked;
  if (first === undefined || both?.fact !== first.fact || first.similarity < ASKS_FACT) return undefined;
  if (second !== undefined && first.similarity - second.similarity < 0.05) return undefined;
  return own.some(({ fact, similarity }) => fact === first.fact && similarity >= TOUCHES_FACT)
    ? first.fact
    : undefined;
}

/** A number, colour or place of the answer that the fact excludes. */
export const checkFacts: AnswerCheck = (input) => {
  const { answer, query, domain } = input;
  const fact = factAtStake(input);
  const denied = deniedFact(input);
  if (denied !== undefined) return [denied];
  if (fact === undefined) return listedPlaces(input);
  const asked = numbersIn(query, domain);
  const wrong = changedNumbers(answer, fact.analysed, domain).filter(
    ([given]) => !asked.some((number) => number.value === given.value),
  );
  const numbers = wrong.map(([given, expected]) =>
    error("contradicts_fact", domain.language.texts.checks.number(given.text, expected.text), [
      { rule: "fact says otherwise", text: given.text, start: given.start, end: given.end, weight: 1 },
    ]),
  );
  return [...numbers, ...otherColours(input, fact), ...otherPlaces(input, fact)];
};

/** How many facts a word may stand in and still tell which of them a question is about. */
const FEW_FACTS = 3;

/** "Oui" where a fact says no to the very thing ("plus les chèques"), or "non" where it says yes. */
function deniedFact({ answer, query, domain }: AnswerInput): ConsistencyIssue | undefined {
  const { facts, language } = domain;
  const denies = isNegated(answer.tokens, domain) || has(answer.tokens, domain.replies.forbids);
  const says = (index: (typeof domain.replies)["yes"]) => has(answer.tokens.slice(0, 2), index);
  const answered =
    says(domain.replies.yes) && !denies ? "yes" : answer.tokens[0]?.word === language.no ? "no" : undefined;
  if (answered === undefined || isNegated(query.tokens, domain)) return undefined;
  const asked = facts.stems(query.tokens);
  const near = new Set(
    [...asked]
      .map((stem) => facts.withStem(stem))
      .filter(({ length }) => length <= FEW_FACTS)
      .flat(),
  );
  for (const fact of near) {
    const own = fact.analysed.tokens.filter((token) =>
      [...facts.stems([token])].some((stem) => asked.has(stem)),
    );
    const clauses = new Set(own.map(({ clause }) => clause));
    const saysNo = [...clauses].some((n) =>
      isDenied(
        fact.analysed.tokens.filter(({ clause }) => clause === n),
        domain,
      ),
    );
    const wrong = domain.language.texts.checks.notInFact(answer.tokens[0].text.toLowerCase(), fact.text);
    if (answered === "yes" && saysNo) return error("contradicts_fact", wrong);
    if (answered === "no" && denies && !saysNo && affirms(fact, { answer, query, domain }))
      return error("contradicts_fact", wrong);
  }
  return undefined;
}

function isDenied(clause: AnalysedText["tokens"], domain: CompiledDomain): boolean {
  // "nulle part ailleurs" closes a list and denies nothing in it.
  if (has(clause, domain.replies.only)) return false;
  const { conditionWords, denialBegins } = domain.language.replies;
  // "tant que le statut n'est pas …" is a condition.
  if (clause.some(({ word }) => conditionWords.has(word))) return false;
  return isNegated(clause, domain) || denialBegins.test(words(clause));
}

function words(tokens: AnalysedText["tokens"]): string {
  return tokens.map(({ word }) => word).join(" ");
}

/** The fact is the one that the question is about, and has no limit that a "no" could mean. */
function affirms(
  fact: Fact,
  { answer, query, domain: { facts, language } }: Pick<AnswerInput, "answer" | "query" | "domain">,
): boolean {
  const given = facts.stems(answer.tokens);
  if (facts.nearest(query.tokens, 1)[0]?.fact !== fact) return false;
  if (query.tokens.some(({ word }) => /\d/.test(word) || language.numbers.has(word))) return false;
  if (language.replies.limits.test(fact.text)) return false;
  // The rarest word is in this fact alone, and at most one other ("prenez" for "acceptons") in none of its words.
  const asked = [...facts.stems(query.tokens)];
  const own = asked.filter((stem) => fact.stems.has(stem));
  return (
    own.some((stem) => facts.withStem(stem).length === 1 && given.has(stem)) && asked.length - own.length <= 1
  );
}

/** The fact lists colours, the answer only others. */
function otherColours({ answer, domain }: AnswerInput, fact: Fact): ConsistencyIssue[] {
  const { colours } = domain.language.replies;
  const of = (text: AnalysedText) => text.tokens.filter(({ word }) => colours.has(word));
  const [right, given] = [of(fact.analysed), of(answer)];
  if (right.length === 0 || given.length === 0 || isNegated(answer.tokens, domain)) return [];
  if (given.some(({ stem }) => right.some((token) => token.stem === stem))) return [];
  return [error("contradicts_fact", domain.language.texts.checks.notInFact(given[0].text, fact.text))];
}

/** The fact names all places there are, and the answer says yes to another one. */
function otherPlaces({ answer, query, domain, conversation }: AnswerInput, fact: Fact): ConsistencyIssue[] {
  if (!has(fact.analysed.tokens, domain.replies.only) || isNegated(answer.tokens, domain)) return [];
  const now = conversation.now ?? new Date();
  const places = (text: AnalysedText) => findEntities(text, domain, now).locations;
  const right = places(fact.analysed);
  if (right.length === 0) return [];
  const saysYes = has(answer.tokens.slice(0, 3), domain.replies.yes);
  const given = [...places(answer), ...(saysYes ? places(query) : [])];
  // A list of countries says nothing about a town.
  const countries = domain.language.countries;
  const other = given.find(
    ({ normal }) => countries.has(normal) && !right.some((place) => place.normal === normal),
  );
  const listed = given.some(({ normal }) => right.some((place) => place.normal === normal));
  if (other === undefined || listed) return [];
  return [error("contradicts_fact", domain.language.texts.checks.notInFact(other.text, fact.text))];
}

/** A question about a place, in a category with a fact that names all places there are. */
function listedPlaces(input: AnswerInput): ConsistencyIssue[] {
  const { domain, earlier } = input;
  if ((earlier.entities?.locations.length ?? 0) === 0) return [];
  const complete = domain.facts.facts.find(
    (fact) =>
      fact.category === earlier.categorise?.category && has(fact.analysed.tokens, domain.replies.only),
  );
  return complete === undefined ? [] : otherPlaces(input, complete);
}

/** Pairs of a number in `text` and the number of the same unit in `reference` that it should be. */
export function changedNumbers(
  text: AnalysedText,
  reference: AnalysedText,
  domain: CompiledDomain,
): [NumberInText, NumberInText][] {
  const right = numbersIn(reference, domain);
  return numbersIn(text, domain).flatMap((given): [NumberInText, NumberInText][] => {
    if (right.some((number) => number.value === given.value)) return [];
    const same = right.find((number) => number.unit === given.unit);
    return same === undefined ? [] : [[given, same]];
  });
}
