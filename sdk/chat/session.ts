/**
 * A conversation with a model: history, prompt, streaming, check of the answer, retries.
 *
 * Streaming and checking pull against each other: an answer is checked when it is whole, and what was shown
 * cannot be taken back. `say` gives text only, so with reasoning it holds the answer back until it is checked; with
 * `maxRetries: 0` pieces come as they are made and the check only goes into the trace. `events` tells all as it
 * happens, with a "replace" event where the text so far is withdrawn; the terminal uses it.
 */
import { resolveGenerateOptions } from "../generate/options.ts";
import { checkArgument, checkOptions } from "../options.ts";
import { frontEnd } from "../views/frontEnd.ts";
import { AnswerFilter } from "./answerFilter.ts";
import type { Domain } from "./domain/domainSchema.ts";
import { Draft } from "./draft.ts";
import { runNotebookChat } from "./interactive/notebookChat.ts";
import { runTerminalChat } from "./interactive/terminal.ts";
import { type ChatModel, type ChatSampling, type LoadedModel, toChatModel } from "./model.ts";
import { assertFits, buildPrompt, type Prompt } from "./prompt.ts";
import type { ReasoningSystem } from "./reasoning.ts";
import { pieces, Reply } from "./reply.ts";
import {
  type ChatSessionOptions,
  chatOptions,
  type InteractiveOptions,
  interactiveOptions,
  type SavedSession,
  savedSession,
} from "./sessionOptions.ts";
import type { ChatMessage, Conversation } from "./stage.ts";
import type { ConsistencyFinding } from "./stages/consistency.ts";
import type { ReasoningTrace } from "./trace.ts";

/** What happens while an answer is given. */
export type ChatEvent =
  | { type: "trace"; trace: ReasoningTrace }
  | { type: "piece"; text: string }
  /** The text so far is withdrawn; what follows takes its place. */
  | { type: "replace"; by: "retry" | "fallback"; finding: ConsistencyFinding }
  | { type: "done"; answer: string; tokens: number; seconds: number; aborted: boolean };

/** Without a given length of answers, as much is kept free in the window. */
const DEFAULT_NEW_TOKENS = resolveGenerateOptions({}).maxNewTokens;
/** Milliseconds that an awaited answer may take before a notebook shows what there is of it. */
const DRAFT_AFTER = 400;
/** A greedy retry would say the same again. */
const RETRY_TEMPERATURE = 0.6;

/**
 * A conversation with a model: `say` answers a message, with what was said before in mind and, with `reasoning`, thought
 * over and checked. What is said stays in this object; the model itself does not change.
 *
 *     const chat = new ChatSession(model, { reasoning: new ReasoningSystem(await loadDomain("ecommerce.fr")) });
 *     for await (const piece of chat.say("Où est mon colis ?")) process.stdout.write(piece);
 */
export class ChatSession {
  /** The reasoning about the last question, with the check of its answer; undefined without reasoning. */
  lastTrace: ReasoningTrace | undefined;
  #reasoning: ReasoningSystem | undefined;
  #model: ChatModel;
  readonly #system: string | undefined;
  readonly #sampling: ChatSampling;
  readonly #maxRetries: number;
  #history: ChatMessage[] = [];
  #busy = false;

  /** Throws where an option is unknown or wrong. */
  constructor(model: LoadedModel | ChatModel, options: ChatSessionOptions = {}) {
    const { maxRetries } = checkOptions("ChatSession", chatOptions, options);
    this.#model = toChatModel(model);
    this.#reasoning = options.reasoning;
    this.#system = options.system;
    this.#sampling = { ...options.sampling };
    this.#maxRetries = maxRetries;
  }

  /** Reasons about each question and checks each answer; undefined where the model is alone. */
  get reasoning(): ReasoningSystem | undefined {
    return this.#reasoning;
  }

