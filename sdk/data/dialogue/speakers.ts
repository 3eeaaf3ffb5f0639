/** Two speakers who are known by name only: the one who asks clearly more is the customer. */
import type { Side } from "./lines.ts";

/** Between the shares of messages with a question; smaller, either may be the one who asks. */
const CLEARLY = 0.2;

export class Speakers {
  readonly #seen = new Map<string, { messages: number; questions: number }>();

  add(name: string, text: string): void {
    const seen = this.#seen.get(name) ?? { messages: 0, questions: 0 };
    seen.messages++;
    if (text.includes("?")) seen.questions++;
    this.#seen.set(name, seen);
  }

  /** @returns undefined where there are not two, one of them said next to nothing, or neither asks clearly more */
  sides(): ReadonlyMap<string, Side> | undefined {
    const [one, other, ...others] = [...this.#seen].map(([name, { messages, questions }]) => ({
      name,
      share: questions / messages,
      messages,
    }));
    if (!one || !other || others.length > 0) return undefined;
    if (Math.min(one.messages, other.messages) < 2 || Math.abs(one.share - other.share) < CLEARLY)
      return undefined;
    const [asks, answers] = one.share > other.share ? [one, other] : [other, one];
    return new Map([
      [asks.name, "question"],
      [answers.name, "answer"],
    ]);
  }
}
