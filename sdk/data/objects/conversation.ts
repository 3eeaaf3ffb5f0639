/**
 * A conversation to rows, one for each exchange: ShareGPT (`from`, `value`), OpenAI (`role`, `content`). Invariant:
 * every turn with text is part of a row, of the field `system`, or left out with the reason.
 */
import { isObject, text } from "./jsonText.ts";

export interface ObjectRow {
  instruction: string;
  response: string;
  fields: Record<string, string>;
}

export interface FoundRows {
  rows: ObjectRow[];
  /** Parts of the value that are in no row. */
  left: { text: string; reason: string }[];
}

const users = new Set(["user", "human", "prompter", "utilisateur", "customer", "client"]);
const assistants = new Set(["assistant", "gpt", "bot", "chatgpt", "model", "agent", "ai"]);
const systems = new Set(["system", "developer", "systeme"]);

/** @param others further fields of each row */
export function conversationRows(
  turns: readonly unknown[],
  others: Record<string, string>,
): FoundRows | string {
  const exchanges = new Exchanges(others);
  for (const turn of turns) exchanges.add(turn);
  exchanges.end();
  return exchanges.rows.length > 0 ? exchanges : "the conversation has no question with an answer";
}

class Exchanges implements FoundRows {
  readonly rows: ObjectRow[] = [];
  readonly left: FoundRows["left"] = [];
  readonly #fields: Record<string, string>;
  /** Turns of the exchange at hand; messages of one side that follow each other belong together. */
  #turns: unknown[] = [];
  #question = "";
  #answer = "";

  constructor(others: Record<string, string>) {
    this.#fields = { ...others };
  }

  add(turn: unknown): void {
    const given = isObject(turn) ? turn : {};
    const role = text(given.role ?? given.from ?? given.speaker);
    const content = text(given.content ?? given.value ?? given.text);
    const side = role.toLowerCase();
    if (systems.has(side)) this.#fields.system = joined(this.#fields.system ?? "", content);
    else if (users.has(side)) {
      if (this.#answer !== "") this.end();
      this.#question = joined(this.#question, content);
      this.#turns.push(turn);
    } else if (!assistants.has(side)) this.#leave([turn], `role "${role}" is neither question nor answer`);
    else if (this.#question === "") this.#leave([turn], "an answer without a question");
    else {
      // A turn without text is the call of a tool; the answer is still to come.
      this.#answer = joined(this.#answer, content);
      this.#turns.push(turn);
    }
  }

  /** The exchange at hand is complete. */
  end(): void {
    if (this.#answer !== "")
      this.rows.push({ instruction: this.#question, response: this.#answer, fields: { ...this.#fields } });
    else if (this.#question !== "") this.#leave(this.#turns, "a question without an answer");
    this.#turns = [];
    this.#question = "";
    this.#answer = "";
  }

  #leave(turns: readonly unknown[], reason: string): void {
    this.left.push({ text: turns.map((turn) => JSON.stringify(turn)).join("\n"), reason });
  }
}

function joined(before: string, after: string): string {
  if (after.trim() === "") return before;
  return before === "" ? after : `${before}\n\n${after}`;
}
