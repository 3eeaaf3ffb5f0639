/** Checks of an answer against what is known: the domain's facts, earlier answers, what the customer named. */
import { type NumberInText, numbersIn } from "../amounts.ts";
import type { CompiledDomain } from "../compile.ts";
import type { FactMatch } from "../facts.ts";
import type { AnalysedText } from "../normalise.ts";
import type { AnswerInput, Evidence } from "../stage.ts";
import type { AnswerCheck, ConsistencyIssue } from "../stages/consistency.ts";
import { type EntitiesValue, type EntityKind, findEntities } from "../stages/entities.ts";
import { messages } from "./messages.ts";

/** From here on an answer states a fact in about the fact's own words: set on the bundled answers. */
const STATES_FACT = 0.5;
/** Earlier answers are free text and must be nearer to count as the same statement. */
const SAME_STATEMENT = 0.6;

/** The fact that an answer states, or undefined where it is in no fact's words. */
export function statedFact(answer: AnalysedText, domain: CompiledDomain): FactMatch | undefined {
  const [best] = domain.facts.nearest(answer.tokens, 1);
  return best !== undefined && best.similarity >= STATES_FACT ? best : undefined;
}

/** A number of the answer that the fact has with the same unit and another value. */
export const checkFacts: AnswerCheck = ({ answer, query, domain }) => {
  const stated = statedFact(answer, domain);
  if (stated === undefined) return [];
  const asked = numbersIn(query, domain);
  const wrong = changedNumbers(answer, stated.fact.analysed, domain).filter(
    ([given]) => !asked.some((number) => number.value === given.value),
  );
  return wrong.map(([given, expected]) => ({
    kind: "contradicts_fact",
    severity: "error",
    message: messages(domain).number(given.text, expected.text),
    evidence: [numberEvidence("fact says otherwise", given)],
  }));
};

/** The same statement as in an earlier answer, with another number. */
export const checkEarlierAnswers: AnswerCheck = ({ answer, conversation, domain }) => {
  const stems = domain.facts.stems(answer.tokens);
  for (const message of conversation.messages) {
    if (message.role !== "assistant") continue;
    const before = domain.analyse(message.content);
    if (overlap(stems, domain.facts.stems(before.tokens)) < SAME_STATEMENT) continue;
    const [pair] = changedNumbers(answer, before, domain);
    if (pair === undefined) continue;
    return [
      {
        kind: "contradicts_earlier",
        severity: "error",
        message: messages(domain).earlier(pair[0].text, pair[1].text),
        evidence: [numberEvidence("an earlier answer says otherwise", pair[0])],
      },
    ];
  }
  return [];
};

/** A product, place or order number of the question that the answer swaps for another one. */
export const checkNames: AnswerCheck = (input) => {
  const { domain, query, answer, conversation } = input;
  const now = conversation.now ?? new Date();
  const asked = input.earlier.entities ?? findEntities(query, domain, now);
  const given = findEntities(answer, domain, now);
  return [
    ...swapped(input, asked, given, "products", "changes_product"),
    ...swapped(input, asked, given, "locations", "changes_place"),
    ...swapped(input, asked, given, "order_numbers", "changes_number"),
  ];
};

function swapped(
  { domain, answer }: AnswerInput,
  asked: EntitiesValue,
  given: EntitiesValue,
  kind: EntityKind,
  issue: ConsistencyIssue["kind"],
): ConsistencyIssue[] {
  // Kinds of goods ("brouette") are vague; only names can be swapped.
  const named = (list: EntitiesValue) =>
    kind === "products" ? list.products.filter((entity) => entity.kind !== undefined) : list[kind];
  const [first] = named(asked);
  const other = named(given).find((entity) => !named(asked).some(({ normal }) => normal === entity.normal));
  if (first === undefined || other === undefined) return [];
  if (named(given).some((entity) => named(asked).some(({ normal }) => normal === entity.normal))) return [];
  // A fact may answer a question about one place by naming others: "we ship to Belgium", asked for Spain.
  const stated = statedFact(answer, domain);
  if (kind === "locations" && stated?.fact.analysed.raw.includes(other.text)) return [];
  const evidence = [{ ...other, rule: `asked about ${first.normal}`, weight: 1 }].map(
    ({ rule, text, start, end, weight }): Evidence => ({ rule, text, start, end, weight }),
  );
  return [
    { kind: issue, severity: "error", message: messages(domain).name(other.normal, first.normal), evidence },
  ];
}

/** Pairs of a number in `text` and the number of the same unit in `reference` that it should be. */
function changedNumbers(
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

function overlap(a: Set<string>, b: Set<string>): number {
  let shared = 0;
  for (const stem of a) if (b.has(stem)) shared++;
  return shared / Math.sqrt(a.size * b.size || 1);
}

function numberEvidence(rule: string, { text, start, end }: NumberInText): Evidence {
  return { rule, text, start, end, weight: 1 };
}
