/**
 * GPU memory of one layer in a training step: what its ops keep from the forward to the backward (sdk/model/keeping.ts),
 * and all that lives at the widest points of its backward. Tensors go by the names of the forward pass.
 */
import * as tf from "@tensorflow/tfjs";
import type { Cuda } from "../backend/cuda/cuda.ts";
import { sizeClass } from "../backend/cuda/memory.ts";
import { DROPPED_OPS, type Keeping } from "../model/keeping.ts";
import { type Layer, PROJECTIONS, type ProjectionName } from "../model/layers.ts";
import type { MistralModel } from "../model/mistral.ts";
import { adapterGroups, backwardScratch, hasAdapterKernels } from "../ops/cuda/adapter.ts";
import { copiesAhead } from "../ops/cuda/linear.ts";
import type { FrozenWeight } from "../weights/weight.ts";
import type { LargestBatch } from "./plan.ts";

export interface Workload extends LargestBatch {
  /** More than one micro batch in a step: sums of gradients live beside the new ones. */
  accumulates: boolean;
}

/** Bytes by what they are. */
export type Sizes = Record<string, number>;

/** Shared by all estimates of one model on one device. */
export interface Shape {
  cuda: Cuda;
  model: MistralModel;
  workload: Workload;
  /** Bytes of a tensor [tokens, width] of activations. */
  wide(width: number, rows?: number): number;
  /** Bytes of the copy that a product makes of the weight, where it is not kept. */
  copy(weight: FrozenWeight | tf.Tensor): number;
}

/** The op that makes each tensor, the tensors that it reads, and the point of the backward (below) that reads it last. */
const TENSORS: Record<string, { op: string; reads: string[]; last: number }> = {
  normalised: { op: "RmsNorm", reads: [], last: 5 },
  rotatedQueries: { op: "Rope", reads: ["normalised"], last: 4 },
  rotatedKeys: { op: "Rope", reads: ["normalised"], last: 4 },
  values: { op: "Linear", reads: ["normalised"], last: 4 },
  attended: { op: "Attention", reads: ["rotatedQueries", "rotatedKeys", "values"], last: 4 },
  afterAttention: { op: "Linear", reads: ["attended"], last: 2 },
  normalisedAgain: { op: "RmsNorm", reads: ["afterAttention"], last: 2 },
  gate: { op: "Linear", reads: ["normalisedAgain"], last: 1 },
  up: { op: "Linear", reads: ["normalisedAgain"], last: 1 },
  gated: { op: "Swiglu", reads: ["gate", "up"], last: 0 },
};
/** The points: backward of down, SwiGLU, gate and up, o, attention, q and k and v. What each asks for. */
const ASKED = [
  ["gated"],
  ["gate", "up"],
  ["normalisedAgain", "afterAttention"],
  ["attended"],
  ["rotatedQueries", "rotatedKeys", "values", "attended"],
  ["normalised"],
];

