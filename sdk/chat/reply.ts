/** One turn of a conversation, as it comes or as a whole. */
import { displayable } from "../views/bundle.ts";
import { turnView } from "../views/turn.ts";
import type { Draft } from "./draft.ts";
import type { ChatEvent } from "./session.ts";
import { formatTrace, type ReasoningTrace, traceValue } from "./trace.ts";

/** A turn that is over. A notebook shows it with its reasoning folded. */
export interface ChatTurn {
  question: string;
  answer: string;
  /** Without reasoning: absent. */
  trace?: ReasoningTrace;
  /** Generated for this answer, withdrawn ones included. */
  tokens: number;
  seconds: number;
  /** True where the signal ended it. */
  aborted: boolean;
}

/**
 * Reads the events of a turn and gives its text, piece by piece; with `hold`, only when it is checked. The draft hears
 * everything at once.
 */
export async function* pieces(
  question: string,
  events: AsyncIterable<ChatEvent>,
  hold: boolean,
  draft: Draft,
): AsyncGenerator<string, ChatTurn> {
  let held: string[] = [];
  let trace: ReasoningTrace | undefined;
  let done: ChatTurn | undefined;
  for await (const event of events) {
    draft.hear(event);
    if (event.type === "trace") trace = event.trace;
    else if (event.type === "replace") held = [];
    else if (event.type === "done") {
      const { answer, tokens, seconds, aborted } = event;
      done = { question, answer, ...(trace ? { trace } : {}), tokens, seconds, aborted };
    } else if (hold) held.push(event.text);
    else yield event.text;
  }
  yield* held;
  if (!done) throw new Error("ChatSession.say: the answer ended without saying so");
  return displayable(done, showTurn);
}

function showTurn(turn: ChatTurn) {
  const { trace } = turn;
  return turnView({ ...turn, trace: trace && traceValue(trace) }, { traceText: trace && formatTrace(trace) });
}

/**
 * An answer that has not begun: `for await` reads it piece by piece, `await` runs it to its end and gives the turn. While
 * a notebook's cell awaits a long one, it is shown as far as it has come.
 * Danger: an async function that returns a Reply awaits it too, and so returns the turn.
 */
export class Reply implements AsyncGenerator<string, void>, PromiseLike<ChatTurn> {
  readonly #pieces: AsyncGenerator<string, ChatTurn>;
  #turn: Promise<ChatTurn> | undefined;

  /** @param draft shows the answer while somebody awaits it; who reads it piece by piece shows it himself */
  constructor(
    pieces: AsyncGenerator<string, ChatTurn>,
    private readonly draft: Draft,
  ) {
    this.#pieces = pieces;
  }

  async next(): Promise<IteratorResult<string, void>> {
    const next = await this.#pieces.next();
    return next.done ? { done: true, value: undefined } : next;
  }

  async return(): Promise<IteratorResult<string, void>> {
    // What a generator returns early is nobody's value.
    await this.#pieces.return(undefined as never);
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<string, void>> {
    await this.#pieces.throw(error);
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  // biome-ignore lint/suspicious/noThenProperty: awaiting a reply is what it is for
  then<A = ChatTurn, B = never>(
    onFulfilled?: ((turn: ChatTurn) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#turn ??= this.#whole();
    return this.#turn.then(onFulfilled, onRejected);
  }

  async #whole(): Promise<ChatTurn> {
    this.draft.begin();
    try {
      for (;;) {
        const next = await this.#pieces.next();
        if (next.done) return next.value;
      }
    } finally {
      this.draft.withdraw();
    }
  }
}
