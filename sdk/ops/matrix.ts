/** The matrix of a linear layer, an embedding or a head, as the ops take it. */
import * as tf from "@tensorflow/tfjs";
import type { WeightArguments } from "../backend/addon.ts";
import { denseCache } from "../backend/denseCache.ts";
import type { NativeTensor } from "../backend/native.ts";
import type { FrozenWeight } from "../weights/weight.ts";

/** [out, in]: frozen, or a tensor (a `tf.Variable` in full-parameter training), which then gets a gradient. */
export type Matrix = FrozenWeight | tf.Tensor2D;

/** Where an op finds the matrix: among its inputs when it is a tensor, in its attributes when it is frozen. */
export function splitMatrix(matrix: Matrix): { inputs: Record<string, tf.Tensor>; frozen?: FrozenWeight } {
  return matrix instanceof tf.Tensor
    ? { inputs: { weight: matrix }, frozen: undefined }
    : { inputs: {}, frozen: matrix };
}

/** For references: the tensor itself, or one with the frozen weight's values, which may be a kept one. */
export function matrixTensor(frozen: FrozenWeight | undefined, tensor: tf.Tensor | undefined): tf.Tensor2D {
  if (frozen) {
    const values = () => tf.tensor2d(frozen.dequantize(), [...frozen.shape]);
    return denseCache.tensor(frozen, 4 * frozen.shape[0] * frozen.shape[1], values);
  }
  return tensor as tf.Tensor2D;
}

/** For native kernels: data and absmax. */
export function matrixArguments(
  frozen: FrozenWeight | undefined,
  tensor: NativeTensor | undefined,
): WeightArguments {
  return frozen ? frozen.native() : [tensor!.data, null];
}
