import { setImmediate as breathe } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs";
import { KVCache } from "../model/kvCache.ts";
import type { MistralModel } from "../model/mistral.ts";
import { type GenerateOptions, resolveGenerateOptions } from "./options.ts";
import { Sampler } from "./sampling.ts";

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
 * Continues `prompt`, token by token, with a KV cache. Greedy by default.
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
  const { maxPositions, eosIds } = model.config;
  if (prompt.length === 0) throw new RangeError("generate: the prompt has no token; expected at least BOS");
  if (prompt.length >= maxPositions) {
    throw new RangeError(
      `generate: the prompt has ${prompt.length} tokens and the model sees at most ${maxPositions}; shorten it`,
    );
  }
  const capacity = Math.min(maxPositions, prompt.length + maxNewTokens);
  const cache = new KVCache(model.config, capacity);
  try {
    const sampler = new Sampler(sampling);
    const decoder = model.tokenizer.streamDecoder();
    const held = new HeldText(stop);
    const ids = [...prompt];
    let last = performance.now();
    let logits = nextLogits(model, Int32Array.from(prompt), cache);
    while (ids.length < capacity) {
      if (signal?.aborted) return "aborted";
      const id = sampler.next(logits, ids);
      if (eosIds.includes(id)) {
        const text = held.push(decoder.end()) + held.end();
        if (text) yield { id: -1, text };
        return "eos";
      }
      ids.push(id);
      const text = held.push(decoder.push(id));
      yield { id, text };
      if (held.stopped) return "stop";
      if (performance.now() - last > BREATHE_EVERY_MS) {
        await breathe();
        last = performance.now();
      }
      if (ids.length < capacity) logits = nextLogits(model, Int32Array.of(id), cache);
    }
    const text = held.push(decoder.end()) + held.end();
    if (text) yield { id: -1, text };
    return "length";
  } finally {
    cache.dispose();
  }
}

/**
 * Runs the new ids through the model and returns the scores after the last one; the caller may change them. Ids above
 * those of the tokenizer pad the vocabulary of some checkpoints: they mean no text and have no score here.
 */
function nextLogits(model: MistralModel, ids: Int32Array, cache: KVCache): Float32Array {
  return tf.tidy(() => {
    const hidden = model.forwardCached(ids, cache);
    const lastRow = ids.length === 1 ? hidden : tf.slice2d(hidden, [ids.length - 1, 0], [1, -1]);
    return (model.logits(lastRow).dataSync() as Float32Array).slice(0, model.tokenizer.vocabSize);
  });
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
