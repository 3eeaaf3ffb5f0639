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
import { Random } from "../data/random.ts";
import { quantizeWeightsOnDevice } from "../weights/deviceWeight.ts";
import { NF4Weight } from "../weights/nf4.ts";
import { DenseWeight } from "../weights/weight.ts";
import { adamW } from "./adamW.ts";
import { attention } from "./attention.ts";
import { AttentionCache, attentionCached } from "./attentionCached.ts";
import { crossEntropy } from "./crossEntropy.ts";
import { type DecoderLayer, decodeLayers } from "./decodeLayers.ts";
import { embedding } from "./embedding.ts";
import { linear, linears } from "./linear.ts";
import { normLinears, normSwiglu } from "./normLinears.ts";
import { rmsNorm } from "./rmsNorm.ts";
import { rope } from "./rope.ts";
import { swiglu } from "./swiglu.ts";
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

interface Case {
  op: string;
  shapes: number[][];
  /** Default: normal noise. */
  values?: Float32Array[];
  /** Outputs; with `trained`, the first has gradients for the first so many inputs. */
  run(inputs: tf.Tensor[]): tf.Tensor[];
  trained?: number;
}

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
    for (const one of cases(noise)) {
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

/** Sizes with whole tiles, and a few values more. */
function cases(noise: Noise): Case[] {
  const tokens = 70;
  const cuSeqlens = Int32Array.of(0, 41, tokens);
  const heads = { heads: 4, kvHeads: 2, headDim: 32, window: 0 };
  const frozen = new DenseWeight([72, 64], noise(72 * 64, 9));
  const packed = NF4Weight.quantize(noise(72 * 64, 9), [72, 64]);
  // Whole pieces of the kernel for a few rows: other widths go through the ops one by one.
  const wide = NF4Weight.quantize(noise(72 * 512, 9), [72, 512]);
  const table = new DenseWeight([50, 64], noise(50 * 64, 8));
  const lora = ([, a, b]: tf.Tensor[]) => ({
    ...{ a: a as tf.Tensor2D, b: b as tf.Tensor2D },
    ...{ scale: 2, dropout: 0.25, seed: 5 },
  });
  const ids = Int32Array.from({ length: tokens }, (_, i) => (i * 7) % 50);
  const labels = ids.map((id, i) => (i % 3 === 0 ? -100 : id));
  const positions = Int32Array.from({ length: tokens }, (_, i) => (i < 41 ? i : i - 41));
  const inverseFrequencies = Float32Array.from({ length: 16 }, (_, i) => 0.5 ** i);
  // The mean of squared gradients is not negative.
  const squares = (seed: number) => noise(50 * 64, seed).map((value) => value * value);
  const matrix = (x: tf.Tensor) => x as tf.Tensor2D;
  const adapted = [[64], [4, 64], [72, 4]];
  return [
    { op: "embedding", shapes: [[50, 64]], run: ([x]) => [embedding(matrix(x), ids)], trained: 1 },
    {
      ...{ op: "rmsNorm", shapes: [[tokens, 72], [72]], trained: 1 },
      run: ([x, gamma]) => [rmsNorm(matrix(x), gamma as tf.Tensor1D)],
    },
    {
      ...{ op: "linear", shapes: [[tokens, ...adapted[0]], ...adapted.slice(1)], trained: 3 },
      run: (inputs) => [linear(matrix(inputs[0]), frozen, lora(inputs))],
    },
    {
      ...{ op: "linear, NF4", shapes: [[tokens, ...adapted[0]], ...adapted.slice(1)], trained: 3 },
      run: (inputs) => [linear(matrix(inputs[0]), packed, lora(inputs))],
    },
    { op: "linear, NF4, 1 row", shapes: [[1, 64]], run: ([x]) => [linear(matrix(x), packed)] },
    {
      ...{ op: "normLinears, NF4, 2 rows", shapes: [[2, 512], [512], [4, 512], [72, 4]] },
      run([x, gamma, a, b]) {
        const norm = { gamma: gamma as tf.Tensor1D, eps: 1e-5 };
        const layer = { weight: wide, lora: { a: matrix(a), b: matrix(b), scale: 2 } };
        return [...normLinears(matrix(x), norm, [layer, layer]), normSwiglu(matrix(x), norm, layer, layer)];
      },
    },
    {
      ...{
        op: "linear, all trained",
        shapes: [
          [tokens, 64],
          [72, 64],
        ],
        trained: 2,
      },
      run: ([x, w]) => [linear(matrix(x), matrix(w))],
    },
    {
      ...{ op: "rope", shapes: [[tokens, 64]], trained: 1 },
      run: ([x]) => rope([matrix(x)], { positions, headDim: 32, inverseFrequencies }),
    },
    {
      ...{
        op: "attention",
        shapes: [
          [tokens, 128],
          [tokens, 64],
          [tokens, 64],
        ],
        trained: 3,
      },
      run: ([q, k, v]) => [attention(matrix(q), matrix(k), matrix(v), { ...heads, cuSeqlens })],
    },
    {
      ...{
        op: "attention, headDim 128",
        shapes: [
          [tokens, 256],
          [tokens, 128],
          [tokens, 128],
        ],
        trained: 3,
      },
      run: ([q, k, v]) => [
        attention(matrix(q), matrix(k), matrix(v), {
          ...heads,
          heads: 2,
          kvHeads: 1,
          headDim: 128,
          cuSeqlens,
        }),
      ],
    },
    {
      ...{
        op: "attentionCached",
        shapes: [
          [9, 128],
          [9, 64],
          [9, 64],
          [1, 128],
          [1, 64],
          [1, 64],
        ],
      },
      run(inputs) {
        const cache = new AttentionCache(16, 64);
        const [q, k, v, nextQ, nextK, nextV] = inputs.map(matrix);
        const first = attentionCached(q, k, v, { ...heads, cache, past: 0 });
        const second = attentionCached(nextQ, nextK, nextV, { ...heads, cache, past: 9 });
        cache.dispose();
        return [first, second];
      },
    },
    {
      ...{ op: "decodeLayers, NF4", shapes: [[1, 256], [1, 256], [256]] },
      run: ([first, second, gamma]) => decodeTwo([first, second].map(matrix), gamma as tf.Tensor1D, noise),
    },
    {
      ...{
        op: "swiglu",
        shapes: [
          [tokens, 72],
          [tokens, 72],
        ],
        trained: 2,
      },
      run: ([gate, up]) => [swiglu(matrix(gate), matrix(up))],
    },
    {
      ...{ op: "crossEntropy", shapes: [[tokens, 64]], trained: 1 },
      run: ([hidden]) => Object.values(crossEntropy(matrix(hidden), table, labels)),
    },
    {
      ...{
        op: "crossEntropy, all trained",
        shapes: [
          [tokens, 64],
          [50, 64],
        ],
        trained: 2,
      },
      run: ([hidden, head]) => [crossEntropy(matrix(hidden), matrix(head), labels).lossSum],
    },
    {
      op: "adamW",
      shapes: [
        [50, 64],
        [50, 64],
        [50, 64],
        [50, 64],
      ],
      values: [0, 1, 2, 3].map(squares),
      run: ([param, grad, m, v]) => {
        const variables = [param, m, v].map((tensor) => tf.variable(tensor, false));
        const [newParam, newM, newV] = variables;
        adamW([{ param: newParam, grad, m: newM, v: newV }], { step: 3, learningRate: 0.1 });
        const values = variables.map((variable) => tf.tensor(variable.dataSync().slice(), variable.shape));
        tf.dispose(variables);
        return values;
      },
    },
    {
      ...{
        op: "matMul",
        shapes: [
          [tokens, 64],
          [64, 72],
        ],
      },
      run: ([a, b]) => [tf.matMul(a, b)],
    },
  ];
}

/** Two tokens through one layer: in one launch where the backend has one, else by the ops. */
function decodeTwo(tokens: readonly tf.Tensor2D[], gamma: tf.Tensor1D, noise: Noise): tf.Tensor[] {
  const shape = { heads: 2, kvHeads: 1, headDim: 128 };
  const sizes = [256, 128, 128, 256, 256, 256, 256];
  const projections = sizes.map((out, i) => {
    const values = noise(out * 256, 30 + i).map((value) => value / 16);
    return { weight: NF4Weight.quantize(values, [out, 256]) };
  });
  const cache = new AttentionCache(4, 128);
  const layer: DecoderLayer = { projections, inputNorm: gamma, outputNorm: gamma, cache, window: 0 };
  const inverseFrequencies = Float32Array.from({ length: 64 }, (_, i) => 0.9 ** i);
  const [q, k, v, o, gate, up, down] = projections;
  const norm = { gamma, eps: 1e-5 };
  const outputs = tokens.map((x, position) => {
    const past = Int32Array.of(position);
    const sizes = { ...shape, hidden: 256, intermediate: 256, eps: norm.eps };
    const options = { ...sizes, attentionScale: 128 ** -0.5, past, inverseFrequencies };
    const y = decodeLayers(x, [layer], options);
    if (y) return y;
    const [queries, keys, values] = normLinears(x, norm, [q, k, v]);
    const turned = rope([queries, keys], { positions: past, headDim: 128, inverseFrequencies });
    const seen = attentionCached(turned[0], turned[1], values, {
      ...shape,
      window: 0,
      cache,
      past: position,
    });
    const [attended] = linears(seen, [o], x);
    return linears(normSwiglu(attended, norm, gate, up), [down], attended)[0];
  });
  cache.dispose();
  return outputs;
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

type Noise = (length: number, seed: number) => Float32Array;

function normal(length: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length }, () => random.normal());
}
