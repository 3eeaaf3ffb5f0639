/**
 * The Mistral decoder (Jiang et al. 2023, "Mistral 7B"), written once for every backend.
 * All sequences of a batch lie one after another in one row of T tokens, without padding: `cuSeqlens` says where
 * each begins, attention stays inside each, and positions restart at 0.
 */
import * as tf from "@tensorflow/tfjs";
import type { TokenBatch } from "../data/batches.ts";
import { attention } from "../ops/attention.ts";
import { attentionCached } from "../ops/attentionCached.ts";
import { crossEntropy } from "../ops/crossEntropy.ts";
import { decodeLayers } from "../ops/decodeLayers.ts";
import { seedFrom } from "../ops/dropout.ts";
import { embedding } from "../ops/embedding.ts";
import { type LinearLayer, linear, linears } from "../ops/linear.ts";
import { normLinears, normSwiglu } from "../ops/normLinears.ts";
import { dropping } from "../ops/remake.ts";
import { rmsNorm } from "../ops/rmsNorm.ts";
import { rope } from "../ops/rope.ts";
import { checkArgument } from "../options.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { DISPLAY, type MimeBundle } from "../views/bundle.ts";
import { modelView } from "../views/model.ts";
import { writeAdapter } from "./adapter.ts";
import type { MistralConfig } from "./config.ts";
import { DROPPED_OPS, type Keeping } from "./keeping.ts";
import type { KVCache } from "./kvCache.ts";
import {
  type Layer,
  loraScale,
  type MistralWeights,
  modulePath,
  PROJECTIONS,
  type ProjectionName,
} from "./layers.ts";
import { inverseFrequencies } from "./ropeScaling.ts";
import { modelSummary } from "./summary.ts";

export interface ForwardOptions {
  /** Training: dropout is on, its masks drawn from this seed (unsigned 32-bit). Absent: no dropout. */
  dropoutSeed?: number;
  /**
   * Tokens that went before with the same seed: the masks go on after theirs, so that rows drop the same elements
   * however they are split into batches. Default 0.
   */
  tokensBefore?: number;
  /** What layers keep for the backward: each the same, or one by one. Default "all". */
  keeping?: Keeping | readonly Keeping[];
}

/** @throws TypeError when `value` is no model; a promise of one is told as a forgotten await */
export function checkModel(where: string, value: unknown): void {
  checkArgument(`${where}: model`, value instanceof MistralModel, "a model, as loadModel gives it", value);
}

/**
 * A model that can answer and, with an adapter or as `makeTrainable` gives it, be trained: configuration, weights, tokenizer,
 * and where they came from. Frozen weights are shared between the models that `quantize` and `attachLora` make of one.
 */
export class MistralModel {
  /** Angles of RoPE: inverse frequencies [headDim / 2]. */
  private readonly inverseFrequencies: Float32Array;

  constructor(
    readonly config: MistralConfig,
    readonly weights: MistralWeights,
    readonly tokenizer: Tokenizer,
    /** Where the base weights came from: a folder or a hub id. */
    readonly source: string,
    /** What nobody else frees. */
    private readonly owned: readonly { dispose(): void }[] = [],
  ) {
    this.inverseFrequencies = inverseFrequencies(config.headDim, config.ropeTheta, config.ropeScaling);
  }

  /** In a notebook: size, memory by matrix, what is trained. */
  [DISPLAY](): MimeBundle {
    return modelView(modelSummary(this));
  }