/** Bytes of all that backward reads of a layer. */
function tensorsOf({ model, workload, wide }: Shape, layer: Layer): Sizes {
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

/** What one layer's ops keep from the forward to the backward. */
export function keptByLayer(shape: Shape, layer: Layer, keeping: Keeping): Sizes {
  const dropped = DROPPED_OPS[keeping];
  return pick(tensorsOf(shape, layer), (name) => !dropped.has(TENSORS[name]?.op));
}

/** What is there at each point of the backward: kept, or made again by then, and still to be read. */
function living(shape: Shape, layer: Layer, keeping: Keeping): Sizes[] {
  const all = tensorsOf(shape, layer);
  const there = new Set(Object.keys(keptByLayer(shape, layer, keeping)));
  const make = (name: string): void => {
    if (there.has(name)) return;
    there.add(name);
    for (const source of TENSORS[name].reads) make(source);
  };
  return ASKED.map((asked, point) => {
    for (const name of asked) make(name);
    return pick(all, (name) => there.has(name) && (TENSORS[name]?.last ?? ASKED.length) >= point);
  });
}

/** All that lives at the widest points of one layer's backward, but for lower layers and finished gradients. */
export function backwardPoints(shape: Shape, layer: Layer, keeping: Keeping): Sizes[] {
  const { model, workload, wide } = shape;
  const { hiddenSize, heads, kvHeads, headDim, intermediateSize } = model.config;
  const { tokens } = workload;
  const live = living(shape, layer, keeping);
  const ofOutput = wide(hiddenSize);
  const [queries, keys, inner] = [wide(heads * headDim), wide(kvHeads * headDim), wide(intermediateSize)];
  const copy = (...names: ProjectionName[]) => {
    const copies = names.map((name) => shape.copy(layer[name].weight));
    const ahead = copiesAhead(copies);
    return Math.max(total(copies.slice(0, ahead)), ...copies.slice(ahead));
  };
  const gradients = (...names: ProjectionName[]) => ({
    weights: copy(...names),
    adapterSums: adapterBytes(shape, layer, names),
    adapterGradients: total(names.flatMap((name) => variablesOfProjection(layer, name)).map(gradientBytes)),
  });
  // Blocks of threads may share the query heads of a group, each with sums of its own.
  const tiled = shape.cuda.activation === "bfloat16" && [32, 64, 128].includes(headDim);
  const parts = tiled ? heads / kvHeads : 1;
  const attentionSums = parts > 1 ? rounded(8 * parts * tokens * kvHeads * headDim) : 0;
  const ofAttention = { ofAfterAttention: ofOutput, ofAttended: queries };
  const again = DROPPED_OPS[keeping].has("Linear");
  return [
    { ...live[0], ofOutput, ofGated: inner, ...gradients("down_proj") },
    { ...live[1], ofOutput, ofGated: inner, ofGateAndUp: 2 * inner },
    {
      ...live[2],
      ofOutput,
      ofGateAndUp: 2 * inner,
      ofNormalised: ofOutput,
      ...gradients("gate_proj", "up_proj"),
    },
    { ...live[3], ...ofAttention, ...gradients("o_proj") },
    // q, k and v are made again beside what is there, and turned.
    {
      ...live[4],
      ...ofAttention,
      notTurned: again ? queries + keys : 0,
      weights: again ? copy("q_proj", "k_proj", "v_proj") : 0,
    },
    {
      ...live[4],
      ...{ ...ofAttention, ofQueries: queries, ofKeys: 2 * keys },
      ...{ delta: rounded(4 * heads * tokens), attentionSums },
    },
    {
      ...live[5],
      ...{ ofAfterAttention: ofOutput, ofQueries: queries, ofKeys: 2 * keys, ofNormalised: ofOutput },
      ...gradients("q_proj", "k_proj", "v_proj"),
    },
  ];
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

export function variablesOf(layer: Layer): tf.Variable[] {
  const own = PROJECTIONS.flatMap((name) => variablesOfProjection(layer, name));
  return [...own, ...trainable([layer.inputNorm, layer.postAttentionNorm])];
}

function variablesOfProjection(layer: Layer, name: ProjectionName): tf.Variable[] {
  const { weight, lora } = layer[name];
  return trainable([weight, lora?.a, lora?.b]);
}

export function trainable(values: unknown[]): tf.Variable[] {
  return values.filter((value): value is tf.Variable => value instanceof tf.Variable);
}

export function gradientBytes({ size }: tf.Tensor): number {
  return rounded(4 * size);
}

export function rounded(bytes: number): number {
  return bytes === 0 ? 0 : sizeClass(bytes);
}

export function sum(sizes: Sizes): number {
  return total(Object.values(sizes));
}

export function total(bytes: readonly number[]): number {
  return bytes.reduce((a, b) => a + b, 0);
}

function pick(sizes: Sizes, wanted: (name: string) => boolean): Sizes {
  return Object.fromEntries(Object.entries(sizes).filter(([name]) => wanted(name)));
}
