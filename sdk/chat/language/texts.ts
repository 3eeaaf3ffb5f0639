/**
 * What the program itself says in a language: in the chat, in the trace, about answers, and in the beginning of a new
 * domain. What a shop says stands in its domain file.
 */
import type { TraceNames } from "../../views/traceWords.ts";
import type { AskedKind } from "./replyWords.ts";

export interface LanguageTexts {
  chat: ChatTexts;
  trace: TraceTexts;
  checks: CheckTexts;
  /** What a question asks for, as `checks.noAnswer` calls it. */
  asked: Record<AskedKind | "quantity" | "manner" | "place", string>;
  beginning: DomainBeginning;
  /** What the model is told. */
  wording: Wording;
  /** The names that stages write, as the trace says them; a name that is not there is said in plain English. */
  traceNames: TraceNames;
  /** A sentence inside a sentence: « … ». */
  quote: (text: string) => string;
}

/** Texts of the chat that no domain says its own way. */
export interface ChatTexts {
  /** After the command that shows the reasoning, where the session has none. */
  noReasoning: string;
  /** What the command "adapter" is called, besides. */
  adapterWord: string;
  /** A line of the help, where there are several adapters. */
  adapterHelp: string;
  adapterNow: (name: string) => string;
  adapterList: (names: string) => string;
  adapterUnknown: (name: string, names: string) => string;
}

/** Words of the trace's box. */
export interface TraceTexts {
  kept: string;
  dropped: string;
  new_topic: string;
  window: string;
  fallback: string;
  model: string;
}

/** What the consistency checks say: shown in the trace and told to the model for its next try. */
export interface CheckTexts {
  empty: string;
  wrongLanguage: string;
  wrongTone: (words: string) => string;
  padding: string;
  repeats: string;
  offTopic: (question: string, answer: string) => string;
  foreign: (question: string) => string;
  saysNothing: string;
  noAnswer: (asked: string) => string;
  otherFact: (expected: string) => string;
  number: (given: string, expected: string) => string;
  notInFact: (given: string, fact: string) => string;
  earlier: (now: string, before: string) => string;
  itself: string;
  opposite: (asked: string, given: string) => string;
  name: (given: string, expected: string) => string;
  invents: (given: string) => string;
}

/** What a new domain holds for its author to replace. */
export interface DomainBeginning {
  systemPrompt: (name: string) => string;
  welcome: (name: string) => string;
  fallback: string;
  fact: string;
  first: BeginningCategory;
  second: BeginningCategory;
}

interface BeginningCategory {
  id: string;
  description: string;
  keywords: string[];
  examples: string[];
  answers: string[];
}

/** The sentences out of which guidance for the model and stage summaries are made. */
export interface Wording {
  /** Asks a language model for a category; holds {query}. */
  classify: string;
  tones: Record<"neutral" | "warm" | "apologetic" | "calm" | "enthusiastic", string>;
  formats: Record<"short" | "sentence" | "steps" | "list", string>;
  focus: string;
  clarify: string;
  begin: string;
  known: string;
  followUp: string;
  facts: string;
  retry: string;
}