  /**
   * Final hidden states [T, hidden], after the last norm.
   *
   * @throws RangeError when an id is outside the vocabulary
   */
  forward(
    batch: Pick<TokenBatch, "ids" | "positions" | "cuSeqlens">,
    options: ForwardOptions = {},
  ): tf.Tensor2D {
    const { dropoutSeed, tokensBefore = 0, keeping = "all" } = options;
    return tf.tidy(() => {
      let x = embedding(this.weights.embedding, batch.ids);
      this.weights.layers.forEach((layer, i) => {
        const masks = dropoutSeed === undefined ? undefined : { seed: mix(dropoutSeed, i), tokensBefore };
        const attend = (q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D) =>
          attention(q, k, v, { ...this.attentionOptions(i), cuSeqlens: batch.cuSeqlens });
        const kept = typeof keeping === "string" ? keeping : keeping[i];
        // What only this layer reads, and its backward does not, is free again at once.
        x = dropping(DROPPED_OPS[kept], () =>
          tf.tidy(() => this.layer(layer, x, batch.positions, attend, masks)),
        );
      });
      return rmsNorm(x, this.weights.norm, this.config.rmsNormEps);
    });
  }

  /**
   * As `forward` for the next tokens of one sequence: reads and extends `cache`. No gradient.
   *
   * @param ownPositions [T] what the positions after the cache's are anyway, in an array that the caller chooses
   */
  forwardCached(ids: Int32Array, cache: KVCache, ownPositions?: Int32Array): tf.Tensor2D {
    const past = cache.reserve(ids.length);
    const positions = ownPositions ?? ids.map((_, i) => past + i);
    return tf.tidy(() => {
      let x = embedding(this.weights.embedding, ids);
      const decoded = ids.length === 1 ? this.decode(x, cache, positions) : undefined;
      const layers = decoded ? [] : this.weights.layers;
      x = decoded ?? x;
      layers.forEach((layer, i) => {
        const attend = (q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D) =>
          attentionCached(q, k, v, { ...this.attentionOptions(i), cache: cache.layers[i], past: positions });
        x = this.layer(layer, x, positions, attend);
      });
      cache.commit(ids.length);
      return rmsNorm(x, this.weights.norm, this.config.rmsNormEps);
    });
  }

  /** Scores of every next token: hidden [T, hidden] -> [T, vocab]. For a few rows only. */
  logits(hidden: tf.Tensor2D): tf.Tensor2D {
    return linear(hidden, this.weights.head);
  }

  /** Sum of -log p(label) over the trained positions, in nats: a scalar, and one value a token [T]. */
  loss(batch: TokenBatch, options: ForwardOptions = {}): { lossSum: tf.Scalar; tokenLosses: tf.Tensor1D } {
    return crossEntropy(this.forward(batch, options), this.weights.head, batch.labels);
  }

  /** What training changes, by Hugging Face name without ".weight" for LoRA ("…q_proj.lora_A"). */
  trainableVariables(): Map<string, tf.Variable> {
    const found = new Map<string, tf.Variable>();
    const { embedding: embed, head, norm, layers } = this.weights;
    const add = (name: string, value: unknown) => {
      if (value instanceof tf.Variable) found.set(name, value);
    };
    add("model.embed_tokens", embed);
    layers.forEach((layer, i) => {
      const prefix = `model.layers.${i}.`;
      add(`${prefix}input_layernorm`, layer.inputNorm);
      add(`${prefix}post_attention_layernorm`, layer.postAttentionNorm);
      for (const name of PROJECTIONS) {
        const { weight, lora } = layer[name];
        const path = prefix + modulePath(name);
        add(path, weight);
        add(`${path}.lora_A`, lora?.a);
        add(`${path}.lora_B`, lora?.b);
      }
    });
    add("model.norm", norm);
    if (head !== embed) add("lm_head", head);
    return found;
  }

  /**
   * Writes the adapter in PEFT's format, the tokenizer's files, and `mistral_lab.json`, which ties it to its base.
   *
   * @param dir made if needed; `loadModel(dir)` gives this model back
   * @throws when the model has no adapter, or the disk refuses
   */
  async save(dir: string): Promise<void> {
    const { tokenizer, weights, source } = this;
    await writeAdapter(dir, weights.layers, source, tokenizer);
  }

  /**
   * Frees the tensors that this model brought along, so that `tf.memory()` is as before: what `attachLora` or full
   * training made and, of a model that `loadModel` gave, its norms. Models made of a loaded one (`quantize`,
   * `attachLora`, `withoutLora`) share those, and cannot be used after it was disposed of. Safe to call twice.
   */
  dispose(): void {
    for (const variable of this.trainableVariables().values()) variable.dispose();
    for (const part of this.owned) part.dispose();
  }