  /**
   * Goes on in another domain, such as that of a file that was edited; stages and what was said stay. A session without
   * reasoning stays without.
   *
   * @throws while an answer is being given
   */
  useDomain(domain: Domain): void {
    if (this.#busy)
      throw new Error("ChatSession.useDomain: an answer is still being given; wait for its end.");
    this.#reasoning = this.#reasoning?.inDomain(domain);
  }

  /** What was said, oldest first. A copy. */
  get history(): ChatMessage[] {
    return this.#history.map((message) => ({ ...message }));
  }

  /**
   * Answers with another model from now on, such as the same base with another adapter; what was said stays.
   *
   * @throws while an answer is being given
   */
  useModel(model: LoadedModel | ChatModel): void {
    if (this.#busy) throw new Error("ChatSession.useModel: an answer is being given; wait for its end");
    this.#model = toChatModel(model);
  }

  /** Forgets everything that was said, and what is being said. */
  clear(): void {
    this.#history = [];
    this.lastTrace = undefined;
  }

  /**
   * Answers a message: `for await` reads the answer piece by piece, `await` gives the whole turn, which a notebook
   * shows. Nothing happens before one of the two. Stopped through `signal`, or by leaving the loop, what was said
   * stays in the history. Throws while another answer is being given, and where the message is empty or too long.
   */
  say(text: string, { signal }: { signal?: AbortSignal } = {}): Reply {
    const hold = this.reasoning !== undefined && this.#maxRetries > 0;
    const draft = new Draft({ question: text, ui: this.reasoning?.domain.ui, after: DRAFT_AFTER });
    const events = this.events(text, { signal: signal ?? frontEnd()?.signal });
    return new Reply(pieces(text, events, hold, draft), draft);
  }

  /**
   * Chats line by line until the customer quits: in a notebook through the front end's input field, elsewhere in the
   * terminal. The domain's commands work in both: aide, quitter, effacer, debug.
   *
   * @throws where the session has no reasoning and no domain is given, or the front end allows no input
   */
  async interactive(options: InteractiveOptions = {}): Promise<void> {
    const { domain = this.reasoning?.domain, debug } = checkOptions(
      "ChatSession.interactive",
      interactiveOptions,
      options,
    );
    if (domain === undefined) {
      throw new TypeError(
        "ChatSession.interactive: the chat's texts come from a domain, and this session has no reasoning; " +
          "pass { domain: await loadDomain(…) }",
      );
    }
    const front = frontEnd();
    if (front) await runNotebookChat(this, domain, front, { debug });
    else await runTerminalChat(this, domain, { debug });
  }

  /** Like `say`, with all that happens: the trace before the answer, withdrawn text, numbers at the end. */
  async *events(text: string, { signal }: { signal?: AbortSignal } = {}): AsyncGenerator<ChatEvent, void> {
    checkArgument("ChatSession.say", typeof text === "string", "a message", text);
    const question = text.trim();
    if (question === "") throw new Error("ChatSession.say: expected a message, got an empty text.");
    if (this.#busy)
      throw new Error(
        "ChatSession.say: an answer is still being given; read it to its end or abort it first.",
      );
    this.#busy = true;
    const start = performance.now();
    // `clear` puts another history in its place: what is being said is then forgotten too.
    const history = this.#history;
    const turn = { answer: "", tokens: 0 };
    try {
      // Before it is thought about: reasoning over what no model can read would take its time for nothing.
      assertFits(this.#model, question);
      const conversation = { messages: this.history };
      const trace = await this.#analyse(question, conversation);
      this.lastTrace = trace;
      if (trace !== undefined) yield { type: "trace", trace };
      yield* this.#answer(turn, question, trace, conversation, signal);
      const seconds = (performance.now() - start) / 1000;
      const answer = turn.answer.trim();
      keep(history, question, answer);
      turn.answer = "";
      yield { type: "done", answer, tokens: turn.tokens, seconds, aborted: signal?.aborted ?? false };
    } catch (error) {
      // An answer that broke off is none: the question can be asked again as if for the first time.
      turn.answer = "";
      throw error;
    } finally {
      // Reached early where the reader left the loop: what was said until then is kept.
      keep(history, question, turn.answer);
      this.#busy = false;
    }
  }

  /** Draws answers until one fits, or none is left to draw; `turn` has what was said so far. */
  async *#answer(
    turn: { answer: string; tokens: number },
    question: string,
    trace: ReasoningTrace | undefined,
    conversation: Conversation,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ChatEvent, void> {
    let retry = "";
    for (let attempt = 0; ; attempt++) {
      const prompt = this.#prompt(question, trace, retry);
      prompt.note.retries = attempt;
      if (trace !== undefined) trace.prompt = prompt.note;
      turn.answer = "";
      for await (const piece of this.#generate(prompt, attempt, signal)) {
        turn.tokens += piece.tokens;
        // The first token is often a bare space.
        const text = turn.answer === "" ? piece.text.trimStart() : piece.text;
        if (text === "") continue;
        turn.answer += text;
        yield { type: "piece", text };
      }
      // Half an answer cannot be judged.
      if (trace === undefined || signal?.aborted) return;
      const finding = this.reasoning!.check(turn.answer, trace, conversation);
      if (finding.consistent || this.#maxRetries === 0) return;
      const last = attempt >= this.#maxRetries;
      yield { type: "replace", by: last ? "fallback" : "retry", finding };
      turn.answer = "";
      retry = this.reasoning!.retryGuidance(finding);
      if (!last) continue;
      turn.answer = this.reasoning!.fallback(trace);
      prompt.note.fallback = true;
      yield { type: "piece", text: turn.answer };
      return;
    }
  }

  /** The session as plain data: everything but the model and the reasoning. */
  toJSON(): SavedSession {
    return {
      version: 1,
      ...(this.#system === undefined ? {} : { system: this.#system }),
      sampling: { ...this.#sampling },
      maxRetries: this.#maxRetries,
      history: this.history,
      ...(this.lastTrace === undefined ? {} : { lastTrace: this.lastTrace }),
    };
  }

  /** A saved session, continued with a model. Throws where the value is no saved session. */
  static fromJSON(
    model: LoadedModel | ChatModel,
    saved: SavedSession,
    { reasoning }: { reasoning?: ReasoningSystem } = {},
  ): ChatSession {
    const checked = savedSession.safeParse(saved);
    if (!checked.success) {
      const [issue] = checked.error.issues;
      throw new Error(`ChatSession.fromJSON: ${issue.path.join(".") || "the value"}: ${issue.message}`);
    }
    const { system, sampling, maxRetries } = saved;
    const session = new ChatSession(model, { reasoning, system, sampling, maxRetries });
    session.#history = saved.history.map(({ role, content }) => ({ role, content }));
    session.lastTrace = saved.lastTrace;
    return session;
  }

  async #analyse(question: string, conversation: Conversation): Promise<ReasoningTrace | undefined> {
    const { logLikelihoods } = this.#model;
    if (logLikelihoods === undefined || this.reasoning?.domain.categorize.useModel !== true)
      return this.reasoning?.analyse(question, conversation);
    return this.reasoning.analyseWith({ logLikelihoods }, question, conversation);
  }

  #prompt(question: string, trace: ReasoningTrace | undefined, retry: string): Prompt {
    const reserve = Math.min(
      this.#sampling.maxNewTokens ?? DEFAULT_NEW_TOKENS,
      Math.floor(this.#model.contextLength / 2),
    );
    return buildPrompt(this.#model, {
      question,
      history: this.#history,
      system: this.#system,
      reasoning: this.reasoning,
      trace,
      retry,
      reserve,
    });
  }

  async *#generate(
    prompt: Prompt,
    attempt: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<{ text: string; tokens: number }> {
    const sampling: ChatSampling = { ...this.#sampling };
    if (attempt > 0) {
      sampling.temperature = Math.max(sampling.temperature ?? 0, RETRY_TEMPERATURE);
      sampling.seed = (sampling.seed ?? 0) + attempt;
    }
    const filter = new AnswerFilter(prompt.guidance);
    for await (const { id, text } of this.#model.generate(prompt.ids, { ...sampling, signal })) {
      if (signal?.aborted) break;
      yield { text: filter.push(text), tokens: id >= 0 ? 1 : 0 };
    }
    yield { text: filter.end(), tokens: 0 };
  }
}

/** Keeps an exchange. A message without an answer is not kept: templates want both in turn. */
function keep(history: ChatMessage[], question: string, answer: string): void {
  if (answer.trim() === "") return;
  history.push({ role: "user", content: question }, { role: "assistant", content: answer.trim() });
}
