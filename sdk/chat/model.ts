/** What a chat needs of a language model, and how the real one gives it. */
import { generate } from "../generate/generate.ts";
import type { GenerateOptions } from "../generate/options.ts";
import type { ChatMessage } from "./stage.ts";

/** Settings of the generation, without the signal, which belongs to one answer. */
export type ChatSampling = Omit<GenerateOptions, "signal">;

/** The model as ChatSession sees it. */
export interface ChatModel {
  /** Most tokens of question and answer together. */
  contextLength: number;
  /** A conversation that ends with the customer's message, as ids through the model's own chat template. */
  encode: (messages: readonly ChatMessage[]) => number[];
  /** Continues ids, piece by piece. A piece with id -1 is held-back text and no token of its own. */
  generate: (ids: number[], options: GenerateOptions) => AsyncIterable<{ id: number; text: string }>;
}

/** A loaded model: what `loadModel` and `attachLora` give. */
export type LoadedModel = Parameters<typeof generate>[0];

/** Lets a chat use a loaded model. */
export function toChatModel(model: LoadedModel | ChatModel): ChatModel {
  if ("encode" in model) return model;
  const { tokenizer, config } = model;
  return {
    contextLength: config.maxPositions,
    encode: (messages) =>
      tokenizer.template.encodeChat(tokenizer, messages, { addGenerationPrompt: true }).ids,
    generate: (ids, options) => generate(model, ids, options),
  };
}
