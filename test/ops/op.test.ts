import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { rmsNorm } from "../../sdk/ops/rmsNorm.ts";
import { assertClose } from "../compare.ts";
import { onEveryBackend, random } from "./support.ts";

describe("ops on the tape", () => {
  onEveryBackend(() => {
    const x = () => tf.tensor2d(random(3 * 8, 1), [3, 8]);
    const gamma = () => tf.tensor1d(random(8, 2));
    const inUse = () => {
      const { numTensors, numDataBuffers, numBytes } = tf.memory();
      return { numTensors, numDataBuffers, numBytes };
    };

    it("free what they saved, also where the loss does not reach them", () => {
      const [input, weight] = [x(), gamma()];
      const before = inUse();
      const gradient = tf.grad((g: tf.Tensor) => {
        rmsNorm(input, weight);
        return tf.sum(rmsNorm(input, g as tf.Tensor1D));
      })(weight);
      gradient.dispose();
      assert.deepEqual(inUse(), before);
      tf.dispose([input, weight]);
    });

    it("differentiate at the values of the forward pass", () => {
      const input = x();
      const weight = tf.variable(gamma());
      const loss = () => tf.sum(rmsNorm(input, weight)) as tf.Scalar;
      const expected = tf.grad(loss)(input);
      const got = tf.grad(() => {
        const value = loss();
        weight.assign(tf.zerosLike(weight));
        return value;
      })(input);
      assertClose(got.dataSync<"float32">(), expected.dataSync<"float32">(), { what: "dx" });
      tf.dispose([input, weight, expected, got]);
    });
  });
});
