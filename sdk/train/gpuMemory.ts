/**
 * How much GPU memory a training step will take, and what is kept there to make it fast: bfloat16 copies of the frozen
 * weights, and the activations of each layer. What does not fit is computed again.
 *
 * A step's peak is the largest of a few moments: the loss, and the widest points of each layer's backward. The lists
 * below name what lives at each. They follow the ops (what each keeps for its backward, what it takes meanwhile) and
 * are checked against the measured peak in test/train/gpuMemory.test.ts.
 */
import * as tf from "@tensorflow/tfjs";
import type { Cuda } from "../backend/cuda/cuda.ts";
import { sizeClass } from "../backend/cuda/memory.ts";
import { type Layer, PROJECTIONS, type ProjectionName } from "../model/layers.ts";
import type { MistralModel } from "../model/mistral.ts";
import { adapterGroups, backwardScratch, hasAdapterKernels } from "../ops/cuda/adapter.ts";
import { rowsOfChunk } from "../ops/cuda/crossEntropy.ts";
import { bytesToUpload, copyBytes } from "../weights/deviceWeight.ts";
import type { FrozenWeight } from "../weights/weight.ts";
import type { LargestBatch } from "./plan.ts";

/** What a step keeps instead of computing it again. */
export interface MemoryPlan {
  /** So many layers, the first ones, compute their activations again in backward. */
  recomputedLayers: number;
  /** Frozen weights are kept as activations are stored, beside their 4-bit form. */
  keptCopies: boolean;
}

export interface Workload extends LargestBatch {
  /** More than one micro batch in a step: sums of gradients live beside the new ones. */
  accumulates: boolean;
}

/** Bytes by what they are. */
type Sizes = Record<string, number>;

/** Shared by all estimates of one model on one device. */
interface Shape {
  cuda: Cuda;
  model: MistralModel;
  workload: Workload;
  /** Bytes of a tensor [tokens, width] of activations. */
  wide(width: number, rows?: number): number;
  /** Bytes of the copies that products make of the weights, where they are not kept. */
  copies(...weights: (FrozenWeight | tf.Tensor)[]): number;
}

/** Share of the free memory that is left alone: the driver's own, and what the estimate misses. */
const MARGIN = 0.05;

/**
 * Bytes in use at the peak of a step, by what there is now and what the step adds.
 *
 * @param cuda with nothing of a step alive, and without kept copies
 */
export function predictPeak(cuda: Cuda, model: MistralModel, workload: Workload, plan: MemoryPlan): number {
  return new Estimate(cuda, model, workload, plan.keptCopies).peak(plan.recomputedLayers);
}

/** Bytes that a step may bring those in use up to. */
export function availableBytes(cuda: Cuda): number {
  const { used, held } = cuda.memory.bytes;
  const free = cuda.driver.memory().free + held - used;
  return used + free * (1 - MARGIN);
}

/**
 * The plan that costs the least time of those that fit; undefined when none does.
 *
 * @param recomputedLayers those to choose from. Default: any number
 */
export function choosePlan(
  cuda: Cuda,
  model: MistralModel,
  workload: Workload,
  available: number,
  recomputedLayers = Array.from({ length: model.weights.layers.length + 1 }, (_, i) => i),
): (MemoryPlan & { peakBytes: number }) | undefined {
  let best: (MemoryPlan & { peakBytes: number; cost: number }) | undefined;
  for (const keptCopies of [false, true]) {
    const estimate = new Estimate(cuda, model, workload, keptCopies);
    if (keptCopies && estimate.keptBytes === 0) continue;
    for (const layers of recomputedLayers) {
      const peakBytes = estimate.peak(layers);
      const share = layers / Math.max(1, model.weights.layers.length);
      const cost = (keptCopies ? 0 : (2 + share) * DECODE_TOKENS) + share * workload.tokens;
      if (peakBytes <= available && (!best || cost < best.cost)) {
        best = { recomputedLayers: layers, keptCopies, peakBytes, cost };
      }
    }
  }
  if (!best) return undefined;
  const { cost: _, ...plan } = best;
  return plan;
}

/**
 * Decoding all weights once takes as long as the forward pass of so many tokens. Measured on an H200 at Mistral-7B's
 * shape: 5 ms, and 0.025 ms a token; the ratio of bandwidth to arithmetic is about the same on other cards.
 */
const DECODE_TOKENS = 200;

class Estimate {
  /** Of copies of frozen weights that stay. */
  readonly keptBytes: number;
  private readonly shape: Shape;

