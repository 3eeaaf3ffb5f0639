/** The weights that a model computes with, adapters merged in: W + scale * B A, one matrix in memory at a time. */
import * as tf from "@tensorflow/tfjs";
import { float32ToBfloat16 } from "../backend/bfloat16.ts";
import { loraScale, modulePath, PROJECTIONS, type Projection } from "../model/layers.ts";
import type { MistralModel } from "../model/mistral.ts";
import { float32ToFloat16 } from "../weights/float16.ts";

export interface MergedWeight {
  shape: readonly number[];
  /** float32, row-major; made anew at each call. */
  values(): Float32Array;
  /** True where an adapter was added to values of 16 bits: see `roundTo16`. */
  nudged: boolean;
}

/** Every tensor of the architecture by its Hugging Face name; a tied head appears once, as the embedding. */
export function mergedWeights(model: MistralModel): Map<string, MergedWeight> {
  const { embedding, layers, norm, head } = model.weights;
  const found = new Map<string, MergedWeight>();
  const add = (name: string, { weight, lora }: Projection | { weight: tf.Tensor1D; lora?: undefined }) => {
    found.set(`${name}.weight`, {
      shape: weight.shape,
      nudged: lora !== undefined && !(weight instanceof tf.Tensor) && weight.kind === "dense",
      values: () => {
        const base = weight instanceof tf.Tensor ? Float32Array.from(weight.dataSync()) : weight.dequantize();
        return lora ? added(base, lora.a, lora.b, loraScale(lora)) : base;
      },
    });
  };
  add("model.embed_tokens", { weight: embedding });
  for (const [i, layer] of layers.entries()) {
    const prefix = `model.layers.${i}.`;
    add(`${prefix}input_layernorm`, { weight: layer.inputNorm });
    for (const name of PROJECTIONS) add(prefix + modulePath(name), layer[name]);
    add(`${prefix}post_attention_layernorm`, { weight: layer.postAttentionNorm });
  }
  add("model.norm", { weight: norm });
  if (head !== embedding) add("lm_head", { weight: head });
  return found;
}

function added(base: Float32Array, a: tf.Tensor2D, b: tf.Tensor2D, scale: number): Float32Array {
  const update = tf.tidy(() => tf.matMul(b, a).dataSync());
  for (let i = 0; i < base.length; i++) base[i] += scale * update[i];
  return base;
}

/**
 * Values in 16 bits.
 *
 * To the nearest, unless they are `nudged`: an adapter moves weights by less than half of bfloat16's steps, so that
 * weights which were bfloat16 would all fall back to where they were, and the training would be gone. Those are rounded
 * up or down with the probability that keeps the mean (stochastic rounding), which is repeatable: the random numbers
 * come from the place of each value. Values that 16 bits hold exactly stay as they are either way.
 *
 * @param values may be changed
 * @param where names the tensor in the error
 * @throws when a value is outside the range of float16
 */
export function roundTo16(
  values: Float32Array,
  type: "bfloat16" | "float16",
  nudged: boolean,
  where: string,
): Uint16Array {
  const outside = type === "float16" ? values.find((value) => Math.abs(value) > 65504) : undefined;
  if (outside !== undefined) {
    throw new Error(`${where}: the value ${outside} is outside float16's range (65504): choose bfloat16`);
  }
  if (nudged) jitter(values, type === "bfloat16" ? 16 : 13);
  return type === "bfloat16" ? float32ToBfloat16(values) : float32ToFloat16(values);
}

/** Moves each value to one of its two neighbours that have no more than the upper bits. */
function jitter(values: Float32Array, lostBits: 13 | 16): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const lost = 2 ** lostBits - 1;
  // Below 2^-14 float16 loses more bits than that, of values that are too small to matter: left to the nearest.
  const smallest = lostBits === 13 ? 0x38800000 : 0;
  for (let i = 0; i < words.length; i++) {
    const magnitude = words[i] & 0x7fffffff;
    if (magnitude < smallest || magnitude >= 0x7f000000) continue;
    words[i] = ((words[i] + (hash(i) & lost)) & ~lost) >>> 0;
  }
}

/** 32 well-mixed bits of an index (the finaliser of MurmurHash3). */
function hash(index: number): number {
  let h = Math.imul(index + 1, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
