/**
 * The reasoning pipeline: runs the stages in order and puts what they find into a trace. Deterministic, and
 * without the language model.
 */
import { checkArgument } from "../options.ts";
import { displayable } from "../views/bundle.ts";
import { traceView } from "../views/trace.ts";
import { type CompiledDomain, compileDomain } from "./domain/compile.ts";
import type { Domain } from "./domain/domainSchema.ts";
import type {
  AnswerStage,
  Conversation,
  LikelihoodModel,
  QuestionStage,
  Stage,
  StageResult,
} from "./stage.ts";
import { approachStage } from "./stages/approach.ts";
import { categoriseStage } from "./stages/categorise.ts";
import { type ConsistencyFinding, consistencyStage } from "./stages/consistency.ts";
import { contextStage } from "./stages/context.ts";
import { entitiesStage } from "./stages/entities.ts";
import { findings, formatTrace, type ReasoningTrace, type TraceEntry, traceValue } from "./trace.ts";

/** The stages that run when none are given, in order. */
export const defaultStages: readonly Stage[] = [
  categoriseStage,
  contextStage,
  entitiesStage,
  approachStage,
  consistencyStage,
];

/** Options of a ReasoningSystem. */
export interface ReasoningOptions {
  /**
   * Stages in the order in which they run; those that look at the answer run after it is there. Default:
   * `defaultStages`. To add one: `[...defaultStages, mine]`. A name may occur once only.
   */
  stages?: readonly Stage[];
}

/** A fact is told to the model from this similarity to the question on. */
const FITTING_FACT = 0.2;

/** Thinks about questions and checks answers, in one domain. */
export class ReasoningSystem {
  readonly domain: Domain;
  readonly compiled: CompiledDomain;
  readonly #stages: readonly Stage[];
  readonly #questionStages: QuestionStage[];
  readonly #answerStages: AnswerStage[];

  constructor(domain: Domain, { stages = defaultStages }: ReasoningOptions = {}) {
    checkArgument(
      "ReasoningSystem: domain",
      Array.isArray(domain?.categories),
      'a domain, such as await loadDomain("ecommerce.fr")',
      domain,
    );
    const names = stages.map((stage) => stage.name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined)
      throw new Error(`ReasoningSystem stages: expected each name once, got ${JSON.stringify(twice)} twice.`);
    this.domain = domain;
    this.compiled = compileDomain(domain);
    this.#stages = stages;
    this.#questionStages = stages.filter((stage) => stage.looksAt === "question");
    this.#answerStages = stages.filter((stage) => stage.looksAt === "answer");
  }

