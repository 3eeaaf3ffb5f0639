/**
 * A check of this machine's GPU: every op once with small tensors, forward and backward, beside its reference on plain
 * tfjs. It finds kernels that were built for another GPU, or a driver that computes wrongly; the tests of the ops are
 * finer.
 */
import * as tf from "@tensorflow/tfjs";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import type { CudaBackend } from "../backend/cuda/backend.ts";
import type { Storage } from "../backend/cuda/kernel.ts";
import { gemmKernels } from "../backend/cuda/matMul.ts";
import { silenceFirstUse } from "../backend/native.ts";
import { quantizeWeightsOnDevice } from "../weights/deviceWeight.ts";
import { NF4Weight } from "../weights/nf4.ts";
import { DenseWeight } from "../weights/weight.ts";
import { type Case, checkCases, type Noise, normal } from "./checkCases.ts";
import { gradientsAt } from "./tape.ts";

export interface OpCheck {
  /** The op, with what is special about the case. */
  op: string;
  /**
   * By the storage of activations: the largest difference, over the largest value of the reference. A card before Ampere
   * has no bfloat16.
   */
  errors: Partial<Record<Storage, number>>;
  ok: boolean;
  /** What went wrong where there is no number. */
  problem?: string;
}

/** Sums in another order, and roundings to 8 bits of mantissa, in a handful of steps. */
const LIMITS = { float32: 1e-5, bfloat16: 0.04 };

/**
 * Checks all ops on the active backend, which must be `cuda`, one after another; the device stays as it was.
 *
 * @param seed of all values. Default 0
 * @param storages in which activations are stored. Default: float32, and bfloat16 where the card has it
 */
export async function* checkOps(seed = 0, storages?: readonly Storage[]): AsyncGenerator<OpCheck> {
  const { cuda } = tf.backend() as CudaBackend;
  const before = cuda.activation;
  const wanted = storages ?? (cuda.hasBfloat16 ? ["float32", "bfloat16"] : ["float32"]);
  const noise = (length: number, own: number) => normal(length, own + 1000 * seed);
  const compared = (op: string, error: (storage: Storage) => number) => checked(op, wanted, error);
  try {
    for (const one of checkCases(noise)) {
      const inputs = one.shapes.map((shape, i) => one.values?.[i] ?? noise(tf.util.sizeFromShape(shape), i));
      await tf.setBackend("cpu");
      silenceFirstUse(tf.backend() as MathBackendCPU);
      const expected = valuesOf(one, inputs);
      await tf.setBackend("cuda");
      yield compared(one.op, (storage) => {
        cuda.activation = storage;
        return errorOf(valuesOf(one, inputs), expected);
      });
    }
    yield compared("NF4", (storage) => {
      cuda.activation = storage;
      return quantisationError(noise);
    });
    yield compared("matMul without cuBLASLt", (storage) => ownProductError(storage, noise));
  } finally {
    await tf.setBackend("cuda");
    cuda.activation = before;
  }
}

function checked(op: string, storages: readonly Storage[], error: (storage: Storage) => number): OpCheck {
  try {
    const errors = Object.fromEntries(storages.map((storage) => [storage, error(storage)]));
    return { op, errors, ok: storages.every((storage) => errors[storage] <= LIMITS[storage]) };
  } catch (problem) {
    return { op, errors: {}, ok: false, problem: (problem as Error).message };
  }
}

/** All outputs and gradients on the active backend. */
function valuesOf({ shapes, run, trained = 0 }: Case, inputs: readonly Float32Array[]): Float32Array[] {
  return tf.tidy(() => {
    const tensors = inputs.map((values, i) => tf.tensor(values.slice(), shapes[i]));
    const outputs = run(tensors);
    const found = outputs.map((output) => output.dataSync<"float32">().slice());
    if (trained === 0) return found;
    const dy = tf.tensor(normal(outputs[0].size, 20), outputs[0].shape);
    const gradients = gradientsAt(() => run(tensors)[0], tensors.slice(0, trained), dy);
    return [...found, ...gradients.map((gradient) => gradient!.dataSync<"float32">().slice())];
  });
}

function errorOf(found: readonly Float32Array[], expected: readonly Float32Array[]): number {
  return Math.max(
    ...expected.map((values, i) => {
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const errors = values.map((value, j) => Math.abs(found[i][j] - value));
      // NaN stays visible: Math.max gives NaN then.
      return errors.reduce((most, error) => Math.max(most, error), 0) / (largest || 1);
    }),
  );
}

/** Share of bytes that differ between a weight that the GPU quantised and one that the CPU did. */
function quantisationError(noise: Noise): number {
  const { cuda } = tf.backend() as CudaBackend;
  const dense = new DenseWeight([72, 64], noise(72 * 64, 9));
  const onGpu = quantizeWeightsOnDevice(cuda, new Map([["check", dense]]), true).get("check")!;
  const [found, expected] = [
    onGpu.toHost().packed,
    NF4Weight.quantize(dense.data as Float32Array, [72, 64]).packed,
  ];
  return expected.filter((byte, i) => byte !== found[i]).length / expected.length;
}

function ownProductError(storage: Storage, noise: Noise): number {
  const { cuda } = tf.backend() as CudaBackend;
  const [m, n, k] = [70, 72, 64];
  try {
    const [a, b] = [noise(m * k, 1), noise(k * n, 2)];
    const [onA, onB] = [
      { array: a, shape: [m, k] },
      { array: b, shape: [k, n] },
    ].map(({ array, shape }) => {
      const tensor = cuda.allocate(shape, "float32");
      cuda.driver.upload(tensor.address, array);
      return cuda.as(tensor, storage);
    });
    const c = cuda.allocate([m, n], "float32");
    gemmKernels(cuda, m, n, k, onA, onB, c);
    const found = new Float32Array(m * n);
    cuda.driver.download(c.address, found);
    const expected = Float32Array.from({ length: m * n }, (_, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      let sum = 0;
      for (let l = 0; l < k; l++) sum += a[i * k + l] * b[l * n + j];
      return sum;
    });
    return errorOf([found], [expected]);
  } finally {
    cuda.endOp();
  }
}
