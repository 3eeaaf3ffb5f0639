/**
 * AdamW (Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization") over a list of parameters, in place. It
 * is no op of the tape: it has no gradient, and what it writes are variables.
 */
import * as tf from "@tensorflow/tfjs";
import { CudaBackend } from "../backend/cuda/backend.ts";
import { NativeBackend } from "../backend/native.ts";
import { adamWLaunch } from "./cuda/adamW.ts";
import { allocate, type CudaTensor } from "./op.ts";

export interface AdamWStep {
  /** 1 for the first update. */
  step: number;
  /** Multiplies the gradients. Default 1. */
  gradScale?: number;
  learningRate: number;
  /** Memory of the gradient, in [0, 1). Default 0.9. */
  beta1?: number;
  /** Memory of the squared gradient, in [0, 1). Default 0.999. */
  beta2?: number;
  /** Added to the denominator. Default 1e-8. */
  eps?: number;
}

/** A parameter, its gradient, and its running moments of the gradient and of its square, all of one shape. */
export interface AdamWParameter {
  param: tf.Variable;
  grad: tf.Tensor;
  m: tf.Variable;
  v: tf.Variable;
  /** Per unit of learning rate. Default 0. */
  weightDecay?: number;
}

/**
 * One step of AdamW of each parameter, with `g = gradScale * grad`:
 * `m' = beta1 m + (1 - beta1) g`, `v' = beta2 v + (1 - beta2) g²`,
 * `param' = param - learningRate * (weightDecay * param + (m' / (1 - beta1^step)) / (sqrt(v' / (1 - beta2^step)) + eps))`.
 * On a GPU it is one launch for all parameters. What else shares the data of a variable, or has read it, keeps the old
 * values.
 *
 * @throws when shapes differ, a beta is outside [0, 1) or step is not a whole number >= 1; nothing is changed then
 */
export function adamW(parameters: readonly AdamWParameter[], options: AdamWStep): void {
  for (const { param, grad, m, v } of parameters) {
    if ([grad, m, v].some((t) => !tf.util.arraysEqual(t.shape, param.shape))) {
      throw new Error(
        `adamW: expected one shape, got param [${param.shape}], grad [${grad.shape}], m [${m.shape}], v [${v.shape}]`,
      );
    }
  }
  const settings = { gradScale: 1, beta1: 0.9, beta2: 0.999, eps: 1e-8, ...options };
  for (const name of ["beta1", "beta2"] as const) {
    if (!(settings[name] >= 0 && settings[name] < 1))
      throw new Error(`adamW: ${name} must be in [0, 1), got ${settings[name]}`);
  }
  if (!Number.isInteger(settings.step) || settings.step < 1) {
    throw new Error(`adamW: step must be a whole number >= 1, got ${settings.step}`);
  }
  const backend = tf.backend();
  if (backend instanceof CudaBackend) updateOnGpu(backend, parameters, settings);
  else if (backend instanceof NativeBackend) updateNative(backend, parameters, settings);
  else updateReference(parameters, settings);
}

function updateReference(parameters: readonly AdamWParameter[], settings: Required<AdamWStep>): void {
  const { step, gradScale, learningRate, beta1, beta2, eps } = settings;
  for (const { param, grad, m, v, weightDecay = 0 } of parameters) {
    tf.tidy(() => {
      const g = tf.mul(grad, gradScale);
      m.assign(tf.add(tf.mul(m, beta1), tf.mul(g, 1 - beta1)));
      v.assign(tf.add(tf.mul(v, beta2), tf.mul(tf.square(g), 1 - beta2)));
      const denominator = tf.add(tf.mul(tf.sqrt(v), 1 / Math.sqrt(1 - beta2 ** step)), eps);
      const update = tf.mul(tf.div(m, denominator), learningRate / (1 - beta1 ** step));
      param.assign(tf.sub(tf.mul(param, 1 - learningRate * weightDecay), update));
    });
  }
}

/** Into new arrays: a tensor shares the array that it was made of, and whoever read a variable has its array. */
function updateNative(
  backend: NativeBackend,
  parameters: readonly AdamWParameter[],
  settings: Required<AdamWStep>,
): void {
  const { step, gradScale, learningRate, beta1, beta2, eps } = settings;
  for (const { param, grad, m, v, weightDecay = 0 } of parameters) {
    const variables = [param, m, v];
    const updated = variables.map(({ shape }) => allocate(shape));
    const [p, g, first, second] = [param, grad, m, v].map((tensor) => backend.values(tensor).data);
    const scalars = [step, gradScale, learningRate, beta1, beta2, eps, weightDecay] as const;
    const [newParam, newM, newV] = updated.map(({ data }) => data);
    backend.addon.adamW(...scalars, p, g, first, second, newParam, newM, newV);
    for (const [i, variable] of variables.entries()) take(variable, backend.wrap(updated[i]));
  }
}

function updateOnGpu(
  backend: CudaBackend,
  parameters: readonly AdamWParameter[],
  settings: Required<AdamWStep>,
): void {
  const { cuda } = backend;
  /** Where the variable's values may be written over. */
  const own = (variable: tf.Variable): CudaTensor => {
    const values = backend.values(variable);
    if (values.storage === "float32" && backend.refCount(variable.dataId) === 1) return values;
    const copy = cuda.allocate(variable.shape, "float32");
    cuda.convert(values, copy);
    take(variable, backend.wrap(copy));
    return copy;
  };
  try {
    const list = parameters.map(({ param, grad, m, v, weightDecay = 0 }) => {
      const gradient = cuda.as(backend.values(grad), "float32");
      return { param: own(param), grad: gradient, m: own(m), v: own(v), weightDecay };
    });
    adamWLaunch(cuda, list, settings);
  } finally {
    backend.endOp();
  }
}

/** The variable has these values from now on. */
function take(variable: tf.Variable, values: tf.TensorInfo): void {
  const tensor = tf.engine().makeTensorFromTensorInfo(values);
  variable.assign(tensor);
  tensor.dispose();
}
