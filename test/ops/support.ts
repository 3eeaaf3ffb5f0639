/**
 * What the op tests share. An op is judged against a formula in float64 that the test writes itself; its gradients
 * against central differences of that formula, which are good to 1e-8 and so beyond doubt; and, at sizes with many
 * tiles and tails, the native kernels against the reference on plain tfjs with a random dy.
 */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import type { CudaBackend } from "../../sdk/backend/cuda/backend.ts";
import { useDevice } from "../../sdk/backend/device.ts";
import { addonProblem, loadAddon } from "../../sdk/backend/loadAddon.ts";
import { registerNativeBackend, silenceFirstUse } from "../../sdk/backend/native.ts";
import { findTensorflow } from "../../sdk/backend/tensorflow.ts";
import { assertClose, type Tolerance } from "../compare.ts";
import { noGpu } from "../gpuHere.ts";
import { generator } from "../native/support.ts";

/** Values by input name. */
export type Values = Record<string, Float32Array>;
export type Values64 = Record<string, Float64Array>;
type Tensors = Record<string, tf.Tensor>;

export interface OpCase {
  /** Shape and values of each tensor input. */
  shapes: Record<string, number[]>;
  values: Values;
  /** The op under test. */
  run(inputs: Tensors): tf.Tensor;
  /** Inputs that must get a gradient. Default: all. */
  trainable?: string[];
}

/** Float32 sums of some hundred terms of size one, in another order: a few units of 6e-8 times the partial sums. */
export const FLOAT32 = { rtol: 1e-5, atol: 2e-6 };

/**
 * Where an op runs: plain tfjs, an instruction set of the native backend, TensorFlow where the project has it (keeping
 * no dequantised weights, so that what an op leaves can be counted), or a GPU with its activations in float32 or
 * bfloat16. A GPU test of a machine without one is a pending test that says why, and a failure where
 * MISTRAL_LAB_EXPECT_CUDA is set.
 */
type Place = "cpu" | "tensorflow" | `native ${string}` | `cuda ${"float32" | "bfloat16"}`;

/** Runs `body` on plain tfjs, on the native backend with each instruction set of this processor, on TensorFlow and the GPU. */
export function onEveryBackend(body: (backend: string) => void): void {
  const addon = loadAddon();
  const places: Place[] = [
    "cpu",
    ...(addon?.info().availableIsas ?? []).map((isa) => `native ${isa}` as const),
  ];
  if (!addon) it(`native: skipped, ${addonProblem()}`);
  else registerNativeBackend(addon);
  const noCuda = noGpu();
  if (noCuda === undefined) places.push("cuda float32", "cuda bfloat16");
  else it(`cuda: skipped, ${noCuda}`);
  if (findTensorflow().length > 0) places.push("tensorflow");
  else it("tensorflow: skipped, @tensorflow/tfjs-node is not installed");
  const best = addon?.info().isa;
  for (const place of places) {
    describe(place === "cpu" ? "plain tfjs" : place, () => {
      before(() => usePlace(place));
      after(async () => {
        if (addon && best) addon.setIsa(best);
        await usePlace("cpu");
      });
      body(place.split(" ")[0]);
    });
  }
}

let current: Place = "cpu";

async function usePlace(place: Place): Promise<void> {
  current = place;
  const [backend, variant] = place.split(" ");
  if (backend === "cuda") await useDevice("cuda", { compute: variant as "float32" | "bfloat16" });
  else if (backend === "tensorflow") await useDevice("tensorflow", { weightCacheBytes: 0 });
  else await tf.setBackend(backend);
  if (backend === "cpu" || backend === "native") silenceFirstUse(tf.backend() as MathBackendCPU);
  if (backend === "native") loadAddon()!.setIsa(variant);
}

/**
 * As `assertClose`; where activations are stored in bfloat16, inputs and every intermediate value are rounded to 8
 * bits, so a value may be off by a few 2^-9 of itself and of the size that the terms of its sum have.
 */
export function assertNear(actual: Float32Array, expected: ArrayLike<number>, tolerance: Tolerance): void {
  if (current !== "cuda bfloat16") {
    assertClose(actual, expected, tolerance);
    return;
  }
  const finite = Array.from(expected).filter(Number.isFinite);
  const rms = Math.sqrt(finite.reduce((sum, x) => sum + x * x, 0) / Math.max(finite.length, 1));
  const { what, rtol = 0, atol = 0 } = tolerance;
  assertClose(actual, expected, {
    what,
    rtol: Math.max(rtol, 2 ** -6),
    atol: Math.max(atol, 2 ** -5 * Math.max(rms, 0.5)),
  });
}

/** GPU memory in use; 0 elsewhere. */
export function cudaBytes(): number {
  return tf.getBackend() === "cuda" ? (tf.backend() as CudaBackend).cuda.memory.bytes.used : 0;
}

