import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { activeCuda } from "../../sdk/backend/cuda/backend.ts";
import type { LinearLayer } from "../../sdk/ops/linear.ts";
import { linears } from "../../sdk/ops/linear.ts";
import { normLinears, normSwiglu } from "../../sdk/ops/normLinears.ts";
import { rmsNorm } from "../../sdk/ops/rmsNorm.ts";
import { swiglu } from "../../sdk/ops/swiglu.ts";
import { NF4Weight } from "../../sdk/weights/nf4.ts";
import { assertNear, onEveryBackend, random } from "./support.ts";

const [IN, OUT, R] = [512, 48, 4];

describe("normLinears", () => {
  onEveryBackend(() => {
    const layer = (seed: number): LinearLayer => ({
      weight: NF4Weight.quantize(random(OUT * IN, seed), [OUT, IN]),
      lora: {
        a: tf.tensor2d(random(R * IN, seed + 1), [R, IN]),
        b: tf.tensor2d(random(OUT * R, seed + 2), [OUT, R]),
        scale: 0.5,
      },
    });
    const inputs = (rows: number) => {
      const x = tf.tensor2d(random(rows * IN, 1), [rows, IN]);
      return { x, norm: { gamma: tf.tensor1d(random(IN, 2)), eps: 1e-5 } };
    };
    // Sums of 512 terms of about 0.3, in two orders; with bfloat16 8 bits of mantissa of sums that reach 30.
    const tolerance = () => (activeCuda()?.activation === "bfloat16" ? 0.4 : 2e-4);

    it("equals the norm and the layers after each other", () => {
      const atol = tolerance();
      for (const rows of [1, 3, 8, 9]) {
        tf.tidy(() => {
          const { x, norm } = inputs(rows);
          const layers = [layer(10), layer(20), layer(30)];
          const ys = normLinears(x, norm, layers);
          const want = linears(rmsNorm(x, norm.gamma, norm.eps), layers);
          for (const [i, y] of ys.entries())
            assertNear(y.dataSync<"float32">(), want[i].dataSync<"float32">(), {
              rtol: atol / 30,
              atol,
              what: `layer ${i}`,
            });
        });
      }
    });

    it("with a gate equals swiglu of the two layers", () => {
      const atol = tolerance();
      tf.tidy(() => {
        const { x, norm } = inputs(2);
        const [gate, up] = [layer(40), layer(50)];
        const y = normSwiglu(x, norm, gate, up);
        const [g, u] = linears(rmsNorm(x, norm.gamma, norm.eps), [gate, up]);
        const want = swiglu(g, u).dataSync<"float32">();
        assertNear(y.dataSync<"float32">(), want, { rtol: atol / 10, atol: atol * 10, what: "y" });
      });
    });

    it("has the gradients of the composition, and frees what it makes", () => {
      const { x, norm } = inputs(2);
      const layers = [layer(60), layer(70)];
      const count = tf.memory().numTensors;
      tf.tidy(() => {
        const sum = (v: tf.Tensor) =>
          tf.sum(normSwiglu(v as tf.Tensor2D, norm, layers[0], layers[1])) as tf.Scalar;
        const dx = tf.grad(sum)(x).dataSync<"float32">();
        const composed = (v: tf.Tensor) => {
          const [g, u] = linears(rmsNorm(v as tf.Tensor2D, norm.gamma, norm.eps), layers);
          return tf.sum(swiglu(g, u)) as tf.Scalar;
        };
        assert.deepEqual(dx, tf.grad(composed)(x).dataSync());
        normLinears(x, norm, layers);
      });
      assert.equal(tf.memory().numTensors, count);
      tf.dispose([x, norm.gamma]);
    });
  });
});
