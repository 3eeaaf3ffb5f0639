/** The trace of a reasoning: a plain value with one entry a stage, and a readable box made of it. */
import pc from "picocolors";
import { harmless } from "../text/harmless.ts";
import type { TraceValue } from "../views/trace.ts";
import { traceWord } from "../views/traceWords.ts";
import type { Domain } from "./domain/domainSchema.ts";
import { english } from "./language/english/english.ts";
import { languages } from "./language/languages.ts";
import type { LanguageTexts } from "./language/texts.ts";
import type { Evidence, Findings } from "./stage.ts";

/** What one stage found, and how long it took. */
export interface TraceEntry {
  stage: string;
  summary: string;
  scores: Record<string, number>;
  evidence: Evidence[];
  value: unknown;
  /** Without the language model. */
  milliseconds: number;
  /** What the second opinion of the model took, where one was asked for. */
  modelMilliseconds?: number;
}

/** How the question was put to the model; filled in by ChatSession. */
export interface PromptNote {
  /** What the customer's last message became in the prompt. */
  question: string;
  /** The system message; empty where there is none. */
  system: string;
  tokens: number;
  messagesKept: number;
  messagesDropped: number;
  /** Why messages were dropped. */
  reason?: "new_topic" | "window";
  /** Tries after the first. */
  retries: number;
  /** True where the domain's fallback took the place of an inconsistent answer. */
  fallback: boolean;
}

/** The whole reasoning about one query. Plain data: JSON keeps it. */
export interface ReasoningTrace {
  query: string;
  /** Of whom the domain speaks. */
  domain: string;
  entries: TraceEntry[];
  prompt?: PromptNote;
  /** Texts that the box is written with. */
  texts: Pick<Domain["ui"], "traceTitle" | "stages"> & { language: Domain["language"] };
}

/** The values of a trace by stage name. */
export function findings(trace: ReasoningTrace): Findings {
  return Object.fromEntries(trace.entries.map((entry) => [entry.stage, entry.value])) as Findings;
}

/** Options of formatTrace. */
export interface TraceFormat {
  /** ANSI colours; default: none. */
  color?: boolean;
  /** Columns of the box, at least 40; default 80. */
  width?: number;
  /** All scores, all words that decided, and the time of each stage; default: the most telling ones. */
  full?: boolean;
}

/** Writes a trace as a text box in the domain's language, one paragraph a stage; control characters are shown. */
export function formatTrace(
  trace: ReasoningTrace,
  { color = false, width = 80, full = false }: TraceFormat = {},
): string {
  const paint = pc.createColors(color);
  const columns = Math.max(40, width);
  const inner = columns - 4;
  const titles = [
    ...trace.entries.map(({ stage }) => stage),
    ...(trace.prompt === undefined ? [] : ["prompt"]),
  ];
  const label = Math.max(8, ...titles.map((stage) => (trace.texts.stages[stage] ?? stage).length));
  const lines: string[] = [];
  const row = (head: string, text: string, dim = false) => {
    wrap(harmless(text), inner - label - 2).forEach((part, i) => {
      const title = (i === 0 ? head : "").padEnd(label);
      const rest = part.padEnd(inner - label - 2);
      lines.push(`│ ${paint.cyan(title)}  ${dim ? paint.dim(rest) : rest} │`);
    });
  };
  const { trace: words, traceNames } = textsOf(trace);
  const say = (name: string) => traceWord(traceNames, name);
  const [mostScores, mostWords] = full ? [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] : [4, 5];
  for (const { stage, summary, scores, evidence, milliseconds, modelMilliseconds } of trace.entries) {
    row(
      trace.texts.stages[stage] ?? stage,
      full ? `${say(summary)}  (${milliseconds.toFixed(2)} ms)` : say(summary),
    );
    const best = Object.entries(scores)
      .filter(([, score]) => full || Math.abs(score) >= 0.05)
      .sort(([, a], [, b]) => b - a)
      .slice(0, mostScores);
    if (best.length > 1)
      row("", best.map(([name, score]) => `${say(name)} ${score.toFixed(2)}`).join("  "), true);
    const seen = evidence.filter(({ text }) => text !== "").slice(0, mostWords);
    for (const [rule, words] of byRule(seen)) row("", `${say(rule)} ${words.join(" ")}`, true);
    if (modelMilliseconds !== undefined)
      row("", `+ ${words.model} (${modelMilliseconds.toFixed(1)} ms)`, true);
  }
  if (trace.prompt !== undefined) row(trace.texts.stages.prompt ?? "prompt", promptLine(trace));
  const title = ` ${trace.texts.traceTitle} `;
  const total = trace.entries.reduce((sum, entry) => sum + entry.milliseconds, 0);
  const time = ` ${total.toFixed(1)} ms `;
  return [
    `┌─${paint.bold(title)}${"─".repeat(columns - 3 - title.length)}┐`,
    ...lines,
    `└${"─".repeat(columns - 3 - time.length)}${paint.dim(time)}─┘`,
  ].join("\n");
}

/** English where a trace comes from a process with other languages. */
function textsOf({ texts }: ReasoningTrace): LanguageTexts {
  return (languages.get(texts.language) ?? english).texts;
}

/** The trace as pages show it, which say the words of the stages in its language. */
export function traceValue(trace: ReasoningTrace): TraceValue {
  return { ...trace, texts: { ...trace.texts, names: textsOf(trace).traceNames } };
}

/** Each rule once, with the words that it saw. */
function byRule(evidence: readonly Evidence[]): Map<string, string[]> {
  const words = new Map<string, string[]>();
  for (const { rule, text } of evidence) words.set(rule, [...(words.get(rule) ?? []), `« ${text} »`]);
  return words;
}

function promptLine(trace: ReasoningTrace): string {
  const { prompt } = trace;
  if (prompt === undefined) return "";
  const words = textsOf(trace).trace;
  const why = prompt.reason === undefined ? "" : ` (${words[prompt.reason]})`;
  const parts = [`« ${prompt.question} »`, `${prompt.tokens} tokens`];
  if (prompt.messagesKept + prompt.messagesDropped > 0)
    parts.push(`${prompt.messagesKept} ${words.kept}, ${prompt.messagesDropped} ${words.dropped}${why}`);
  if (prompt.retries > 0) parts.push(`↻ ${prompt.retries}`);
  if (prompt.fallback) parts.push(words.fallback);
  return parts.join(" · ");
}

/** Breaks a text at spaces, but not those of French punctuation; a word longer than the line is cut. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (let word of paragraph.split(/(?<!«) (?![»?!:;])/)) {
      if (line !== "" && line.length + 1 + word.length > width) {
        lines.push(line);
        line = "";
      }
      while (word.length > width) {
        lines.push(word.slice(0, width));
        word = word.slice(width);
      }
      line = line === "" ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines;
}
