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
import { KEEPINGS, type Keeping } from "../model/keeping.ts";
import { PROJECTIONS } from "../model/layers.ts";
import type { MistralModel } from "../model/mistral.ts";
import { rowsOfChunk } from "../ops/cuda/crossEntropy.ts";
import { bytesToUpload, copyBytes } from "../weights/deviceWeight.ts";
import type { FrozenWeight } from "../weights/weight.ts";
import {
  backwardPoints,
  gradientBytes,
  keptByLayer,
  rounded,
  type Shape,
  type Sizes,
  sum,
  total,
  trainable,
  variablesOf,
  type Workload,
} from "./layerMemory.ts";

/** What a step keeps instead of computing it again. */
export interface MemoryPlan {
  /** Of each layer; those that keep less come first. */
  keeping: readonly Keeping[];
  /** Frozen weights are kept as activations are stored, beside their 4-bit form. */
  keptCopies: boolean;
}

/** Share of the free memory that is left alone: the driver's own, and what the estimate misses. */
const MARGIN = 0.05;

/**
 * Bytes in use at the peak of a step, by what there is now and what the step adds.
 *
 * @param cuda with nothing of a step alive, and without kept copies
 */
export function predictPeak(cuda: Cuda, model: MistralModel, workload: Workload, plan: MemoryPlan): number {
  return new Estimate(cuda, model, workload, plan.keptCopies).peak(plan.keeping);
}

/** Bytes that a step may bring those in use up to. */
export function availableBytes(cuda: Cuda): number {
  const { used, held } = cuda.memory.bytes;
  const free = cuda.driver.memory().free + held - used;
  return used + free * (1 - MARGIN);
}

/** A plan, and what it takes. */
export type ChosenPlan = MemoryPlan & { peakBytes: number };

/**
 * The plan that costs the least time of those that fit; undefined when none does.
 *
 * @param keepings those to choose from. Default: all
 */
export function choosePlan(
  cuda: Cuda,
  model: MistralModel,
  workload: Workload,
  available: number,
  keepings: readonly Keeping[] = KEEPINGS,
): ChosenPlan | undefined {
  let best: (ChosenPlan & { cost: number }) | undefined;
  for (const keptCopies of [false, true]) {
    const estimate = new Estimate(cuda, model, workload, keptCopies);
    if (keptCopies && estimate.keptBytes === 0) continue;
    for (const keeping of mixtures(model.weights.layers.length, keepings)) {
      const peakBytes = estimate.peak(keeping);
      if (peakBytes > available) continue;
      const cost = timeOf(model, workload, keeping, keptCopies);
      if (!best || cost < best.cost) best = { keeping, keptCopies, peakBytes, cost };
    }
  }
  if (!best) return undefined;
  const { cost: _, ...plan } = best;
  return plan;
}

/** Layers of one kind, or the first ones of one kind and the others of another that keeps more. */
function mixtures(layers: number, keepings: readonly Keeping[]): Keeping[][] {
  const found: Keeping[][] = [];
  const ordered = KEEPINGS.filter((keeping) => keepings.includes(keeping));
  for (const [i, more] of ordered.entries()) {
    found.push(new Array(layers).fill(more));
    for (const less of ordered.slice(i + 1)) {
      for (let count = 1; count < layers; count++) {
        found.push(Array.from({ length: layers }, (_, layer) => (layer < count ? less : more)));
      }
    }
  }
  return found;
}

/**
 * Decoding all weights once takes as long as the forward pass of so many tokens. Measured on an H200 at Mistral-7B's
 * shape: 5 ms, and 0.025 ms a token; the ratio of bandwidth to arithmetic is about the same on other cards.
 */
const DECODE_TOKENS = 200;
/** Share of a layer's forward pass that norms and SwiGLU take: bytes over bandwidth, on an H200. */
const LEAN_SHARE = 0.04;
/** Attention reaches about half of the rate of the products. */
const ATTENTION_SLOWNESS = 2;

/** What a plan costs beside the step that makes nothing again, in forward passes of one token. */
function timeOf(
  { config, weights }: MistralModel,
  { tokens, longest }: Workload,
  keeping: readonly Keeping[],
  keptCopies: boolean,
): number {
  let [again, shares] = [0, 0];
  for (const [i, kept] of keeping.entries()) {
    if (kept === "all") continue;
    again += LEAN_SHARE;
    if (kept === "lean") continue;
    const sizes = PROJECTIONS.map((name) => weights.layers[i][name].weight.shape);
    const all = total(sizes.map(([out, inn]) => out * inn));
    const [out, inn] = weights.layers[i].down_proj.weight.shape;
    // The last product of a layer is read by no backward.
    const share = (all - out * inn) / all;
    shares += share;
    again += share;
    if (kept === "attention") continue;
    // Two products, over half of the keys.
    again += (ATTENTION_SLOWNESS * longest * config.heads * config.headDim) / all;
  }
  const layers = Math.max(1, keeping.length);
  return ((keptCopies ? 0 : 2 * layers + shares) * DECODE_TOKENS + again * tokens) / layers;
}

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
      copy: (weight) => (keptCopies && !(weight instanceof tf.Tensor) ? 0 : copyOf(weight)),
    };
  }

  peak(keeping: readonly Keeping[]): number {
    const { shape, model, workload } = this;
    const { layers } = model.weights;
    const all = [...model.trainableVariables().values()];
    const sums = workload.accumulates ? total(all.map(gradientBytes)) : 0;
    const kept = layers.map((layer, i) => sum(keptByLayer(shape, layer, keeping[i])));
    const moments = [total(kept) + sum(lossTensors(shape))];
    // Gradients that there are already: of a trainable head and norm first.
    const { norm, head } = model.weights;
    let made = total(trainable([norm, head]).map(gradientBytes));
    for (let i = layers.length - 1; i >= 0; i--) {
      const below = total(kept.slice(0, i));
      for (const point of backwardPoints(shape, layers[i], keeping[i])) {
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

/** What the final norm and the cross-entropy take beside the layers' tensors. */
function lossTensors({ cuda, model, workload, wide, copy }: Shape): Sizes {
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
    head: copy(head),
    // Made in the forward, and scaled in the backward.
    ofHead: head instanceof tf.Tensor ? 2 * gradientBytes(head) : 0,
  };
}

function frozenOf({ weights: { embedding, head, layers } }: MistralModel): FrozenWeight[] {
  const projections = layers.flatMap((layer) => PROJECTIONS.map((name) => layer[name].weight));
  const matrices = new Set([embedding, head, ...projections]);
  return [...matrices].filter((matrix): matrix is FrozenWeight => !(matrix instanceof tf.Tensor));
}
