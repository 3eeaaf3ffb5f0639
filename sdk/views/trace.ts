/**
 * A reasoning as steps, folded: what each stage decided, its scores, and the words of the sentence that it saw. It reads
 * plain values, and of a stage it does not know it shows scores and evidence all the same.
 */
import { type MimeBundle, mimeBundle } from "./bundle.ts";
import { bar, facts, type Html, html, mark, output, said, TONES, type Tone } from "./html.ts";
import { percent, short } from "./numbers.ts";
import { type TraceNames, traceWord } from "./traceWords.ts";

export interface TraceEvidence {
  rule: string;
  text: string;
  /** Place in the question or, for a stage about the answer, in the answer; -1 for none. */
  start: number;
  end: number;
}

export interface TraceStep {
  stage: string;
  summary: string;
  scores: Readonly<Record<string, number>>;
  evidence: readonly TraceEvidence[];
  value: unknown;
  milliseconds: number;
}

/** The part of a reasoning trace that is shown. */
export interface TraceValue {
  query: string;
  entries: readonly TraceStep[];
  prompt?: {
    question: string;
    system: string;
    tokens: number;
    messagesKept: number;
    messagesDropped: number;
    reason?: string;
    retries: number;
    fallback: boolean;
  };
  texts: {
    traceTitle: string;
    stages: Readonly<Record<string, string>>;
    /** How the words of the stages are said. Default: in English. */
    names?: TraceNames;
  };
}

/** @param text what stands for the trace where there is no HTML; @param answer that the trace is about */
export function traceView(trace: TraceValue, text: string, answer?: string): MimeBundle {
  return mimeBundle(
    text,
    output(html`<div class="mlab-line">${headline(trace)}</div>`, steps(trace, answer)),
  );
}

/** The steps; each opens by itself. */
export function steps(trace: TraceValue, answer?: string): Html {
  return html`${trace.entries.map((step) => stepHtml(step, trace, answer))}${promptStep(trace)}`;
}

/** "Raisonnement · LIVRAISON 93 % · ✓ · 1.2 ms" */
export function headline({ texts, entries }: TraceValue): Html {
  const milliseconds = entries.reduce((sum, step) => sum + step.milliseconds, 0);
  const category = read(stepOf(entries, "categorise")?.value, "category");
  const confidence = read(stepOf(entries, "categorise")?.value, "confidence");
  const consistent = read(stepOf(entries, "consistency")?.value, "consistent");
  return html`<b>${texts.traceTitle}</b>${typeof category === "string" && html` · ${category}`}${typeof confidence === "number" && html` ${percent(confidence)}`}${typeof consistent === "boolean" && html` · ${verdict(consistent)}`} · ${milliseconds.toFixed(1)} ms`;
}

function stepHtml(step: TraceStep, trace: TraceValue, answer: string | undefined): Html {
  const label = trace.texts.stages[step.stage] ?? step.stage;
  return html`<details><summary><b>${label}</b> ${word(trace, step.summary)} <span class="mlab-muted">${step.milliseconds.toFixed(2)} ms</span></summary><div style="margin:.2em 0 .6em 1.1em">${body(step, trace, answer)}</div></details>`;
}

function body(step: TraceStep, trace: TraceValue, answer: string | undefined): Html {
  const about = step.stage === "consistency" ? answer : trace.query;
  const sentence = about === undefined ? undefined : highlighted(about, step, trace);
  switch (step.stage) {
    case "categorise":
      return html`${sentence}${scoreBars(step, trace)}${rules(step, trace)}`;
    case "entities":
      return html`${sentence}${kinds(step, trace)}`;
    case "consistency":
      return html`${sentence}${issues(step, trace)}`;
    default:
      return html`${sentence}${facts(plainFacts(step.value, trace))}${scoreBars(step, trace)}${rules(step, trace)}`;
  }
}

/** The sentence with the words that the stage saw, each rule's family in a tone of its own. */
function highlighted(sentence: string, { evidence }: TraceStep, trace: TraceValue): Html | undefined {
  const seen = evidence
    .filter(({ start, end }) => start >= 0 && end > start && end <= sentence.length)
    .toSorted((a, b) => a.start - b.start || b.end - a.end);
  if (seen.length === 0) return undefined;
  const tones = toneByFamily(evidence);
  const parts: (Html | string)[] = [];
  let place = 0;
  for (const { start, end, rule } of seen) {
    // The same words can be evidence for two rules: the first one marks them.
    if (start < place) continue;
    const colour = TONES[tones.get(family(rule))!];
    parts.push(sentence.slice(place, start));
    parts.push(mark(sentence.slice(start, end), colour, word(trace, rule)));
    place = end;
  }
  parts.push(sentence.slice(place));
  return said(parts);
}

