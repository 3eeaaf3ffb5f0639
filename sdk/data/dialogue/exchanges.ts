/**
 * Turns to rows: a question with the answer that follows it. Invariant: every line is part of a row, of what is set aside,
 * or was told to be none of the dialogue by the caller.
 */
import type { Side } from "./lines.ts";

export interface DialogueRow {
  line: number;
  instruction: string;
  response: string;
  fields: Record<string, string>;
}

export interface LeftTurn {
  line: number;
  text: string;
  reason: string;
}

const NO_FIELDS: Record<string, string> = Object.freeze({});

export class Exchanges {
  rows: DialogueRow[] = [];
  left: LeftTurn[] = [];
  #line = 0;
  #question: string[] = [];
  #answer: string[] = [];
  #system: string[] = [];
  #fields = NO_FIELDS;
  #side: Side | undefined;

  /** @param joins two questions in a row are one of two messages; else the first has no answer */
  constructor(readonly joins: boolean) {}

  get begun(): boolean {
    return this.#side !== undefined;
  }

  /** Whose turn it is. */
  get side(): Side | undefined {
    return this.#side;
  }

  turn(side: Side, text: string, line: number): void {
    if (side === "system") {
      this.end();
      this.#system = [text];
    } else if (side === "question") {
      if (this.#side === "answer" || !this.joins) this.end();
      if (this.#question.length === 0) this.#line = line;
      this.#question.push(text);
    } else if (this.#question.length === 0) {
      if (this.#side === "answer") this.end();
      this.left.push({ line, text, reason: "an answer without a question" });
    } else this.#answer.push(text);
    this.#side = side;
  }

  /** A further line of the turn at hand. */
  goesOn(text: string): void {
    if (this.#side === "system") this.#system.push(text);
    else if (this.#side === "question") this.#question.push(text);
    else if (this.#question.length > 0) this.#answer.push(text);
    else {
      const last = this.left.at(-1);
      if (last) last.text += `\n${text}`;
    }
  }

  /** No more of this exchange comes. */
  end(): void {
    const [question, answer] = [this.#question, this.#answer].map((lines) => lines.join("\n").trim());
    const system = this.#system.join("\n").trim();
    if (system !== "" && this.#fields.system !== system) this.#fields = { system };
    if (this.#question.length > 0) {
      if (question !== "" && answer !== "")
        this.rows.push({ line: this.#line, instruction: question, response: answer, fields: this.#fields });
      else if (question !== "" || answer !== "")
        this.left.push({
          line: this.#line,
          text: question === "" ? answer : question,
          reason: question === "" ? "an answer without a question" : "a question without an answer",
        });
    }
    this.#question = [];
    this.#answer = [];
    this.#side = undefined;
  }

  /** Another conversation begins. */
  forget(): void {
    this.end();
    this.#system = [];
    this.#fields = NO_FIELDS;
  }

  /** What is complete so far. */
  take(): { rows: DialogueRow[]; left: LeftTurn[] } {
    const { rows, left } = this;
    this.rows = [];
    this.left = [];
    return { rows, left };
  }
}
