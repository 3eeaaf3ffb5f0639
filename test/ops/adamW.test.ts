import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { type AdamWStep, adamW } from "../../sdk/ops/adamW.ts";
import { assertClose } from "../compare.ts";
import { onEveryBackend, random } from "./support.ts";

const STEP: Required<AdamWStep> & { weightDecay: number } = {
  step: 1,
  gradScale: 0.5,
  learningRate: 0.01,
  beta1: 0.9,
  beta2: 0.99,
  eps: 1e-6,
  weightDecay: 0.1,
};

/** `steps` updates in float64 with the gradients of gradientAt. */
function formula(param: Float64Array, steps: number, gradientAt: (step: number) => Float32Array) {
  const [m, v] = [new Float64Array(param.length), new Float64Array(param.length)];
  const { gradScale, learningRate, beta1, beta2, eps, weightDecay } = STEP;
  for (let step = 1; step <= steps; step++) {
    const grad = gradientAt(step);
    for (let i = 0; i < param.length; i++) {
      const g = grad[i] * gradScale;
      m[i] = beta1 * m[i] + (1 - beta1) * g;
      v[i] = beta2 * v[i] + (1 - beta2) * g * g;
      const direction = m[i] / (1 - beta1 ** step) / (Math.sqrt(v[i] / (1 - beta2 ** step)) + eps);
      param[i] -= learningRate * (weightDecay * param[i] + direction);
    }
  }
  return { param, m, v };
}

const variable = (values: Float32Array) => {
  const tensor = tf.tensor1d(values);
  const made = tf.variable(tensor, false);
  tensor.dispose();
  return made;
};

const parameterOf = (values: Float32Array) => {
  const zeros = () => variable(new Float32Array(values.length));
  return { param: variable(values.slice()), m: zeros(), v: zeros() };
};

function run(values: Float32Array, steps: number, gradientAt: (step: number) => Float32Array) {
  const { weightDecay, ...options } = STEP;
  const state = parameterOf(values);
  for (let step = 1; step <= steps; step++) {
    const grad = tf.tensor1d(gradientAt(step));
    const before = tf.memory().numTensors;
    adamW([{ ...state, grad, weightDecay }], { ...options, step });
    assert.equal(tf.memory().numTensors, before, "no new tensor");
    grad.dispose();
  }
  return state;
}

describe("adamW", () => {
  onEveryBackend(() => {
    it("follows the formula over several steps", () => {
      for (const n of [1, 3, 17, 33, 40000]) {
        const values = random(n, n);
        const gradientAt = (step: number) => random(n, step + 100, 3);
        const actual = run(values, 5, gradientAt);
        const expected = formula(Float64Array.from(values), 5, gradientAt);
        for (const name of ["param", "m", "v"] as const) {
          // Five roundings of values around 1.
          assertClose(actual[name].dataSync<"float32">(), expected[name], {
            rtol: 2e-6,
            atol: 1e-6,
            what: name,
          });
        }
        tf.dispose(actual);
      }
    });

    it("moves by about the learning rate at the first step, whatever the gradient's size", () => {
      const actual = run(Float32Array.of(0, 0), 1, () => Float32Array.of(1e-2, -1e5));
      // eps 1e-6 beside 5e-3 is a relative 2e-4.
      assertClose(actual.param.dataSync<"float32">(), [-0.01, 0.01], { rtol: 3e-4, what: "param" });
      tf.dispose(actual);
    });

    it("makes exactly the values with a NaN gradient NaN", () => {
      const gradient = random(20, 3);
      gradient[18] = NaN;
      const values = random(20, 4);
      const actual = run(values, 1, () => gradient);
      const expected = formula(Float64Array.from(values), 1, () => gradient);
      assertClose(actual.param.dataSync<"float32">(), expected.param, {
        rtol: 2e-6,
        atol: 1e-6,
        what: "param",
      });
      tf.dispose(actual);
    });

    it("updates many parameters at once, each with its own decay", () => {
      const sizes = [3, 5000, 1, 4096];
      const gradients = sizes.map((n, i) => tf.tensor1d(random(n, i + 50)));
      const decays = [0.5, 0, 0.1, 0];
      const { weightDecay: _, ...options } = STEP;
      const together = sizes.map((n, i) => parameterOf(random(n, i)));
      const list = (states: typeof together) =>
        states.map((state, i) => ({ ...state, grad: gradients[i], weightDecay: decays[i] }));
      adamW(list(together), options);
      const alone = sizes.map((n, i) => parameterOf(random(n, i)));
      for (const parameter of list(alone)) adamW([parameter], options);
      for (const [i, state] of together.entries()) {
        for (const name of ["param", "m", "v"] as const) {
          assert.deepEqual(state[name].dataSync(), alone[i][name].dataSync());
        }
      }
      assert.notDeepEqual(together[0].param.dataSync(), random(3, 0));
      tf.dispose([gradients, together, alone]);
    });

    it("leaves what shares a variable's data, or has read it, as it was", () => {
      const source = tf.ones([20]);
      const param = tf.variable(source, false);
      const [m, v] = [variable(new Float32Array(20)), variable(new Float32Array(20))];
      const grad = tf.ones([20]);
      const read = param.dataSync();
      adamW([{ param, grad, m, v }], { step: 1, learningRate: 1 });
      for (const values of [read, source.dataSync(), grad.dataSync()])
        assert.ok(values.every((x) => x === 1));
      assert.ok(param.dataSync().every((x) => x < 0.5));
      tf.dispose([source, param, m, v, grad]);
    });

    it("refuses what does not fit", () => {
      const { weightDecay: _, ...options } = STEP;
      const state = parameterOf(new Float32Array(2));
      const [a, b] = [tf.zeros([2]), tf.zeros([3])];
      const refuse = (grad: tf.Tensor, change: Partial<AdamWStep>, message: string) =>
        assert.throws(() => adamW([{ ...state, grad }], { ...options, ...change }), { message });
      refuse(b, {}, "adamW: expected one shape, got param [2], grad [3], m [2], v [2]");
      refuse(a, { beta1: 1 }, "adamW: beta1 must be in [0, 1), got 1");
      refuse(a, { beta2: -0.5 }, "adamW: beta2 must be in [0, 1), got -0.5");
      refuse(a, { step: 0 }, "adamW: step must be a whole number >= 1, got 0");
      tf.dispose([a, b, state]);
    });
  });
});
