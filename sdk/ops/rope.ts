import * as tf from "@tensorflow/tfjs";
import { cudaKernels } from "../backend/cuda/kernel.ts";
import type { Addon, Cuda, CudaTensor, NativeTensor } from "./op.ts";
import { allocate, type Op, runOp } from "./op.ts";

export interface RopeOptions {
  /** Position of each row in its own sequence, [T]. */
  positions: Int32Array;
  /** Width of one head; even. The columns of x are heads * headDim. */
  headDim: number;
  /** Angle for one step of position, [headDim / 2]: usually theta^(-2i / headDim). */
  inverseFrequencies: Float32Array;
}

function rotate(addon: Addon, x: NativeTensor, options: RopeOptions, inverse: boolean): NativeTensor {
  const { positions, headDim, inverseFrequencies } = options;
  const [tokens, columns] = x.shape;
  const y = allocate(x.shape);
  addon.rope(tokens, columns / headDim, headDim, inverse, x.data, positions, inverseFrequencies, y.data);
  return y;
}

const ROPE = cudaKernels("rope", "rope", "pppiiip");

function rotateOnGpu(cuda: Cuda, tensor: CudaTensor, options: RopeOptions, inverse: boolean): CudaTensor {
  const { positions, headDim, inverseFrequencies } = options;
  const [tokens, columns] = tensor.shape;
  const y = cuda.allocate(tensor.shape);
  if (tokens === 0 || columns === 0) return y;
  const x = cuda.as(tensor, cuda.activation);
  const tables = [cuda.constant(positions), cuda.constant(inverseFrequencies)];
  // A thread rotates groups of 8 pairs where half a head has whole groups of 8, else single pairs.
  const groups = columns / (headDim % 16 === 0 ? 16 : 2);
  const threads = Math.min(256, Math.ceil(groups / 32) * 32);
  const args = [x.address, ...tables, columns / headDim, headDim, Number(inverse), y.address];
  cuda.launch(ROPE[cuda.activation], tokens, threads, args, headDim * 4);
  return y;
}

const op: Op<"x", RopeOptions> = {
  name: "Rope",
  reference({ x }, { positions, headDim, inverseFrequencies }) {
    const [tokens, columns] = x.shape;
    const half = headDim / 2;
    const angles = tf.mul(
      tf.tensor2d(Float32Array.from(positions), [tokens, 1]),
      tf.tensor1d(inverseFrequencies),
    );
    const cosine = tf.reshape(tf.cos(angles), [tokens, 1, half]);
    const sine = tf.reshape(tf.sin(angles), [tokens, 1, half]);
    const [a, b] = tf.split(tf.reshape(x, [tokens, columns / headDim, headDim]), 2, -1);
    const first = tf.sub(tf.mul(a, cosine), tf.mul(b, sine));
    const second = tf.add(tf.mul(b, cosine), tf.mul(a, sine));
    return [tf.reshape(tf.concat([first, second], -1), x.shape)];
  },
  native: {
    forward(addon, { x }, attrs) {
      return [rotate(addon, x, attrs, false)];
    },
    // The rotation is orthogonal: its transpose turns back.
    backward(addon, dy, _inputs, _outputs, attrs) {
      return { x: rotate(addon, dy, attrs, true) };
    },
  },
  cuda: {
    forward(cuda, { x }, attrs) {
      return [rotateOnGpu(cuda, x, attrs, false)];
    },
    backward(cuda, dy, _inputs, _outputs, attrs) {
      return { x: rotateOnGpu(cuda, dy, attrs, true) };
    },
  },
};

/**
 * Rotary position embedding in the half-split layout of Hugging Face: in each head, with `h = headDim / 2` and
 * `angle = position * inverseFrequencies[i]`,
 * `y[i] = x[i] cos(angle) - x[i+h] sin(angle)` and `y[i+h] = x[i+h] cos(angle) + x[i] sin(angle)`.
 * Source: Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding".
 *
 * @param x [T, heads * headDim]
 * @returns [T, heads * headDim]
 * @throws when headDim is odd or does not divide the columns, or an array has the wrong length
 */
export function rope(x: tf.Tensor2D, options: RopeOptions): tf.Tensor2D {
  const { positions, headDim, inverseFrequencies } = options;
  if (x.rank !== 2 || !(headDim >= 2) || headDim % 2 !== 0 || x.shape[1] % headDim !== 0) {
    throw new Error(
      `rope: expected x [T, heads * headDim] with an even headDim, got x [${x.shape}], headDim ${headDim}`,
    );
  }
  if (positions.length !== x.shape[0] || inverseFrequencies.length !== headDim / 2) {
    throw new Error(
      `rope: expected ${x.shape[0]} positions and ${headDim / 2} inverseFrequencies, ` +
        `got ${positions.length} and ${inverseFrequencies.length}`,
    );
  }
  return runOp(op, { x }, options)[0] as tf.Tensor2D;
}
