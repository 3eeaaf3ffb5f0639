/**
 * Conversations to token ids, as the checkpoint's Jinja template says. Invariants: special tokens come from the
 * template and never from a message; exactly one BOS; the ids of a prompt are the first ids of the same
 * conversation with its answer, so training sees exactly what chat will send.
 */
import { createHash } from "node:crypto";
import { Template } from "@huggingface/jinja";
import { assertPrefix, markMessages, piecesBetween, readMarked } from "./markedText.ts";

/** One turn of a conversation. */
export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface RenderOptions {
  /** End with what comes before an answer, so that the model answers next. Default false. */
  addGenerationPrompt?: boolean;
}

export interface EncodedChat {
  /** The conversation, BOS first. */
  ids: number[];
  /** One byte an id: 1 where the id belongs to an answer of the assistant, its EOS included; else 0. */
  mask: Uint8Array;
}

/** What `encodeChat` needs of a tokenizer. */
export interface ChatEncoder {
  readonly bosId: number | undefined;
  readonly eosId: number;
  encodePieces(
    pieces: readonly { text: string; allowSpecial?: boolean }[],
    options?: { start?: boolean },
  ): number[];
}

/** Where the template comes from and what it calls `bos_token`, `eos_token` and `unk_token`. */
export interface TemplateContext {
  source: string;
  bosToken: string;
  eosToken: string;
  unkToken: string;
}

export class ChatTemplate {
  /** sha256 of the template's text, in hex: written into checkpoints, so that another template is noticed. */
  readonly hash: string;
  readonly #compiled: Template;
  readonly #context: TemplateContext;
  #takesSystem: boolean | undefined;

