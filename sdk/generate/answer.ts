import type { MistralModel } from "../model/mistral.ts";
import type { ChatMessage } from "../text/chatTemplate.ts";
import { type FinishReason, generate } from "./generate.ts";
import type { GenerateOptions } from "./options.ts";

/** The whole answer to a conversation that ends with a message of the user, through the model's chat template. */
export async function answerChat(
  model: MistralModel,
  messages: readonly ChatMessage[],
  options: GenerateOptions = {},
): Promise<{ text: string; reason: FinishReason }> {
  const { template } = model.tokenizer;
  const { ids } = template.encodeChat(model.tokenizer, messages, { addGenerationPrompt: true });
  const pieces = generate(model, ids, options);
  let text = "";
  for (;;) {
    const next = await pieces.next();
    if (next.done) return { text: text.trim(), reason: next.value };
    text += next.value.text;
  }
}
