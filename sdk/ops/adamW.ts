import * as tf from "@tensorflow/tfjs";
import { adamWLaunch } from "./cuda/adamW.ts";
import { allocate, type Op, runOp } from "./op.ts";

export interface AdamWStep {
  /** 1 for the first update. */
  step: number;
  /** Multiplies the gradient. Default 1. */
  gradScale?: number;
  learningRate: number;
  /** Memory of the gradient, in [0, 1). Default 0.9. */
  beta1?: number;
  /** Memory of the squared gradient, in [0, 1). Default 0.999. */
  beta2?: number;
  /** Added to the denominator. Default 1e-8. */
  eps?: number;
  /** Per unit of learning rate. Default 0. */
  weightDecay?: number;
}

/** The parameter and its running moments of the gradient and of its square, all of one shape. */
export interface AdamWTensors {
  param: tf.Tensor;
  m: tf.Tensor;
  v: tf.Tensor;
}

const op: Op<"param" | "grad" | "m" | "v", Required<AdamWStep>> = {
  name: "AdamW",
  reference({ param, grad, m, v }, { step, gradScale, learningRate, beta1, beta2, eps, weightDecay }) {
    const g = tf.mul(grad, gradScale);
    const newM = tf.add(tf.mul(m, beta1), tf.mul(g, 1 - beta1));
    const newV = tf.add(tf.mul(v, beta2), tf.mul(tf.square(g), 1 - beta2));
    const denominator = tf.add(tf.mul(tf.sqrt(newV), 1 / Math.sqrt(1 - beta2 ** step)), eps);
    const update = tf.mul(tf.div(newM, denominator), learningRate / (1 - beta1 ** step));
    return [tf.sub(tf.mul(param, 1 - learningRate * weightDecay), update), newM, newV];
  },
  native: {
    forward(addon, { param, grad, m, v }, attrs) {
      const { step, gradScale, learningRate, beta1, beta2, eps, weightDecay } = attrs;
      const [newParam, newM, newV] = [allocate(param.shape), allocate(param.shape), allocate(param.shape)];
      const scalars = [step, gradScale, learningRate, beta1, beta2, eps, weightDecay] as const;
      const old = [param.data, grad.data, m.data, v.data] as const;
      addon.adamW(...scalars, ...old, newParam.data, newM.data, newV.data);
      return [newParam, newM, newV];
    },
    backward() {
      throw new Error("adamW has no gradient");
    },
  },
  cuda: {
    forward(cuda, tensors, attrs) {
      const [param, grad, m, v] = [tensors.param, tensors.grad, tensors.m, tensors.v].map((tensor) =>
        cuda.as(tensor, "float32"),
      );
      const [newParam, newM, newV] = [0, 1, 2].map(() => cuda.allocate(param.shape, "float32"));
      const { weightDecay } = attrs;
      adamWLaunch(cuda, [{ param, grad, m, v, newParam, newM, newV, weightDecay }], attrs);
      return [newParam, newM, newV];
    },
    backward() {
      throw new Error("adamW has no gradient");
    },
  },
};

/**
 * One step of AdamW, with `g = gradScale * grad`:
 * `m' = beta1 m + (1 - beta1) g`, `v' = beta2 v + (1 - beta2) g²`,
 * `param' = param - learningRate * (weightDecay * param + (m' / (1 - beta1^step)) / (sqrt(v' / (1 - beta2^step)) + eps))`.
 * Source: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization".
 *
 * @returns new tensors; the old ones stay the caller's
 * @throws when shapes differ, a beta is outside [0, 1) or step is not a whole number >= 1
 */
export function adamW(tensors: AdamWTensors & { grad: tf.Tensor }, options: AdamWStep): AdamWTensors {
  const { param, grad, m, v } = tensors;
  if ([grad, m, v].some((t) => !tf.util.arraysEqual(t.shape, param.shape))) {
    throw new Error(
      `adamW: expected one shape, got param [${param.shape}], grad [${grad.shape}], m [${m.shape}], v [${v.shape}]`,
    );
  }
  const attrs = { gradScale: 1, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, ...options };
  for (const name of ["beta1", "beta2"] as const) {
    if (!(attrs[name] >= 0 && attrs[name] < 1))
      throw new Error(`adamW: ${name} must be in [0, 1), got ${attrs[name]}`);
  }
  if (!Number.isInteger(attrs.step) || attrs.step < 1) {
    throw new Error(`adamW: step must be a whole number >= 1, got ${attrs.step}`);
  }
  const [newParam, newM, newV] = runOp(op, { param, grad, m, v }, attrs, 3);
  return { param: newParam, m: newM, v: newV };
}
