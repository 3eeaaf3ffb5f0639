/**
 * Makes the prompt out of a question, its reasoning and the conversation: which turns the model sees, which
 * text goes before them, and that all of it fits the context window.
 *
 * How the reasoning guides depends on the domain's `promptGuidance`. "full" and "short" write it into the
 * system message. "question" writes nothing: a small model tuned on bare questions (the bundled one has
 * 3.8 M parameters and saw no system message) answers worse for every sentence before the question. There
 * the reasoning guides by what it changes: abbreviations are spelt out, typing errors and lost accents
 * repaired, turns shown only where the question refers to them and, with retries, a wrong answer is drawn again.
 */
import type { CompiledDomain } from "./domain/compile.ts";
import type { ChatModel } from "./model.ts";
import type { ReasoningSystem } from "./reasoning.ts";
import type { ChatMessage } from "./stage.ts";
import { findings, type PromptNote, type ReasoningTrace } from "./trace.ts";

/** A prompt with what to tell about it. */
export interface Prompt {
  ids: number[];
  /** Guidance in the prompt, which may not come out in the answer. */
  guidance: string;
  note: PromptNote;
}

/** What a prompt is made of. */
export interface PromptParts {
  question: string;
  history: readonly ChatMessage[];
  /** System message set by the user of the session; takes the place of the domain's. */
  system?: string;
  reasoning?: ReasoningSystem;
  trace?: ReasoningTrace;
  /** Guidance from the check of a wrong answer. */
  retry: string;
  /** Tokens to leave free for the answer. */
  reserve: number;
}

/** Exchanges that a small model gets to see where the question refers to them. */
const TURNS_FOR_SMALL_MODEL = 2;

/** Builds the prompt. Throws RangeError where the question alone fills the context window. */
export function buildPrompt(model: ChatModel, parts: PromptParts): Prompt {
  const { history, reasoning, trace } = parts;
  const mode = reasoning?.domain.promptGuidance;
  const question =
    mode === "question" && reasoning !== undefined
      ? cleanQuestion(parts.question, reasoning.compiled)
      : parts.question;
  const guidance =
    reasoning === undefined || trace === undefined
      ? ""
      : [reasoning.guidance(trace), parts.retry].filter((text) => text !== "").join("\n");
  const base =
    parts.system ?? (mode === undefined || mode === "question" ? "" : reasoning!.domain.systemPrompt);
  let turns = [...history];
  let reason: PromptNote["reason"];
  if (mode === "question" && trace !== undefined) {
    const relation = findings(trace).context?.relation;
    turns = relation === "refers_to_previous" ? turns.slice(-2 * TURNS_FOR_SMALL_MODEL) : [];
    if (turns.length < history.length) reason = "new_topic";
  }
  const write = (from: number, told: string) => {
    const system = [base, told].filter((text) => text !== "").join("\n\n");
    const messages: ChatMessage[] = [...turns.slice(from), { role: "user", content: question }];
    if (system !== "") messages.unshift({ role: "system", content: system });
    const ids = model.encode(messages);
    return { ids, system, told, from, fits: ids.length + parts.reserve <= model.contextLength };
  };
  let written = write(0, guidance);
  // The oldest exchange leaves whole: templates want customer and assistant in turn. Halving finds how many must go; one
  // at a time, each question of a long talk would take longer than the one before.
  if (!written.fits && turns.length > 0) {
    reason = "window";
    let [tooFew, enough] = [0, Math.floor(turns.length / 2)];
    written = write(turns.length, guidance);
    while (enough - tooFew > 1 && written.fits) {
      const middle = Math.floor((tooFew + enough) / 2);
      const tried = write(2 * middle, guidance);
      if (tried.fits) [written, enough] = [tried, middle];
      else tooFew = middle;
    }
  }
  if (!written.fits && guidance !== "") written = write(turns.length, "");
  const { ids, system, told, from } = written;
  if (ids.length >= model.contextLength) throw tooLong(ids.length, model);
  const note: PromptNote = {
    question,
    system,
    tokens: ids.length,
    messagesKept: turns.length - from,
    messagesDropped: history.length - turns.length + from,
    retries: 0,
    fallback: false,
  };
  if (reason !== undefined && note.messagesDropped > 0) note.reason = reason;
  return { ids, guidance: told, note };
}

/** @throws RangeError where a question alone fills the context window */
export function assertFits(model: ChatModel, question: string): void {
  // No token stands for less than a character, or a byte of one; only long texts are worth the encoding.
  if (question.length < model.contextLength) return;
  const { length } = model.encode([{ role: "user", content: question }]);
  if (length >= model.contextLength) throw tooLong(length, model);
}

function tooLong(tokens: number, { contextLength }: ChatModel): RangeError {
  return new RangeError(
    `the question has ${tokens} tokens, the model takes ${contextLength} for question and answer. Ask in fewer words.`,
  );
}

/** The question with abbreviations spelt out and typing errors and lost accents repaired; all else as typed. */
export function cleanQuestion(question: string, { analyse, spellings, language }: CompiledDomain): string {
  const { tokens } = analyse(question);
  let result = "";
  let at = 0;
  for (let i = 0; i < tokens.length; ) {
    const { start, end, text } = tokens[i];
    const same = tokens.slice(i).filter((token) => token.start === start);
    i += same.length;
    // "CMD-88213" is a number and no abbreviation.
    if (/^[-\d]/.test(question.slice(end))) continue;
    const words = same.map(({ word }) => spellings.get(word) ?? word);
    const repaired = same.some((token) => token.repaired);
    const lostAccents =
      !repaired && text.length > 3 && !language.stopWords.has(same[0].word) && isPlain(text);
    if (!repaired && !lostAccents) continue;
    // "s il te plait" would be a worse spelling than "stp".
    if (words.some((word) => word.length === 1 && !language.letterWords.has(word))) continue;
    let better = words.join(" ");
    if (!repaired && better.length !== text.length) continue;
    if (/^\p{Lu}/u.test(text)) better = better[0].toUpperCase() + better.slice(1);
    if (text.length > 1 && text === text.toUpperCase()) better = better.toUpperCase();
    result += question.slice(at, start) + better;
    at = end;
  }
  return result + question.slice(at);
}

function isPlain(text: string): boolean {
  return /^[a-zA-Z]+$/.test(text);
}