const FAMILY_TONES: Tone[] = ["first", "second", "third", "fourth", "fifth", "sixth"];

function toneByFamily(evidence: readonly TraceEvidence[]): Map<string, Tone> {
  const families = [...new Set(evidence.map(({ rule }) => family(rule)))];
  return new Map(families.map((name, i) => [name, FAMILY_TONES[i % FAMILY_TONES.length]]));
}

/** "products: brouette" and "products: gants" are one family. */
function family(rule: string): string {
  return rule.split(/[:\s]/, 1)[0];
}

function kinds({ evidence }: TraceStep, trace: TraceValue): Html | undefined {
  if (evidence.length === 0) return undefined;
  const tones = toneByFamily(evidence);
  const rows = evidence.map(({ rule, text }) => {
    const colour = TONES[tones.get(family(rule))!];
    return html`<tr><td style="border-left:4px solid ${colour};padding-left:.6em">${word(trace, family(rule))}</td><td>${text}</td><td>${rule.slice(family(rule).length).replace(/^[:\s]+/, "")}</td></tr>`;
  });
  return html`<table class="mlab-t"><tbody>${rows}</tbody></table>`;
}

/** The best scores as bars; negative ones (a mood) are bars of the second tone. */
function scoreBars({ scores }: TraceStep, trace: TraceValue): Html | undefined {
  const best = Object.entries(scores)
    .filter(([, score]) => Number.isFinite(score) && Math.abs(score) >= 0.005)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 8);
  if (best.length === 0) return undefined;
  const most = Math.max(1, ...best.map(([, score]) => Math.abs(score)));
  const rows = best.map(
    ([name, score]) =>
      html`<tr><td>${word(trace, name)}</td><td class="mlab-n">${score.toFixed(2)}</td><td style="text-align:left">${bar(Math.abs(score) / most, score < 0 ? "second" : "first")}</td></tr>`,
  );
  return html`<table class="mlab-t"><tbody>${rows}</tbody></table>`;
}

function rules({ evidence }: TraceStep, trace: TraceValue): Html | undefined {
  if (evidence.length === 0) return undefined;
  return html`<ul class="mlab-muted">${evidence
    .slice(0, 8)
    .map(({ text, rule }) => html`<li>${text !== "" && html`« ${text} » `}${word(trace, rule)}</li>`)}</ul>`;
}

function issues({ value }: TraceStep, trace: TraceValue): Html {
  const list = read(value, "issues");
  const score = read(value, "score");
  const found = Array.isArray(list) ? list : [];
  return html`${typeof score === "number" && facts([[word(trace, "score"), score.toFixed(2)]])}${
    found.length > 0 &&
    html`<ul>${found.map((issue) => html`<li><b>${word(trace, String(read(issue, "kind") ?? ""))}</b> <span class="mlab-muted">${word(trace, String(read(issue, "severity") ?? ""))}</span> ${String(read(issue, "message") ?? "")}</li>`)}</ul>`
  }`;
}

function promptStep(trace: TraceValue): Html | undefined {
  const { prompt, texts } = trace;
  if (prompt === undefined) return undefined;
  const pairs: [string, string][] = [["tokens", String(prompt.tokens)]];
  if (prompt.messagesKept + prompt.messagesDropped > 0)
    pairs.push([
      word(trace, "messages"),
      `${prompt.messagesKept} / ${prompt.messagesKept + prompt.messagesDropped}`,
    ]);
  if (prompt.reason) pairs.push([word(trace, "reason"), word(trace, prompt.reason)]);
  if (prompt.retries > 0) pairs.push([word(trace, "retries"), String(prompt.retries)]);
  if (prompt.fallback) pairs.push([word(trace, "fallback"), "✓"]);
  return html`<details><summary><b>${texts.stages.prompt ?? "prompt"}</b> « ${prompt.question} »</summary><div style="margin:.2em 0 .6em 1.1em">${facts(pairs)}${prompt.system !== "" && said(prompt.system)}</div></details>`;
}

function word({ texts }: TraceValue, name: string): string {
  return traceWord(texts.names, name);
}

function verdict(consistent: boolean): Html {
  return html`<b style="color:${TONES[consistent ? "third" : "second"]}">${consistent ? "✓" : "✗"}</b>`;
}

/** The fields of a stage's value that are a word or a number. */
function plainFacts(value: unknown, trace: TraceValue): [string, string][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value)
    .filter(([, field]) => ["string", "number", "boolean"].includes(typeof field))
    .map(([key, field]) => [
      word(trace, key),
      typeof field === "number" ? short(field) : word(trace, String(field)),
    ]);
}

function stepOf(entries: readonly TraceStep[], stage: string): TraceStep | undefined {
  return entries.find((step) => step.stage === stage);
}

function read(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
