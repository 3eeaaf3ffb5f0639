import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { rmsNorm } from "../../sdk/ops/rmsNorm.ts";
import {
  assertNear,
  checkAgainstReference,
  checkForward,
  checkGradients,
  FLOAT32,
  type OpCase,
  onEveryBackend,
  randomValues,
  type Values64,
} from "./support.ts";

const EPS = 1e-3;

function formula(rows: number, dim: number) {
  return ({ x, gamma }: Values64) => {
    const y = new Float64Array(rows * dim);
    for (let r = 0; r < rows; r++) {
      const row = x.subarray(r * dim, (r + 1) * dim);
      const scale = 1 / Math.sqrt(row.reduce((sum, v) => sum + v * v, 0) / dim + EPS);
      row.forEach((v, i) => {
        y[r * dim + i] = v * scale * gamma[i];
      });
    }
    return y;
  };
}

/** gamma is a variable in `run`'s eyes only when it is one: the gradient flag asks for that. */
function rmsNormCase(rows: number, dim: number): OpCase {
  const shapes = { x: [rows, dim], gamma: [dim] };
  return {
    shapes,
    values: randomValues(shapes, rows * dim),
    run: ({ x, gamma }) => rmsNorm(x as tf.Tensor2D, gamma as tf.Tensor1D, EPS),
    trainable: ["x"],
  };
}

describe("rmsNorm", () => {
  onEveryBackend(() => {
    it("follows the formula and its derivative for x, at odd sizes", () => {
      for (const [rows, dim] of [
        [1, 1],
        [3, 17],
        [17, 5],
        [33, 2],
        [2, 40],
      ]) {
        checkForward(rmsNormCase(rows, dim), formula(rows, dim));
        // dx is a difference of terms that reach 1 / sqrt(EPS) = 30: 30 * 2^-24 * a few.
        checkGradients(rmsNormCase(rows, dim), formula(rows, dim), { atol: 2e-5 });
      }
    });

    it("gives a variable gamma its gradient, and a constant one none", () => {
      for (const [rows, dim] of [
        [5, 19],
        [2100, 24], // more rows than the GPU has partial sums
        [3, 9000], // longer than what a block of the GPU keeps
        [3, 1500],
      ]) {
        const { values } = rmsNormCase(rows, dim);
        const x = tf.tensor2d(values.x, [rows, dim]);
        const gamma = tf.variable(tf.tensor1d(values.gamma));
        const { grads } = tf.variableGrads(() => tf.sum(rmsNorm(x, gamma, EPS)), [gamma]);
        const ones = formula(
          rows,
          dim,
        )({ x: Float64Array.from(values.x), gamma: new Float64Array(dim).fill(1) });
        const expected = new Float64Array(dim);
        ones.forEach((v, i) => {
          expected[i % dim] += v;
        });
        const actual = Object.values(grads)[0].dataSync<"float32">();
        // A sum of `rows` terms of size one.
        assertNear(actual, expected, {
          ...FLOAT32,
          atol: 2e-6 * Math.max(1, Math.sqrt(rows)),
          what: "dGamma",
        });
        tf.dispose([x, gamma, grads]);
      }
    });

    it("equals the reference over many rows", async () => {
      await checkAgainstReference(rmsNormCase(133, 100), { atol: 1e-5 });
      await checkAgainstReference(rmsNormCase(3, 9000), { atol: 1e-5 });
      await checkAgainstReference(rmsNormCase(3, 1500), { atol: 1e-5 });
    });

    it("makes exactly the row with a NaN NaN", () => {
      const opCase = rmsNormCase(3, 18);
      opCase.values.x[20] = NaN;
      checkForward(opCase, formula(3, 18));
    });

    it("refuses shapes that do not fit", () => {
      const [x, gamma] = [tf.zeros([2, 3]) as tf.Tensor2D, tf.zeros([4]) as tf.Tensor1D];
      assert.throws(() => rmsNorm(x, gamma), {
        message: "rmsNorm: expected x [T, D] and gamma [D], got x [2,3] and gamma [4]",
      });
      tf.dispose([x, gamma]);
    });
  });
});