  /**
   * @param text the Jinja text
   * @throws when it is not valid Jinja
   */
  constructor(
    readonly text: string,
    context: TemplateContext,
  ) {
    this.#context = context;
    this.hash = createHash("sha256").update(text, "utf8").digest("hex");
    try {
      this.#compiled = new Template(text);
    } catch (cause) {
      throw this.#error(
        `expected a Jinja template, got a text that does not parse (${(cause as Error).message}). Take the template of a Mistral Instruct checkpoint.`,
        cause,
      );
    }
  }

  /**
   * The conversation as text.
   *
   * A system message comes first. Where the template knows none, or writes it at another place once the
   * conversation goes on (Mistral-7B-Instruct-v0.3 puts it into the last user message), it is written before the
   * first user message, with an empty line between.
   * @throws when the template refuses the messages
   */
  render(messages: readonly ChatMessage[], { addGenerationPrompt = false }: RenderOptions = {}): string {
    return this.#render(this.#foldSystem(messages), addGenerationPrompt);
  }

  /**
   * The conversation as ids, with the assistant's tokens marked.
   * @throws when the template refuses the messages, drops, repeats or changes one, writes more than one BOS or an
   * answer without EOS, or writes a conversation differently once it goes on
   */
  encodeChat(
    tokenizer: ChatEncoder,
    messages: readonly ChatMessage[],
    { addGenerationPrompt = false }: RenderOptions = {},
  ): EncodedChat {
    const turns = this.#foldSystem(messages);
    const marked = markMessages(turns);
    const renderMarked = (count: number, generation: boolean) =>
      this.#render(marked.messages.slice(0, count), generation);
    const whole = renderMarked(turns.length, addGenerationPrompt);
    const fail = (problem: string) => this.#error(problem);
    const layout = readMarked(whole, marked, turns, fail);
    // The layout was read with place-holders; the real texts must come out the same.
    const filled = piecesBetween(layout, turns, 0, whole.length).map(({ text }) => text);
    if (filled.join("") !== this.#render(turns, addGenerationPrompt)) {
      throw fail(
        "expected the template to write messages as they are, got a changed text. Use a template that only trims.",
      );
    }

    const ids: number[] = [];
    const spans: [number, number][] = [];
    let at = 0;
    const encodeUpTo = (end: number) => {
      const encoded = tokenizer.encodePieces(piecesBetween(layout, turns, at, end), { start: at === 0 });
      // Not spread into a call: a message of any length comes here, and arguments are few.
      for (const id of encoded) ids.push(id);
      at = end;
    };
    for (const [index, { role }] of turns.entries()) {
      if (role !== "assistant") continue;
      // Text is cut where the answer begins, since at chat time the prompt is encoded without it.
      const prompt = renderMarked(index, true);
      assertPrefix(prompt, whole, `the prompt of message ${index + 1}`, fail);
      const answered = renderMarked(index + 1, false);
      assertPrefix(answered, whole, `message ${index + 1}`, fail);
      encodeUpTo(prompt.length);
      const start = ids.length;
      encodeUpTo(answered.length);
      // What follows EOS (a line break in some templates) is the template's, and no answer reaches it.
      const eos = ids.lastIndexOf(tokenizer.eosId);
      if (eos < start) {
        throw fail(
          `expected each answer to end with eos_token ("${this.#context.eosToken}"), got none after message ${index + 1}. A model trained so would never stop: add {{ eos_token }} to the template.`,
        );
      }
      spans.push([start, eos + 1]);
    }
    encodeUpTo(whole.length);

    const shift = this.#ensureBos(ids, tokenizer.bosId);
    const mask = new Uint8Array(ids.length);
    for (const [start, end] of spans) mask.fill(1, start + shift, end + shift);
    return { ids, mask };
  }

  /** Puts a missing BOS first; returns how many ids that moved the rest. */
  #ensureBos(ids: number[], bosId: number | undefined): 0 | 1 {
    if (bosId === undefined) return 0;
    const count = ids.filter((id) => id === bosId).length;
    if (count === 0) {
      ids.unshift(bosId);
      return 1;
    }
    if (count === 1 && ids[0] === bosId) return 0;
    throw this.#error(
      `expected exactly one BOS ("${this.#context.bosToken}"), at the beginning, got ${count}, the first at token ${ids.indexOf(bosId) + 1}. Write {{ bos_token }} once, at the top of the template.`,
    );
  }

  #render(messages: readonly ChatMessage[], addGenerationPrompt: boolean): string {
    const { bosToken, eosToken, unkToken } = this.#context;
    try {
      return this.#compiled.render({
        messages,
        add_generation_prompt: addGenerationPrompt,
        bos_token: bosToken,
        eos_token: eosToken,
        unk_token: unkToken,
      });
    } catch (cause) {
      throw this.#error(
        `the template refuses these messages (roles: ${messages.map(({ role }) => role).join(", ") || "none"}): ${(cause as Error).message}`,
        cause,
      );
    }
  }

  #foldSystem(messages: readonly ChatMessage[]): readonly ChatMessage[] {
    if (messages[0]?.role !== "system") return messages;
    this.#takesSystem ??= this.#probeSystem();
    if (this.#takesSystem) return messages;
    const [system, user, ...rest] = messages;
    if (user?.role !== "user") {
      throw this.#error(
        `expected a user message after the system message, got ${user ? `one of ${user.role}` : "none"}. This template has no place of its own for a system message.`,
      );
    }
    return [{ role: "user", content: `${system.content}\n\n${user.content}` }, ...rest];
  }

  /** Does the template write a system message once, at a place that stays as the conversation goes on? */
  #probeSystem(): boolean {
    const roles = ["system", "user", "assistant", "user", "assistant"] as const;
    const { messages, slots } = markMessages(roles.map((role) => ({ role, content: "" })));
    try {
      const whole = this.#render(messages, false);
      if (whole.split(slots[0]).length !== 2) return false;
      return [2, 4].every((count) => whole.startsWith(this.#render(messages.slice(0, count), true)));
    } catch {
      // The template refuses the role "system", which is an answer and no failure.
      return false;
    }
  }

  #error(problem: string, cause?: unknown): Error {
    return new Error(`Chat template of ${this.#context.source}: ${problem}`, { cause });
  }
}