/** Uniform in [-scale, scale). */
export function random(length: number, seed: number, scale = 1): Float32Array {
  const next = generator(seed);
  return Float32Array.from({ length }, () => (next() * 2 - 1) * scale);
}

/** Random values for each shape. */
export function randomValues(shapes: Record<string, number[]>, seed: number, scale = 1): Values {
  const entries = Object.entries(shapes).map(([name, shape], i) => {
    return [name, random(tf.util.sizeFromShape(shape), seed * 31 + i, scale)] as const;
  });
  return Object.fromEntries(entries);
}

/** The op's output and, for `dy` given, its gradients by input name. Asserts that nothing else stays allocated. */
export function evaluate(opCase: OpCase, dy?: Float32Array): { y: Float32Array; gradients: Values } {
  const names = Object.keys(opCase.shapes);
  const atStart = tf.memory().numTensors;
  const tensors = names.map((name) => tf.tensor(opCase.values[name].slice(), opCase.shapes[name]));
  const call = (...args: tf.Tensor[]) =>
    opCase.run(Object.fromEntries(args.map((arg, i) => [names[i], arg])));
  const before = tf.memory().numTensors;
  const y = call(...tensors);
  assert.equal(tf.memory().numTensors, before + 1, "forward leaves its output and nothing else");
  const result = { y: y.dataSync<"float32">().slice(), gradients: {} as Values };
  if (dy) {
    const trainable = opCase.trainable ?? names;
    const asked = names.filter((name) => trainable.includes(name));
    const f = (...args: tf.Tensor[]) =>
      call(...names.map((name, i) => (asked.includes(name) ? args[asked.indexOf(name)] : tensors[i])));
    const dyTensor = tf.tensor(dy.slice(), y.shape);
    const beforeBackward = tf.memory().numTensors;
    const gradients = tf.grads(f)(
      asked.map((name) => tensors[names.indexOf(name)]),
      dyTensor,
    );
    const made = tf.memory().numTensors - beforeBackward;
    assert.equal(made, asked.length, "backward leaves its gradients and nothing else");
    asked.forEach((name, i) => {
      assert.deepEqual(gradients[i].shape, opCase.shapes[name], `shape of the gradient of ${name}`);
      result.gradients[name] = gradients[i].dataSync<"float32">().slice();
    });
    tf.dispose([dyTensor, ...gradients]);
  }
  tf.dispose([y, ...tensors]);
  assert.equal(tf.memory().numTensors, atStart, "all is freed");
  return result;
}

/** Forward against the formula: everywhere, NaN included. */
export function checkForward(
  opCase: OpCase,
  formula: (values: Values64) => Float64Array,
  tolerance: Partial<Tolerance> = {},
): void {
  const expected = formula(widen(opCase.values));
  assertNear(evaluate(opCase).y, expected, { ...FLOAT32, what: "forward", ...tolerance });
}

/** Gradients against central differences of the formula, with a random dy. For small inputs: two forwards a value. */
export function checkGradients(
  opCase: OpCase,
  formula: (values: Values64) => Float64Array,
  tolerance: Partial<Tolerance> = {},
): void {
  const wide = widen(opCase.values);
  const dy = random(formula(wide).length, 99);
  const weighted = () => formula(wide).reduce((sum, y, i) => sum + y * dy[i], 0);
  const { gradients } = evaluate(opCase, dy);
  for (const [name, gradient] of Object.entries(gradients)) {
    const values = wide[name];
    const expected = Float64Array.from(values, (value, i) => {
      // The error is h^2 (truncation) plus 1e-16/h (rounding): both about 1e-10 here.
      const h = 1e-5;
      values[i] = value + h;
      const above = weighted();
      values[i] = value - h;
      const below = weighted();
      values[i] = value;
      return (above - below) / (2 * h);
    });
    assertNear(gradient, expected, { ...FLOAT32, what: `gradient of ${name}`, ...tolerance });
  }
}

/** Output and gradients of the active backend against plain tfjs, with a random dy. */
export async function checkAgainstReference(
  opCase: OpCase,
  tolerance: Partial<Tolerance> = {},
): Promise<void> {
  const place = current;
  const size = evaluate(opCase).y.length;
  const dy = random(size, 98);
  const actual = evaluate(opCase, dy);
  await usePlace("cpu");
  const expected = evaluate(opCase, dy);
  await usePlace(place);
  assertNear(actual.y, expected.y, { ...FLOAT32, what: "forward", ...tolerance });
  for (const [name, gradient] of Object.entries(actual.gradients)) {
    assertNear(gradient, expected.gradients[name], {
      ...FLOAT32,
      what: `gradient of ${name}`,
      ...tolerance,
    });
  }
}

function widen(values: Values): Values64 {
  return Object.fromEntries(Object.entries(values).map(([name, array]) => [name, Float64Array.from(array)]));
}
