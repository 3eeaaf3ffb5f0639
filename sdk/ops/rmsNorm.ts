import * as tf from "@tensorflow/tfjs";
import { cudaKernel, cudaKernels } from "../backend/cuda/kernel.ts";
import { allocate, type Op, runOp } from "./op.ts";

const FORWARD = cudaKernels("rmsNorm", "rmsNormForward", "ppifpp", true);
const BACKWARD = cudaKernels("rmsNorm", "rmsNormBackward", "ppppiip");
const BACKWARD_GAMMA = cudaKernels("rmsNorm", "rmsNormBackwardGamma", "ppppiipp");
const SUM_ROWS = cudaKernel("rmsNorm", "sumRows", "piip");

/** Of a block: a thread works on two groups of the row, a group being 8 values, or 1 where rows are not aligned. */
function threadsFor(dim: number): number {
  const groups = dim % 8 === 0 ? dim / 8 : dim;
  return Math.min(512, Math.max(1, Math.ceil(groups / 64)) * 32);
}

const op: Op<"x" | "gamma", { eps: number; trainGamma: boolean }> = {
  name: "RmsNorm",
  keeps: (key) => key !== "out:0",
  reference({ x, gamma }, { eps }) {
    const meanSquare = tf.mean(tf.square(x), -1, true);
    const inverseRms = tf.rsqrt(tf.add(meanSquare, eps));
    return [tf.mul(tf.mul(x, inverseRms), gamma), tf.squeeze(inverseRms, [-1])];
  },
  native: {
    forward(addon, { x, gamma }, { eps }) {
      const [rows, dim] = x.shape;
      const y = allocate([rows, dim]);
      const inverseRms = allocate([rows]);
      addon.rmsNormForward(rows, dim, eps, x.data, gamma.data, y.data, inverseRms.data);
      return [y, inverseRms];
    },
    backward(addon, [dy], { x, gamma }, [, inverseRms], { trainGamma }) {
      const [rows, dim] = x.shape;
      const dx = allocate([rows, dim]);
      const dGamma = trainGamma ? allocate([dim]) : undefined;
      const dGammaData = dGamma?.data ?? null;
      addon.rmsNormBackward(rows, dim, dy.data, x.data, gamma.data, inverseRms.data, dx.data, dGammaData);
      return dGamma ? { x: dx, gamma: dGamma } : { x: dx };
    },
  },
  cuda: {
    forward(cuda, inputs, { eps }) {
      const [rows, dim] = inputs.x.shape;
      const x = cuda.as(inputs.x, cuda.activation);
      const gamma = cuda.as(inputs.gamma, "float32");
      const y = cuda.allocate([rows, dim]);
      const inverseRms = cuda.allocate([rows], "float32");
      const args = [x.address, gamma.address, dim, eps, y.address, inverseRms.address];
      if (rows > 0) cuda.launch(FORWARD[cuda.activation], rows, threadsFor(dim), args);
      return [y, inverseRms];
    },
    backward(cuda, [dy], inputs, [, inverseRms], { trainGamma }) {
      const [rows, dim] = inputs.x.shape;
      const sources = [cuda.as(dy, cuda.activation), cuda.as(inputs.x, cuda.activation)];
      const gamma = cuda.as(inputs.gamma, "float32");
      const dx = cuda.allocate([rows, dim]);
      const addresses = [...sources, gamma, inverseRms].map(({ address }) => address);
      const args = [...addresses, rows, dim, dx.address];
      const threads = threadsFor(dim);
      if (!trainGamma) {
        if (rows > 0) cuda.launch(BACKWARD[cuda.activation], rows, threads, args);
        return { x: dx };
      }
      // Each block sums its rows; as many as fill the largest GPUs.
      const blocks = Math.min(rows, Math.floor(65_536 / threads));
      const partial = cuda.scratch(blocks * dim * 4);
      const dGamma = cuda.allocate([dim], "float32");
      if (rows > 0) cuda.launch(BACKWARD_GAMMA[cuda.activation], blocks, threads, [...args, partial]);
      cuda.launch(SUM_ROWS, Math.ceil(dim / 32), 256, [partial, blocks, dim, dGamma.address]);
      return { x: dx, gamma: dGamma };
    },
  },
};

/**
 * RMSNorm: `y = x / sqrt(mean(x²) + eps) * gamma`, over the last dimension.
 * Source: Zhang and Sennrich 2019, "Root Mean Square Layer Normalization".
 *
 * @param x [T, D]
 * @param gamma [D]; it gets a gradient when it is a `tf.Variable`
 * @param eps added to the mean square; Mistral's default is 1e-5
 * @returns [T, D]
 * @throws when shapes do not fit
 */
export function rmsNorm(x: tf.Tensor2D, gamma: tf.Tensor1D, eps = 1e-5): tf.Tensor2D {
  if (x.rank !== 2 || gamma.rank !== 1 || x.shape[1] !== gamma.shape[0]) {
    throw new Error(
      `rmsNorm: expected x [T, D] and gamma [D], got x [${x.shape}] and gamma [${gamma.shape}]`,
    );
  }
  return runOp(op, { x, gamma }, { eps, trainGamma: gamma instanceof tf.Variable })[0] as tf.Tensor2D;
}