  private layer(
    layer: Layer,
    x: tf.Tensor2D,
    positions: Int32Array,
    attend: (q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D) => tf.Tensor2D,
    masks?: Masks,
  ): tf.Tensor2D {
    const { headDim, rmsNormEps } = this.config;
    const projection = (name: ProjectionName) => linearLayer(layer, name, masks);
    const norm = (gamma: tf.Tensor1D) => ({ gamma, eps: rmsNormEps });
    const [q, k, v] = normLinears(
      x,
      norm(layer.inputNorm),
      (["q_proj", "k_proj", "v_proj"] as const).map(projection),
    );
    const angles = { positions, headDim, inverseFrequencies: this.inverseFrequencies };
    const [rotatedQ, rotatedK] = rope([q, k], angles);
    const [afterAttention] = linears(attend(rotatedQ, rotatedK, v), [projection("o_proj")], x);
    const [gate, up] = [projection("gate_proj"), projection("up_proj")];
    const gated = normSwiglu(afterAttention, norm(layer.postAttentionNorm), gate, up);
    return linears(gated, [projection("down_proj")], afterAttention)[0];
  }

  /** All layers for one token in one launch; undefined where there is none. */
  private decode(x: tf.Tensor2D, cache: KVCache, past: Int32Array): tf.Tensor2D | undefined {
    const { config, inverseFrequencies, weights } = this;
    const layers = weights.layers.map((layer, i) => ({
      projections: PROJECTIONS.map((name) => linearLayer(layer, name)),
      ...{ inputNorm: layer.inputNorm, outputNorm: layer.postAttentionNorm },
      ...{ cache: cache.layers[i], window: this.attentionOptions(i).window },
    }));
    return decodeLayers(x, layers, {
      ...{ hidden: config.hiddenSize, intermediate: config.intermediateSize, eps: config.rmsNormEps },
      ...{ heads: config.heads, kvHeads: config.kvHeads, headDim: config.headDim },
      ...{ attentionScale: this.attentionOptions(0).scale, past, inverseFrequencies },
    });
  }

  private attentionOptions(layer: number) {
    const { heads, kvHeads, headDim, slidingWindow, fullAttentionLayers, ropeScaling } = this.config;
    const window = fullAttentionLayers?.includes(layer) ? 0 : (slidingWindow ?? 0);
    // YaRN lengthens rotated queries and keys alike, which is their scores multiplied by the square.
    const stretch = ropeScaling?.type === "yarn" ? ropeScaling.attentionFactor ** 2 : 1;
    return { heads, kvHeads, headDim, window, scale: stretch / Math.sqrt(headDim) };
  }
}

/** Where the dropout masks of a layer come from. */
interface Masks {
  seed: number;
  /** Rows of every input that their first elements were for. */
  tokensBefore: number;
}

/** A projection as the ops take it; with masks its adapter drops out. */
function linearLayer(layer: Layer, name: ProjectionName, masks?: Masks): LinearLayer {
  const { weight, lora } = layer[name];
  if (!lora) return { weight };
  const training = masks && lora.dropout > 0;
  return {
    weight,
    lora: {
      a: lora.a,
      b: lora.b,
      scale: loraScale(lora),
      dropout: training ? lora.dropout : 0,
      seed: training
        ? seedFrom(mix(masks.seed, PROJECTIONS.indexOf(name)), masks.tokensBefore * weight.shape[1])
        : 0,
    },
  };
}

/** A new 32-bit seed from a seed and an index, so that no two projections share a mask. */
function mix(seed: number, index: number): number {
  let h = Math.imul(seed ^ Math.imul(index + 1, 0x9e3779b1), 0x85ebca6b);
  h ^= h >>> 13;
  return Math.imul(h, 0xc2b2ae35) >>> 0;
}
