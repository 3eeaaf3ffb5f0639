/** A scripted model: a test double that gives out set answers word by word, and remembers what it was asked. */
import type { ChatModel } from "../../sdk/chat/model.ts";
import type { ChatMessage } from "../../sdk/chat/stage.ts";
import type { GenerateOptions } from "../../sdk/generate/options.ts";

export class ScriptedModel implements ChatModel {
  contextLength: number;
  readonly prompts: ChatMessage[][] = [];
  readonly options: GenerateOptions[] = [];
  readonly #answers: string[];
  /** Called before each piece; lets a test abort in the middle. */
  beforePiece: (n: number) => void | Promise<void> = () => {};
  /** By their ids: a prompt may be encoded several times before one is chosen. */
  readonly #asked = new WeakMap<number[], ChatMessage[]>();

  constructor(answers: string[], contextLength = 1000) {
    this.#answers = answers;
    this.contextLength = contextLength;
  }

  /** One id a word, so that lengths are easy to reckon. */
  encode(messages: readonly ChatMessage[]): number[] {
    const ids = messages.flatMap(({ content }) => content.split(/\s+/).map((_, i) => i));
    this.#asked.set(
      ids,
      messages.map((message) => ({ ...message })),
    );
    return ids;
  }

  async *generate(ids: number[], options: GenerateOptions): AsyncGenerator<{ id: number; text: string }> {
    this.prompts.push(this.#asked.get(ids) ?? []);
    this.options.push(options);
    const answer = this.#answers[Math.min(this.prompts.length, this.#answers.length) - 1];
    const pieces = answer.match(/\s*\S+/g) ?? [];
    for (const [i, text] of pieces.entries()) {
      await this.beforePiece(i);
      if (options.signal?.aborted) return;
      yield { id: i, text };
    }
  }
}

/** All text of a stream. */
export async function collect(pieces: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}
