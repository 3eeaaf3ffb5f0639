/** What a decoder is made of: matrices, the seven projections of a layer, and their Hugging Face names. */
import type * as tf from "@tensorflow/tfjs";
import type { Matrix } from "../ops/matrix.ts";

/** LoRA beside one projection (Hu et al. 2021): y += alpha/r * B A drop(x). A is [r, in], B is [out, r]. */
export interface LoraMatrices {
  a: tf.Variable<tf.Rank.R2>;
  b: tf.Variable<tf.Rank.R2>;
  r: number;
  alpha: number;
  dropout: number;
  /** The update is scaled by alpha / sqrt(r) (Kalajdzievski 2023, "rsLoRA") in place of alpha / r. */
  rsLora?: boolean;
  /** Multiplies the update beside that, see `scaleAdapter`; absent: 1. Not saved. */
  strength?: number;
}

export interface Projection {
  /** [out, in]: frozen, or a variable in full-parameter training. */
  weight: Matrix;
  lora?: LoraMatrices;
}

/** The seven projections of a layer, by the names that Hugging Face gives them. */
export const PROJECTIONS = [
  "q_proj",
  "k_proj",
  "v_proj",
  "o_proj",
  "gate_proj",
  "up_proj",
  "down_proj",
] as const;
export type ProjectionName = (typeof PROJECTIONS)[number];

export interface Layer extends Record<ProjectionName, Projection> {
  /** RMSNorm weights [hidden] before attention and before the MLP. */
  inputNorm: tf.Tensor1D;
  postAttentionNorm: tf.Tensor1D;
}

export interface MistralWeights {
  /** [vocab, hidden] */
  embedding: Matrix;
  layers: Layer[];
  norm: tf.Tensor1D;
  /** [vocab, hidden]; the same object as `embedding` where the two are tied. */
  head: Matrix;
}

/** True when a projection is held in 4 bits, on whatever device. */
export function isQuantized(layers: readonly Layer[]): boolean {
  return layers.some((layer) =>
    PROJECTIONS.some((name) => {
      const { weight } = layer[name];
      return "kind" in weight && weight.kind === "nf4";
    }),
  );
}

/** "self_attn.q_proj" for "q_proj", "mlp.up_proj" for "up_proj". */
export function modulePath(name: ProjectionName): string {
  return ["gate_proj", "up_proj", "down_proj"].includes(name) ? `mlp.${name}` : `self_attn.${name}`;
}

/** What multiplies B A: alpha / r, or alpha / sqrt(r) for rsLoRA, times the strength. */
export function loraScale({ r, alpha, rsLora, strength = 1 }: LoraMatrices): number {
  return (strength * alpha) / (rsLora ? Math.sqrt(r) : r);
}
