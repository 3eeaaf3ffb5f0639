/** What a chat needs of a language model, and how the real one gives it. */
import { makeBatch } from "../data/batches.ts";
import { ignoredLabel } from "../data/example.ts";
import { generate } from "../generate/generate.ts";
import type { GenerateOptions } from "../generate/options.ts";
import { checkArgument } from "../options.ts";
import type { ChatMessage, LikelihoodModel } from "./stage.ts";

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
  /** For second opinions; a model without it gives none. */
  logLikelihoods?: LikelihoodModel["logLikelihoods"];
}

/** A loaded model: what `loadModel` and `attachLora` give. */
export type LoadedModel = Parameters<typeof generate>[0];

/** Lets a chat use a loaded model. */
export function toChatModel(model: LoadedModel | ChatModel): ChatModel {
  const fits = typeof model === "object" && ("encode" in model || "tokenizer" in model);
  checkArgument("ChatSession: model", fits, "a model, as loadModel gives it", model);
  if ("encode" in model) return model;
  const { tokenizer, config } = model;
  return {
    contextLength: config.maxPositions,
    encode: (messages) =>
      tokenizer.template.encodeChat(tokenizer, messages, { addGenerationPrompt: true }).ids,
    generate: (ids, options) => generate(model, ids, options),
    logLikelihoods: (question, answers) => logLikelihoods(model, question, answers),
  };
}

/** All answers in one packed batch: one forward pass. */
async function logLikelihoods(
  model: LoadedModel,
  question: string,
  answers: readonly string[],
): Promise<number[]> {
  const examples = answers.map((response) => {
    const prompt: ChatMessage[] = [{ role: "user", content: question }];
    const messages: ChatMessage[] = [...prompt, { role: "assistant", content: response }];
    const { ids, mask } = model.tokenizer.template.encodeChat(model.tokenizer, messages);
    const labels = Int32Array.from(ids, (_, i) => (mask[i + 1] === 1 ? ids[i + 1] : ignoredLabel));
    return { ids: Int32Array.from(ids), labels, instruction: question, response, prompt, line: 0 };
  });
  const tokens = examples.reduce((sum, { ids }) => sum + ids.length, 0);
  const batch = makeBatch([{ examples, tokens }]);
  const { lossSum, tokenLosses } = model.loss(batch);
  const losses = await tokenLosses.data();
  lossSum.dispose();
  tokenLosses.dispose();
  return answers.map((_, i) => {
    let sum = 0;
    for (let at = batch.cuSeqlens[i]; at < batch.cuSeqlens[i + 1]; at++)
      if (batch.labels[at] !== ignoredLabel) sum -= losses[at];
    return sum;
  });
}
