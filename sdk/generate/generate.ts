import { setImmediate as breathe } from "node:timers/promises";
import { checkModel, type MistralModel } from "../model/mistral.ts";
import { checkArgument } from "../options.ts";
import { nextIds } from "./nextIds.ts";
import { type GenerateOptions, resolveGenerateOptions } from "./options.ts";

/** One step of `generate`. */
export interface GeneratedPiece {
  /** The token; -1 for text that was held back and comes after the last token. */
  id: number;
  /** Text that is certain by now: may be empty in the middle of a character or of a stop text. */
  text: string;
}

/** Why a generation ended. */
export type FinishReason = "eos" | "stop" | "length" | "aborted";

/** Event-loop turns are given up every so many milliseconds, so that Ctrl-C and other work get through. */
const BREATHE_EVERY_MS = 8;

/**
 * Continues `prompt`, token by token, with a KV cache. Greedy by default. Only ids of the tokenizer are chosen: those
 * above, which pad the vocabulary of some checkpoints, mean no text.
 *
 * @param prompt token ids, at least one, BOS included
 * @returns an async generator of pieces; its return value is the reason it ended
 * @throws when an option is wrong, or the prompt is empty or does not fit the context window (`maxPositions`)
 */
export async function* generate(
  model: MistralModel,
  prompt: readonly number[],
  options: GenerateOptions = {},
): AsyncGenerator<GeneratedPiece, FinishReason> {
  const { maxNewTokens, stop, signal, ...sampling } = resolveGenerateOptions(options);
  checkModel("generate", model);
  const ids =
    typeof prompt === "object" && (prompt as readonly unknown[]).every?.((id) => typeof id === "number");
  checkArgument(
    "generate: prompt",
    ids === true,
    "token ids, as model.tokenizer.template.encodeChat or tokenizer.encode gives them",
    prompt,
  );
  const { maxPositions, eosIds } = model.config;
  if (prompt.length === 0) throw new RangeError("generate: the prompt has no token; expected at least BOS");
  if (prompt.length >= maxPositions) {
    throw new RangeError(
      `generate: the prompt has ${prompt.length} tokens and the model sees at most ${maxPositions}; shorten it`,
    );
  }
  const capacity = Math.min(maxPositions, prompt.length + maxNewTokens);
  const decoder = model.tokenizer.streamDecoder();
  const held = new HeldText(stop);
  const end = () => ({ id: -1, text: held.push(decoder.end()) + held.end() });
  if (signal?.aborted) return "aborted";
  let last = performance.now();
  for await (const id of nextIds(model, prompt, sampling, capacity)) {
    if (signal?.aborted) return "aborted";
    if (eosIds.includes(id)) {
      const rest = end();
      if (rest.text) yield rest;
      return "eos";
    }
    const text = held.push(decoder.push(id));
    yield { id, text };
    if (held.stopped) return "stop";
    if (performance.now() - last > BREATHE_EVERY_MS) {
      await breathe();
      last = performance.now();
    }
  }
  const rest = end();
  if (rest.text) yield rest;
  return "length";
}

/** Keeps back text that might be the beginning of a stop text. */
class HeldText {
  stopped = false;
  private pending = "";

  constructor(private readonly stop: readonly string[]) {}

  push(text: string): string {
    if (this.stop.length === 0) return text;
    this.pending += text;
    const found = this.stop.map((s) => this.pending.indexOf(s)).filter((i) => i >= 0);
    if (found.length > 0) {
      this.stopped = true;
      return this.pending.slice(0, Math.min(...found));
    }
    let keep = 0;
    for (const s of this.stop) {
      for (let n = Math.min(s.length - 1, this.pending.length); n > keep; n--) {
        if (this.pending.endsWith(s.slice(0, n))) keep = n;
      }
    }
    const out = this.pending.slice(0, this.pending.length - keep);
    this.pending = this.pending.slice(this.pending.length - keep);
    return out;
  }

  end(): string {
    return this.pending;
  }
}
