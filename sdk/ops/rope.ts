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

// positions, inverseFrequencies, headDim, inverse, then of two tensors: x, heads, y
const ROPE = cudaKernels("rope", "rope", "ppiipippip", true);

/** Two tensors a launch. */
function rotateOnGpu(cuda: Cuda, tensors: CudaTensor[], options: RopeOptions, inverse: boolean) {
  const { positions, headDim, inverseFrequencies } = options;
  const ys = tensors.map(({ shape }) => cuda.allocate(shape));
  for (let i = 0; i < tensors.length; i += 2) {
    const pair = tensors.slice(i, i + 2).map((x) => cuda.as(x, cuda.activation));
    const columns = Math.max(...pair.map(({ shape }) => shape[1]));
    if (positions.length === 0 || columns === 0) continue;
    const args = [
      cuda.constant(positions),
      cuda.constant(inverseFrequencies, true),
      headDim,
      Number(inverse),
    ];
    for (const [k, x] of pair.entries()) args.push(x.address, x.shape[1] / headDim, ys[i + k].address);
    if (pair.length < 2) args.push(0, 0, 0);
    // A thread rotates groups of 8 pairs where half a head has whole groups of 8, else single pairs.
    const groups = columns / (headDim % 16 === 0 ? 16 : 2);
    const threads = Math.min(256, Math.ceil(groups / 32) * 32);
    const grid = [positions.length, pair.length, 1] as const;
    cuda.launch(ROPE[cuda.activation], grid, threads, args, headDim * 4);
  }
  return ys;
}

function referenceOf(x: tf.Tensor, { positions, headDim, inverseFrequencies }: RopeOptions): tf.Tensor {
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
  return tf.reshape(tf.concat([first, second], -1), x.shape);
}

const byName = <T>(values: T[]): Record<string, T> => Object.fromEntries(values.map((x, i) => [`x${i}`, x]));

/** Inputs x0, x1, …; outputs in their order. */
const op: Op<string, RopeOptions> = {
  name: "Rope",
  differentiable: () => Number.POSITIVE_INFINITY,
  // The rotation is orthogonal: its transpose turns back, and needs neither inputs nor outputs.
  keeps: () => false,
  reference(inputs, attrs) {
    return Object.values(inputs).map((x) => referenceOf(x, attrs));
  },
  native: {
    forward(addon, inputs, attrs) {
      return Object.values(inputs).map((x) => rotate(addon, x, attrs, false));
    },
    backward(addon, dys, _inputs, _outputs, attrs) {
      return byName(dys.map((dy) => rotate(addon, dy, attrs, true)));
    },
  },
  cuda: {
    forward(cuda, inputs, attrs) {
      return rotateOnGpu(cuda, Object.values(inputs), attrs, false);
    },
    backward(cuda, dys, _inputs, _outputs, attrs) {
      return byName(rotateOnGpu(cuda, dys, attrs, true));
    },
  },
};

/**
 * Rotary position embedding in the half-split layout of Hugging Face: in each head, with `h = headDim / 2` and
 * `angle = position * inverseFrequencies[i]`,
 * `y[i] = x[i] cos(angle) - x[i+h] sin(angle)` and `y[i+h] = x[i+h] cos(angle) + x[i] sin(angle)`.
 * Source: Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding".
 *
 * @param xs tensors of the same rows, each [T, heads * headDim]: queries and keys
 * @returns one [T, heads * headDim] for each
 * @throws when headDim is odd or does not divide the columns, or an array has the wrong length
 */
export function rope(xs: tf.Tensor2D[], options: RopeOptions): tf.Tensor2D[] {
  const { positions, headDim, inverseFrequencies } = options;
  for (const x of xs) {
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
  }
  return runOp(op, byName(xs), options, xs.length) as tf.Tensor2D[];
}
