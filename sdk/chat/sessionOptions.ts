/** What a ChatSession can be told, and what is kept of one. */
import { z } from "zod";
import { chatSampling } from "../generate/options.ts";
import type { Domain } from "./domain/domainSchema.ts";
import type { ChatSampling } from "./model.ts";
import { ReasoningSystem } from "./reasoning.ts";
import type { ChatMessage } from "./stage.ts";
import type { ReasoningTrace } from "./trace.ts";

export const chatOptions = z.strictObject({
  reasoning: z.instanceof(ReasoningSystem).optional(),
  system: z.string().min(1).optional(),
  sampling: chatSampling.optional(),
  maxRetries: z.int().min(0).default(1),
});

/** Options of a ChatSession. */
export interface ChatSessionOptions {
  /** Reasons about each question and checks each answer. Default: none, the model alone. */
  reasoning?: ReasoningSystem;
  /** System message in place of the domain's. Danger: a model tuned without one may answer worse. */
  system?: string;
  /** Sampling of the answers; default: that of `generate`, greedy with at most 256 tokens. */
  sampling?: ChatSampling;
  /**
   * How often an inconsistent answer is drawn again, with what was wrong as guidance; 0 or more. Default 1: `say`
   * holds an answer back until it is checked, and one that stays wrong gives way to what the domain says then (`ReasoningSystem.fallback`). With 0,
   * and without reasoning, each piece comes as it is made, and what the check found is in `lastTrace` only.
   */
  maxRetries?: number;
}

export const interactiveOptions = z.strictObject({
  domain: z
    .custom<Domain>((value) => typeof value === "object" && value !== null && "ui" in value)
    .optional(),
  debug: z.boolean().default(false),
});

/** Options of `ChatSession.interactive`. */
export interface InteractiveOptions {
  /** Whose texts and commands; default: that of the session's reasoning. */
  domain?: Domain;
  /** Begin with the reasoning shown. Default false; the command "debug" turns it. */
  debug?: boolean;
}

/** A session as JSON. */
export interface SavedSession {
  version: 1;
  system?: string;
  sampling: ChatSampling;
  maxRetries: number;
  history: ChatMessage[];
  lastTrace?: ReasoningTrace;
}

export const savedSession = z.object({
  version: z.literal(1),
  system: z.string().optional(),
  sampling: z.record(z.string(), z.unknown()),
  maxRetries: z.int().min(0),
  history: z.array(z.object({ role: z.enum(["user", "assistant"]), content: z.string() })),
});
