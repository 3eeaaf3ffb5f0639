/**
 * Objects to rows: Alpaca (`instruction`, `input`, `output`), ShareGPT (`conversations` of `from` and `value`), OpenAI
 * (`messages` of `role` and `content`), or two names that mean question and answer.
 */
import { type ColumnNames, findColumns } from "./columns.ts";

export interface ObjectRow {
  instruction: string;
  response: string;
  fields: Record<string, string>;
}

const users = new Set(["user", "human", "prompter", "utilisateur", "customer", "client"]);
const assistants = new Set(["assistant", "gpt", "bot", "chatgpt", "model", "agent", "ai"]);
const systems = new Set(["system", "developer", "systeme"]);
const lists = ["messages", "conversations", "conversation", "dialog", "dialogue", "turns"];

/**
 * @returns the rows of one value: a conversation has one for each exchange; or the reason why it has none
 */
export function objectRows(value: unknown, wanted: Partial<ColumnNames> | undefined): ObjectRow[] | string {
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
  const isAlpaca = question === "instruction" && keys.includes("input") && answer !== "input";
  const input = isAlpaca ? text(value.input) : "";
  const taken = isAlpaca ? [question, answer, "input"] : [question, answer];
  const instruction = input.trim() === "" ? text(value[question]) : `${text(value[question])}\n\n${input}`;
  return pair(instruction, text(value[answer]), othersOf(value, taken), question, answer);
}

function pair(
  instruction: string,
  response: string,
  fields: Record<string, string>,
  question = "instruction",
  answer = "response",
): ObjectRow[] | string {
  const empty = [
    ...(instruction.trim() === "" ? [`"${question}"`] : []),
    ...(response.trim() === "" ? [`"${answer}"`] : []),
  ];
  if (empty.length > 0) return `${empty.join(" and ")} is empty`;
  return [{ instruction, response, fields }];
}

function conversationRows(turns: readonly unknown[], others: Record<string, string>): ObjectRow[] | string {
  const rows: ObjectRow[] = [];
  const fields = { ...others };
  let question: string | undefined;
  for (const turn of turns) {
    if (!isObject(turn)) continue;
    const role = text(turn.role ?? turn.from ?? turn.speaker).toLowerCase();
    const content = text(turn.content ?? turn.value ?? turn.text);
    if (systems.has(role)) fields.system = content;
    else if (users.has(role)) question = question === undefined ? content : `${question}\n\n${content}`;
    else if (assistants.has(role) && question !== undefined) {
      const exchange = pair(question, content, fields);
      if (typeof exchange !== "string") rows.push(...exchange);
      question = undefined;
    }
  }
  return rows.length > 0 ? rows : "the conversation has no question with an answer";
}

function othersOf(value: Record<string, unknown>, taken: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !taken.includes(key))
      .map(([key, one]) => [key, text(one)]),
  );
}

/** A value as text: what is no text is written as JSON, parts of a message are put together. */
export function text(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  if (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((part) => isObject(part) && typeof part.text === "string")
  )
    return value.map((part) => (part as { text: string }).text).join("");
  if (value instanceof Date) return value.toISOString();
  return typeof value === "object" ? JSON.stringify(value, plainNumbers) : String(value);
}

function plainNumbers(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