  /** The same stages in another domain, such as that of a file that was edited. */
  inDomain(domain: Domain): ReasoningSystem {
    return new ReasoningSystem(domain, { stages: this.#stages });
  }

  /** Runs the stages that look at the question. `conversation` is what was said before it. */
  analyse(query: string, conversation: Conversation = { messages: [] }): ReasoningTrace {
    const trace = this.#begin(query);
    const input = { query: this.compiled.analyse(query), conversation, domain: this.compiled };
    for (const stage of this.#questionStages)
      trace.entries.push(timed(stage.name, () => stage.run({ ...input, earlier: findings(trace) })));
    return trace;
  }

  /** Like `analyse`; stages that can, ask the model for a second opinion where the domain wants one. */
  async analyseWith(
    model: LikelihoodModel,
    query: string,
    conversation: Conversation = { messages: [] },
  ): Promise<ReasoningTrace> {
    const trace = this.#begin(query);
    const input = { query: this.compiled.analyse(query), conversation, domain: this.compiled };
    for (const stage of this.#questionStages) {
      const own = { ...input, earlier: findings(trace) };
      let result: StageResult<unknown> | undefined;
      const entry = timed(stage.name, () => {
        result = stage.run(own);
        return result;
      });
      trace.entries.push(entry);
      if (stage.consult === undefined || result === undefined) continue;
      const start = performance.now();
      const second = await stage.consult(own, result, model);
      if (second !== result) Object.assign(entry, second, { modelMilliseconds: performance.now() - start });
    }
    return trace;
  }

  #begin(query: string): ReasoningTrace {
    const { ui, name, language } = this.domain;
    const texts = { traceTitle: ui.traceTitle, stages: ui.stages, language };
    return displayable({ query, domain: name, entries: [], texts }, (trace: ReasoningTrace) =>
      traceView(traceValue(trace), formatTrace(trace)),
    );
  }

  /**
   * Runs the stages that look at the answer and puts their entries into the trace, in place of those of an
   * earlier try. Without a consistency stage every answer is consistent.
   */
  check(
    answer: string,
    trace: ReasoningTrace,
    conversation: Conversation = { messages: [] },
  ): ConsistencyFinding {
    const own = new Set(this.#answerStages.map((stage) => stage.name));
    trace.entries = trace.entries.filter((entry) => !own.has(entry.stage));
    const input = {
      query: this.compiled.analyse(trace.query),
      answer: this.compiled.analyse(answer),
      conversation,
      domain: this.compiled,
    };
    for (const stage of this.#answerStages)
      trace.entries.push(timed(stage.name, () => stage.run({ ...input, earlier: findings(trace) })));
    return findings(trace).consistency ?? { consistent: true, score: 1, issues: [] };
  }

  /**
   * What the reasoning tells the model about one question, in the domain's language: short sentences,
   * one a line. Empty where the domain's promptGuidance is "question".
   */
  guidance(trace: ReasoningTrace): string {
    const { promptGuidance } = this.domain;
    if (promptGuidance === "question") return "";
    const { wording } = this.compiled.language.texts;
    const { categorise, context, entities, approach } = findings(trace);
    const lines: string[] = [];
    const say = (text: string, values: Record<string, string> = {}) =>
      lines.push(text.replace(/\{(\w+)\}/g, (_, key: string) => values[key] ?? ""));
    if (approach !== undefined && approach.offence !== "none")
      say(wording.begin, { text: this.domain.courtesy.replies[approach.offence] });
    const category = this.domain.categories.find(({ id }) => id === categorise?.category);
    if (category !== undefined) say(wording.focus, { category: category.description });
    if (promptGuidance === "short") return lines.join("\n");
    const named = Object.values(entities ?? {}).flatMap((list) => list.map(({ text }) => text));
    if (named.length > 0) say(wording.known, { entities: named.join(", ") });
    if (context?.relation === "refers_to_previous") say(wording.followUp);
    if (approach !== undefined) {
      say(wording.tones[approach.tone]);
      say(wording.formats[approach.format]);
      if (approach.clarify) say(wording.clarify);
      else if (approach.begin !== undefined && !approach.offensive)
        say(wording.begin, { text: approach.begin });
    }
    const facts = this.compiled.facts
      .nearest(this.compiled.analyse(trace.query).tokens, 2)
      .filter(({ similarity }) => similarity >= FITTING_FACT);
    if (facts.length > 0) say(wording.facts, { facts: facts.map(({ fact }) => fact.text).join(" ") });
    return lines.join("\n");
  }

  /**
   * What is said where no right answer came: to an offence the domain's reply, to mere courtesy its template, else the
   * domain's fallback.
   */
  fallback(trace: ReasoningTrace): string {
    const { approach, categorise } = findings(trace);
    const answersItself = approach?.offensive || categorise?.courtesyOnly;
    return (answersItself ? approach?.begin : undefined) ?? this.domain.fallback;
  }

  /** What to tell the model after an inconsistent answer; empty where promptGuidance is "question". */
  retryGuidance(finding: ConsistencyFinding): string {
    if (this.domain.promptGuidance === "question") return "";
    const issue = finding.issues.map(({ message }) => message).join(" ");
    return this.compiled.language.texts.wording.retry.replace("{issue}", issue);
  }
}

function timed(stage: string, run: () => StageResult<unknown>): TraceEntry {
  const start = performance.now();
  const { value, summary, scores, evidence } = run();
  return { stage, summary, scores, evidence, value, milliseconds: performance.now() - start };
}
