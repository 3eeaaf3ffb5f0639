/** One case of each op for `checkOps`: small tensors, of sizes with whole tiles and a few values more. */
import * as tf from "@tensorflow/tfjs";
import { Random } from "../data/random.ts";
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

export interface Case {
  /** The op, with what is special about the case. */
  op: string;
  /** Of the inputs. */
  shapes: number[][];
  /** Outputs; with `trained`, the first has gradients for the first so many inputs. */
  run(inputs: tf.Tensor[]): tf.Tensor[];
  trained?: number;
  /** Of the inputs. Default: normal noise. */
  values?: Float32Array[];
}

/** Normal noise: so many values, from a seed. */
export type Noise = (length: number, seed: number) => Float32Array;

export function normal(length: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length }, () => random.normal());
}

const TOKENS = 70;
/** Two sequences. */
const CU_SEQLENS = Int32Array.of(0, 41, TOKENS);
const POSITIONS = Int32Array.from({ length: TOKENS }, (_, i) => (i < 41 ? i : i - 41));
const IDS = Int32Array.from({ length: TOKENS }, (_, i) => (i * 7) % 50);
const HEADS = { heads: 4, kvHeads: 2, headDim: 32, window: 0 };
// Shapes of inputs.
const X = [TOKENS, 64];
const WIDE_X = [TOKENS, 72];
const WEIGHT = [72, 64];
const A = [4, 64];
const B = [72, 4];
const TABLE = [50, 64];

const matrix = (x: tf.Tensor) => x as tf.Tensor2D;
const vector = (x: tf.Tensor) => x as tf.Tensor1D;

export function checkCases(noise: Noise): Case[] {
  return [
    ...rowCases(),
    ...linearCases(noise),
    ...attentionCases(),
    ...decodingCases(noise),
    ...lossCases(noise),
  ];
}

function rowCases(): Case[] {
  return [
    { op: "embedding", shapes: [TABLE], run: ([table]) => [embedding(matrix(table), IDS)], trained: 1 },
    {
      op: "rmsNorm",
      shapes: [WIDE_X, [72]],
      run: ([x, gamma]) => [rmsNorm(matrix(x), vector(gamma))],
      trained: 1,
    },
  ];
}

function linearCases(noise: Noise): Case[] {
  const frozen = new DenseWeight([72, 64], noise(72 * 64, 9));
  const packed = NF4Weight.quantize(noise(72 * 64, 9), [72, 64]);
  // Whole pieces of the kernel for a few rows: other widths go through the ops one by one.
  const wide = NF4Weight.quantize(noise(72 * 512, 9), [72, 512]);
  const lora = (a: tf.Tensor, b: tf.Tensor) => ({ a: matrix(a), b: matrix(b), scale: 2 });
  const dropping = { dropout: 0.25, seed: 5 };
  return [
    {
      op: "linear",
      shapes: [X, A, B],
      run: ([x, a, b]) => [linear(matrix(x), frozen, { ...lora(a, b), ...dropping })],
      trained: 3,
    },
    {
      op: "linear, NF4",
      shapes: [X, A, B],
      run: ([x, a, b]) => [linear(matrix(x), packed, { ...lora(a, b), ...dropping })],
      trained: 3,
    },
    { op: "linear, NF4, 1 row", shapes: [[1, 64]], run: ([x]) => [linear(matrix(x), packed)] },
    {
      op: "normLinears, NF4, 2 rows",
      shapes: [[2, 512], [512], [4, 512], B],
      run([x, gamma, a, b]) {
        const norm = { gamma: vector(gamma), eps: 1e-5 };
        const layer = { weight: wide, lora: lora(a, b) };
        return [...normLinears(matrix(x), norm, [layer, layer]), normSwiglu(matrix(x), norm, layer, layer)];
      },
    },
    {
      op: "linear, all trained",
      shapes: [X, WEIGHT],
      run: ([x, w]) => [linear(matrix(x), matrix(w))],
      trained: 2,
    },
  ];
}

function attentionCases(): Case[] {
  const inverseFrequencies = Float32Array.from({ length: 16 }, (_, i) => 0.5 ** i);
  const attend =
    (heads: typeof HEADS) =>
    ([q, k, v]: tf.Tensor[]) => [
      attention(matrix(q), matrix(k), matrix(v), { ...heads, cuSeqlens: CU_SEQLENS }),
    ];
  const shapes = (query: number, key: number) => [query, key, key].map((width) => [TOKENS, width]);
  const wideHeads = { heads: 2, kvHeads: 1, headDim: 128, window: 0 };
  return [
    {
      op: "rope",
      shapes: [X],
      run: ([x]) => rope([matrix(x)], { positions: POSITIONS, headDim: 32, inverseFrequencies }),
      trained: 1,
    },
    { op: "attention", shapes: shapes(128, 64), run: attend(HEADS), trained: 3 },
    { op: "attention, headDim 128", shapes: shapes(256, 128), run: attend(wideHeads), trained: 3 },
  ];
}

function decodingCases(noise: Noise): Case[] {
  const rows = (count: number) => [128, 64, 64].map((width) => [count, width]);
  const token = [1, 256];
  return [
    {
      op: "attentionCached",
      shapes: [...rows(9), ...rows(1)],
      run(inputs) {
        const cache = new AttentionCache(16, 64);
        const [q, k, v, nextQ, nextK, nextV] = inputs.map(matrix);
        const outputs = [
          attentionCached(q, k, v, { ...HEADS, cache, past: 0 }),
          attentionCached(nextQ, nextK, nextV, { ...HEADS, cache, past: 9 }),
        ];
        cache.dispose();
        return outputs;
      },
    },
    {
      op: "decodeLayers, NF4",
      shapes: [token, token, [256]],
      run: ([x, next, gamma]) => decodeTwo([x, next].map(matrix), vector(gamma), noise),
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

function lossCases(noise: Noise): Case[] {
  const table = new DenseWeight([50, 64], noise(50 * 64, 8));
  const labels = IDS.map((id, i) => (i % 3 === 0 ? -100 : id));
  // The mean of squared gradients is not negative.
  const squares = (seed: number) => noise(50 * 64, seed).map((value) => value * value);
  return [
    {
      op: "swiglu",
      shapes: [WIDE_X, WIDE_X],
      run: ([gate, up]) => [swiglu(matrix(gate), matrix(up))],
      trained: 2,
    },
    {
      op: "crossEntropy",
      shapes: [X],
      run: ([hidden]) => Object.values(crossEntropy(matrix(hidden), table, labels)),
      trained: 1,
    },
    {
      op: "crossEntropy, all trained",
      shapes: [X, TABLE],
      run: ([hidden, head]) => [crossEntropy(matrix(hidden), matrix(head), labels).lossSum],
      trained: 2,
    },
    {
      op: "adamW",
      shapes: [TABLE, TABLE, TABLE, TABLE],
      values: [0, 1, 2, 3].map(squares),
      run([param, grad, m, v]) {
        const variables = [param, m, v].map((tensor) => tf.variable(tensor, false));
        const [newParam, newM, newV] = variables;
        adamW([{ param: newParam, grad, m: newM, v: newV }], { step: 3, learningRate: 0.1 });
        const values = variables.map((variable) => tf.tensor(variable.dataSync().slice(), variable.shape));
        tf.dispose(variables);
        return values;
      },
    },
    { op: "matMul", shapes: [X, [64, 72]], run: ([a, b]) => [tf.matMul(a, b)] },
  ];
}
