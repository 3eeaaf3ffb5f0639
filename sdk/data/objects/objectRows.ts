/**
 * Objects to rows: Alpaca (`instruction`, `input`, `output`), conversations, or two names that mean question and
 * answer.
 */
import { type ColumnNames, findColumns, inputPlace, withInput } from "../columns/columns.ts";
import { conversationRows, type FoundRows } from "./conversation.ts";
import { isObject, text } from "./jsonText.ts";

const lists = ["messages", "conversations", "conversation", "dialog", "dialogue", "turns"];

/**
 * @returns the rows of one value: a conversation has one for each exchange; or the reason why it has none
 */
export function objectRows(value: unknown, wanted: Partial<ColumnNames> | undefined): FoundRows | string {
  if (Array.isArray(value)) {
    if (value.every((turn) => isObject(turn))) return conversationRows(value, {});
    return value.length === 2 ? pair(text(value[0]), text(value[1]), {}) : "it is no object";
  }
  if (!isObject(value)) return "it is no object";
  const list = lists.find((name) => Array.isArray(value[name]));
  if (list !== undefined && wanted === undefined)
    return conversationRows(value[list] as unknown[], othersOf(value, [list]));
  const keys = Object.keys(value);
  const places = findColumns(keys, wanted);
  if (!places) return `no names for both sides among ${keys.map((key) => `"${key}"`).join(", ")}`;
  const [question, answer] = [keys[places.instruction], keys[places.response]];
  const input = inputPlace(keys, places);
  const instruction =
    input === undefined ? text(value[question]) : withInput(text(value[question]), text(value[keys[input]]));
  const taken = input === undefined ? [question, answer] : [question, answer, keys[input]];
  return pair(instruction, text(value[answer]), othersOf(value, taken), question, answer);
}

function pair(
  instruction: string,
  response: string,
  fields: Record<string, string>,
  question = "instruction",
  answer = "response",
): FoundRows | string {
  const empty = [
    ...(instruction.trim() === "" ? [`"${question}"`] : []),
    ...(response.trim() === "" ? [`"${answer}"`] : []),
  ];
  if (empty.length > 0) return `${empty.join(" and ")} is empty`;
  return { rows: [{ instruction, response, fields }], left: [] };
}

function othersOf(value: Record<string, unknown>, taken: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !taken.includes(key))
      .map(([key, one]) => [key, text(one)]),
  );
}
