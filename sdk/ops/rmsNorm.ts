import * as tf from "@tensorflow/tfjs";
import { allocate, type Op, runOp } from "./op.ts";

const op: Op<"x" | "gamma", { eps: number; trainGamma: boolean }> = {
  name: "RmsNorm",
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
    backward(addon, dy, { x, gamma }, [, inverseRms], { trainGamma }) {
      const [rows, dim] = x.shape;
      const dx = allocate([rows, dim]);
      const dGamma = trainGamma ? allocate([dim]) : undefined;
      const dGammaData = dGamma?.data ?? null;
      addon.rmsNormBackward(rows, dim, dy.data, x.data, gamma.data, inverseRms.data, dx.data, dGammaData);
      return dGamma ? { x: dx, gamma: dGamma } : { x: dx };
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
