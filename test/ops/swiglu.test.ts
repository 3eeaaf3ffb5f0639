import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { swiglu } from "../../sdk/ops/swiglu.ts";
import {
  checkAgainstReference,
  checkForward,
  checkGradients,
  type OpCase,
  onEveryBackend,
  randomValues,
  type Values64,
} from "./support.ts";

const formula = ({ gate, up }: Values64) => gate.map((g, i) => (g / (1 + Math.exp(-g))) * up[i]);

function swigluCase(rows: number, dim: number, scale = 3): OpCase {
  const shapes = { gate: [rows, dim], up: [rows, dim] };
  return {
    shapes,
    values: randomValues(shapes, rows * dim, scale),
    run: ({ gate, up }) => swiglu(gate as tf.Tensor2D, up as tf.Tensor2D),
  };
}

describe("swiglu", () => {
  onEveryBackend(() => {
    it("follows the formula and its derivative, at lengths around a vector", () => {
      for (const [rows, dim] of [
        [1, 1],
        [3, 5],
        [17, 1],
        [33, 3],
        [4, 16],
      ]) {
        checkForward(swigluCase(rows, dim), formula);
        // The inputs reach 3, so dy * up * s * (1 + ...) reaches 10, and 1e-7 of that is the rounding.
        checkGradients(swigluCase(rows, dim), formula, { atol: 1e-5 });
      }
    });

    it("equals the reference over many vectors and threads", async () => {
      await checkAgainstReference(swigluCase(130, 257), { atol: 1e-5 });
    });

    it("goes to zero for very negative gates and to the gate for large ones", () => {
      const opCase = swigluCase(1, 4);
      opCase.values.gate.set([-200, -90, 90, 200]);
      checkForward(opCase, formula);
    });

    it("keeps NaN where it was", () => {
      const opCase = swigluCase(3, 7);
      opCase.values.gate[4] = NaN;
      opCase.values.up[20] = NaN;
      checkForward(opCase, formula);
    });

    it("refuses shapes that differ", () => {
      const [a, b] = [tf.zeros([2, 3]), tf.zeros([3, 2])] as tf.Tensor2D[];
      assert.throws(() => swiglu(a, b), {
        message: "swiglu: expected gate and up [T, D], got gate [2,3] and up [3,2]",
      });
      tf.dispose([a, b]);
    });
  });
});