  constructor(
    private readonly cuda: Cuda,
    private readonly model: MistralModel,
    private readonly workload: Workload,
    keptCopies: boolean,
  ) {
    const { activation } = cuda;
    const perValue = activation === "float32" ? 4 : 2;
    const copyOf = (weight: FrozenWeight | tf.Tensor) => {
      if (!(weight instanceof tf.Tensor)) return rounded(copyBytes(weight, activation));
      return activation === "float32" ? 0 : rounded(weight.size * perValue);
    };
    // Rows of the embedding are read as they are stored: only a product needs a copy.
    const { embedding, head } = model.weights;
    const multiplied = frozenOf(model).filter((weight) => weight !== embedding || weight === head);
    this.keptBytes = keptCopies ? total(multiplied.map(copyOf)) : 0;
    this.shape = {
      cuda,
      model,
      workload,
      wide: (width, rows = workload.tokens) => rounded(rows * width * perValue),
      copies: (...weights) =>
        total(
          weights
            .filter((weight) => !keptCopies || weight instanceof tf.Tensor)
            .map((weight) => copyOf(weight)),
        ),
    };
  }

  peak(recomputedLayers: number): number {
    const { shape, model, workload } = this;
    const { layers } = model.weights;
    const all = [...model.trainableVariables().values()];
    const sums = workload.accumulates ? total(all.map(gradientBytes)) : 0;
    const kept = layers.map((layer, i) => {
      const tensors = keptByLayer(shape, layer);
      return i < recomputedLayers ? tensors.x : sum(tensors);
    });
    const moments = [total(kept) + sum(lossTensors(shape))];
    // Gradients that there are already: of a trainable head and norm first.
    const { norm, head } = model.weights;
    let made = total(trainable([norm, head]).map(gradientBytes));
    for (let i = layers.length - 1; i >= 0; i--) {
      const below = total(kept.slice(0, i));
      for (const point of backwardPoints(shape, layers[i], i < recomputedLayers)) {
        moments.push(below + made + sum(point));
      }
      made += total(variablesOf(layers[i]).map(gradientBytes));
    }
    moments.push(total(all.map(gradientBytes)));
    return this.before() + sums + Math.max(...moments);
  }

  /** What is there when a step begins. */
  private before(): number {
    const { cuda, model, keptBytes } = this;
    const toCome = frozenOf(model).map((weight) => rounded(bytesToUpload(weight)));
    return cuda.memory.bytes.used + total(toCome) + cuda.workspaceToCome + keptBytes;
  }
}

/** What one layer's ops keep from the forward to the backward. */
function keptByLayer({ model, workload, wide }: Shape, layer: Layer): Sizes {
  const { hiddenSize, heads, kvHeads, headDim, intermediateSize } = model.config;
  const { tokens } = workload;
  const ranks = PROJECTIONS.map((name) => layer[name].lora?.r ?? 0);
  return {
    x: wide(hiddenSize),
    inverseRms: 2 * rounded(4 * tokens),
    normalised: wide(hiddenSize),
    rotatedQueries: wide(heads * headDim),
    rotatedKeys: wide(kvHeads * headDim),
    values: wide(kvHeads * headDim),
    attended: wide(heads * headDim),
    logSumExp: rounded(4 * heads * tokens),
    afterAttention: wide(hiddenSize),
    normalisedAgain: wide(hiddenSize),
    gate: wide(intermediateSize),
    up: wide(intermediateSize),
    gated: wide(intermediateSize),
    adapters: total(ranks.map((r) => (r > 0 ? rounded(4 * r * tokens) : 0))),
  };
}

/** All that lives at the widest points of one layer's backward, but for lower layers and finished gradients. */
function backwardPoints(shape: Shape, layer: Layer, recomputed: boolean): Sizes[] {
  const { model, workload, wide } = shape;
  const { hiddenSize, heads, kvHeads, headDim, intermediateSize } = model.config;
  const { tokens } = workload;
  const kept = keptByLayer(shape, layer);
  const without = (...names: string[]) =>
    Object.fromEntries(Object.entries(kept).filter(([name]) => !names.includes(name)));
  const ofOutput = wide(hiddenSize);
  const [queries, keys, inner] = [wide(heads * headDim), wide(kvHeads * headDim), wide(intermediateSize)];
  // A recomputed layer has the gradient of its output until the end; others add to it on the way.
  const held = recomputed ? ofOutput : 0;
  const mlp = without("gated", "gate", "up");
  const attention = without("gated", "gate", "up", "normalisedAgain", "afterAttention");
  const gradients = (...names: ProjectionName[]) => ({
    weights: shape.copies(...names.map((name) => layer[name].weight)),
    adapterSums: adapterBytes(shape, layer, names),
    adapterGradients: total(names.flatMap((name) => variablesOfProjection(layer, name)).map(gradientBytes)),
  });
  // Blocks of threads may share the query heads of a group, each with sums of its own.
  const tiled = shape.cuda.activation === "bfloat16" && [32, 64, 128].includes(headDim);
  const parts = tiled ? heads / kvHeads : 1;
  const attentionSums = parts > 1 ? rounded(8 * parts * tokens * kvHeads * headDim) : 0;
  return [
    { ...kept, ofOutput, ofGated: inner, ...gradients("down_proj") },
    { ...without("gated"), ofOutput, ofGated: inner, ofGateAndUp: 2 * inner },
    {
      ...mlp,
      ofOutput,
      ofGateAndUp: 2 * inner,
      ofNormalised: ofOutput,
      ...gradients("gate_proj", "up_proj"),
    },
    { ...attention, held, ofAfterAttention: ofOutput, ofAttended: queries, ...gradients("o_proj") },
    {
      ...attention,
      ...{ held, ofAfterAttention: ofOutput, ofAttended: queries, ofQueries: queries, ofKeys: 2 * keys },
      ...{ delta: rounded(4 * heads * tokens), attentionSums },
    },
    {
      ...{ x: kept.x, normalised: kept.normalised, inverseRms: kept.inverseRms, adapters: kept.adapters },
      ...{
        held,
        ofAfterAttention: ofOutput,
        ofQueries: queries,
        ofKeys: 2 * keys,
        ofNormalised: ofOutput,
      },
      ...gradients("q_proj", "k_proj", "v_proj"),
    },
  ];
}

