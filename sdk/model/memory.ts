/** What a model takes in memory, told from its shape alone: before anything is downloaded or loaded. */
import { z } from "zod";
import { checkOptions } from "../options.ts";
import type { MistralConfig } from "./config.ts";

/** The part of a config.json that memory depends on. */
export type ModelShape = Pick<
  MistralConfig,
  | "hiddenSize"
  | "intermediateSize"
  | "heads"
  | "kvHeads"
  | "headDim"
  | "layers"
  | "vocabSize"
  | "tieEmbeddings"
>;

/** Options of `modelMemory`. */
export interface MemoryOptions {
  /** Rank of LoRA on all projections. Default 8 */
  r?: number;
  /** Length of the text that is chatted or trained with, in tokens. Default 512 */
  tokens?: number;
}

const options = z.strictObject({
  r: z.int().positive().default(8),
  tokens: z.int().positive().default(512),
});

/** Counts of values, and bytes. Bytes are estimates within a few percent; a training on a GPU plans its own exactly. */
export interface ModelMemory {
  /** All values. */
  parameters: number;
  /** Values in the projections of the layers, which NF4 packs into 4 bits. */
  quantized: number;
  /** Values that LoRA trains. */
  trainable: number;
  /** The weights as they are stored in 16 bits. */
  stored: number;
  /** The weights with the projections in NF4; embedding and head in 16 bits, norms in 32. */
  nf4: number;
  /** The adapter with its gradient and the two moments of AdamW, all float32. */
  adapter: number;
  /** All weights in float32 with gradient and moments, before any activation: what LoRA spares. */
  fullTraining: number;
  /** Chat on the NF4 base, with a cache of keys and values. */
  chat: number;
  /** QLoRA with one text: base in NF4, adapter, activations where each layer's input is kept. */
  train: number;
}

/**
 * Estimates the memory that a model takes to chat and to train, in bytes, from its shape alone: before it is downloaded.
 *
 * @param shape a model's `config`, or the numbers of one that is not there
 * @throws where an option is unknown or wrong, or the shape lacks a number (all are named)
 */
export function modelMemory(shape: ModelShape, given: MemoryOptions = {}): ModelMemory {
  const { r, tokens } = checkOptions("modelMemory", options, given);
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim, layers, vocabSize, tieEmbeddings } = shape;
  const unknown = Object.entries({ hiddenSize, intermediateSize, heads, kvHeads, headDim, layers, vocabSize })
    .filter(([, value]) => !(value > 0))
    .map(([name]) => name);
  if (unknown.length > 0) {
    throw new TypeError(
      `modelMemory: shape: expected numbers above 0 for ${unknown.join(", ")}; see ModelShape`,
    );
  }
  const [q, kv] = [heads * headDim, kvHeads * headDim];
  const quantized = layers * (hiddenSize * (2 * q + 2 * kv) + 3 * hiddenSize * intermediateSize);
  const rows = vocabSize * hiddenSize * (tieEmbeddings ? 1 : 2);
  const norms = hiddenSize * (2 * layers + 1);
  // In and out of each projection, by the rank.
  const sides = layers * (4 * hiddenSize + 2 * q + 2 * kv + 3 * (hiddenSize + intermediateSize));
  const parameters = quantized + rows + norms;
  // 4 bits a value, a scale of 8 bits for 64 of them, and one of 32 bits for 256 scales.
  const nf4 = quantized * (0.5 + 1 / 64 + 4 / 64 / 256) + 2 * rows + 4 * norms;
  // Value, gradient and two moments, 4 bytes each.
  const adapter = 16 * r * sides;
  const cache = 4 * 2 * layers * kv * tokens;
  // Each layer's input is kept; one layer is computed again at a time; scores of the vocabulary twice.
  const row = layers * hiddenSize + 6 * hiddenSize + 2 * (q + 2 * kv) + 4 * intermediateSize + 2 * vocabSize;
  return {
    parameters,
    quantized,
    trainable: r * sides,
    stored: 2 * parameters,
    nf4,
    adapter,
    fullTraining: 16 * parameters,
    chat: nf4 + cache,
    train: nf4 + adapter + 4 * tokens * row,
  };
}