/** What the final norm and the cross-entropy take beside the layers' tensors. */
function lossTensors({ cuda, model, workload, wide, copies }: Shape): Sizes {
  const { hiddenSize, vocabSize } = model.config;
  const { tokens, trainedTokens } = workload;
  const { head } = model.weights;
  const chunkValues = Math.min(rowsOfChunk(trainedTokens, vocabSize), trainedTokens) * vocabSize;
  return {
    beforeNorm: wide(hiddenSize),
    inverseRms: rounded(4 * tokens),
    hidden: wide(hiddenSize),
    trainedRows: trainedTokens < tokens ? wide(hiddenSize, trainedTokens) : 0,
    ofTrainedRows: wide(hiddenSize, trainedTokens),
    losses: rounded(4 * tokens),
    logits: rounded(4 * chunkValues),
    ofLogits: cuda.activation === "float32" ? 0 : rounded(2 * chunkValues),
    head: copies(head),
    // Made in the forward, and scaled in the backward.
    ofHead: head instanceof tf.Tensor ? 2 * gradientBytes(head) : 0,
  };
}

/** What the adapters of the layers of one input take in backward (linearsBackward in sdk/ops/cuda/linear.ts). */
function adapterBytes({ cuda, workload, wide }: Shape, layer: Layer, names: ProjectionName[]): number {
  const { tokens } = workload;
  const inn = layer[names[0]].weight.shape[1];
  const loras = names.flatMap((name) => {
    const { lora } = layer[name];
    return lora ? [{ ...lora, r: lora.a.shape[0] }] : [];
  });
  const byKernels = loras.filter((lora) => hasAdapterKernels(cuda.activation, lora));
  const byProducts = loras.filter((lora) => !byKernels.includes(lora));
  const groups = adapterGroups(byKernels, ({ r }) => r);
  // From the second on, each writes its part of dx beside the sum.
  const parts = Math.max(0, groups.length + byProducts.length - 1) * wide(inn);
  const sums = groups.flatMap((group) => backwardScratch(cuda, tokens, inn, group)).map(rounded);
  const products = byProducts.map(({ r, dropout }) => wide(r) + (dropout > 0 ? wide(inn) : 0));
  return parts + total(sums) + total(products);
}

function frozenOf({ weights: { embedding, head, layers } }: MistralModel): FrozenWeight[] {
  const projections = layers.flatMap((layer) => PROJECTIONS.map((name) => layer[name].weight));
  const matrices = new Set([embedding, head, ...projections]);
  return [...matrices].filter((matrix): matrix is FrozenWeight => !(matrix instanceof tf.Tensor));
}

function variablesOf(layer: Layer): tf.Variable[] {
  const own = PROJECTIONS.flatMap((name) => variablesOfProjection(layer, name));
  return [...own, ...trainable([layer.inputNorm, layer.postAttentionNorm])];
}

function variablesOfProjection(layer: Layer, name: ProjectionName): tf.Variable[] {
  const { weight, lora } = layer[name];
  return trainable([weight, lora?.a, lora?.b]);
}

function trainable(values: unknown[]): tf.Variable[] {
  return values.filter((value): value is tf.Variable => value instanceof tf.Variable);
}

function gradientBytes({ size }: tf.Tensor): number {
  return rounded(4 * size);
}

function rounded(bytes: number): number {
  return bytes === 0 ? 0 : sizeClass(bytes);
}

function sum(sizes: Sizes): number {
  return total(Object.values(sizes));
}

function total(bytes: readonly number[]): number {
  return bytes.reduce((a, b) => a + b, 0);
}
