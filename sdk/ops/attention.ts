import * as tf from "@tensorflow/tfjs";
import type { AttentionArguments } from "../backend/addon.ts";
import { backwardPacked, forwardPacked } from "./cuda/attention.ts";
import { allocate, type Op, runOp } from "./op.ts";

export interface AttentionShape {
  /** Query heads. */
  heads: number;
  /** Heads of keys and values; divides `heads`. Query head h reads kv head floor(h / (heads / kvHeads)). */
  kvHeads: number;
  headDim: number;
  /** A query sees at most this many last keys, itself included. 0: all of them. */
  window: number;
  /** Of the scores. Default 1 / sqrt(headDim). */
  scale?: number;
}

export interface AttentionOptions extends AttentionShape {
  /** Offsets of the sequences in the rows: [sequences + 1], from 0 to T. */
  cuSeqlens: Int32Array;
}

type Attrs = Required<AttentionOptions>;

const op: Op<"q" | "k" | "v", Attrs> = {
  name: "Attention",
  reference({ q, k, v }, attrs) {
    const { cuSeqlens } = attrs;
    const outputs: tf.Tensor[] = [];
    for (let s = 0; s + 1 < cuSeqlens.length; s++) {
      const [begin, length] = [cuSeqlens[s], cuSeqlens[s + 1] - cuSeqlens[s]];
      if (length === 0) continue;
      const rows = (x: tf.Tensor) => tf.slice2d(x as tf.Tensor2D, [begin, 0], [length, x.shape[1]!]);
      outputs.push(attendReference(rows(q), rows(k), rows(v), attrs));
    }
    return [outputs.length === 0 ? tf.zerosLike(q) : tf.concat(outputs, 0)];
  },
  native: {
    forward(addon, { q, k, v }, attrs) {
      const o = allocate(q.shape);
      const logSumExp = allocate([attrs.heads, q.shape[0]]);
      const args = attentionArguments(q.shape[0], attrs);
      addon.attentionForward(...args, attrs.cuSeqlens, q.data, k.data, v.data, o.data, logSumExp.data);
      return [o, logSumExp];
    },
    backward(addon, [dy], { q, k, v }, [o, logSumExp], attrs) {
      const [dq, dk, dv] = [allocate(q.shape), allocate(k.shape), allocate(v.shape)];
      const args = attentionArguments(q.shape[0], attrs);
      const inputs = [dy.data, q.data, k.data, v.data, o.data, logSumExp.data] as const;
      addon.attentionBackward(...args, attrs.cuSeqlens, ...inputs, dq.data, dk.data, dv.data);
      return { q: dq, k: dk, v: dv };
    },
  },
  cuda: {
    forward(cuda, { q, k, v }, attrs) {
      const inputs = [q, k, v].map((x) => cuda.as(x, cuda.activation));
      return forwardPacked(cuda, inputs, attrs);
    },
    backward(cuda, [dy], { q, k, v }, [o, logSumExp], attrs) {
      const inputs = [dy, q, k, v, o].map((x) => cuda.as(x, cuda.activation));
      return backwardPacked(cuda, inputs, logSumExp, attrs);
    },
  },
};

/** The shape as the addon takes it. */
export function attentionArguments(tokens: number, shape: Required<AttentionShape>): AttentionArguments {
  return [tokens, shape.heads, shape.kvHeads, shape.headDim, shape.scale, shape.window];
}

/**
 * The formula for one sequence: queries q [Q, heads * headDim] are the last Q positions of the keys k, v
 * [K, kvHeads * headDim].
 */
export function attendReference(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  { heads, kvHeads, headDim, scale, window }: Required<AttentionShape>,
): tf.Tensor2D {
  const [queries, keys] = [q.shape[0], k.shape[0]];
  const perHead = (x: tf.Tensor2D, n: number) =>
    tf.transpose(tf.reshape(x, [x.shape[0], n, headDim]), [1, 0, 2]);
  // A group of query heads shares a kv head: its queries are stacked, so that one product serves the group.
  const group = heads / kvHeads;
  const stacked = tf.reshape(perHead(q, heads), [kvHeads, group * queries, headDim]);
  const scores = tf.reshape(tf.matMul(stacked, perHead(k, kvHeads), false, true), [
    kvHeads,
    group,
    queries,
    keys,
  ]);
  const hidden = new Float32Array(queries * keys);
  for (let i = 0; i < queries; i++) {
    const position = keys - queries + i;
    for (let j = 0; j < keys; j++) {
      if (j > position || (window > 0 && j <= position - window)) hidden[i * keys + j] = 1;
    }
  }
  const mask = tf.tensor2d(hidden, [queries, keys], "bool");
  const masked = tf.where(mask, tf.scalar(Number.NEGATIVE_INFINITY), tf.mul(scores, scale));
  const p = tf.reshape(tf.softmax(masked), [kvHeads, group * queries, keys]);
  const o = tf.reshape(tf.matMul(p, perHead(v, kvHeads)), [heads, queries, headDim]);
  return tf.reshape(tf.transpose(o, [1, 0, 2]), [queries, heads * headDim]);
}

/** Checks q, k and v against the shape; returns the shape with its defaults. */
export function checkAttention(
  what: string,
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  { heads, kvHeads, headDim, window, scale = 1 / Math.sqrt(headDim) }: AttentionShape,
): Required<AttentionShape> {
  const whole = [heads, kvHeads, headDim].every((n) => Number.isInteger(n) && n >= 1);
  if (!whole || heads % kvHeads !== 0 || !Number.isInteger(window) || window < 0) {
    throw new Error(
      `${what}: expected heads, kvHeads, headDim >= 1, kvHeads dividing heads and a whole window >= 0, ` +
        `got heads ${heads}, kvHeads ${kvHeads}, headDim ${headDim}, window ${window}`,
    );
  }
  const rows = q.shape[0];
  const fits = (x: tf.Tensor2D, n: number) => tf.util.arraysEqual(x.shape, [rows, n * headDim]);
  if (!fits(q, heads) || !fits(k, kvHeads) || !fits(v, kvHeads)) {
    throw new Error(
      `${what}: expected q [T, ${heads * headDim}] and k, v [T, ${kvHeads * headDim}], ` +
        `got q [${q.shape}], k [${k.shape}], v [${v.shape}]`,
    );
  }
  return { heads, kvHeads, headDim, window, scale };
}

/**
 * Causal grouped-query attention inside each packed sequence: for query i of a head,
 * `o_i = sum_j softmax_j(scale * q_i . k_j) v_j` over the keys j <= i of the same sequence, the last `window` of them.
 * Sources: Vaswani et al. 2017, "Attention Is All You Need"; Ainslie et al. 2023, "GQA"; the native kernel works
 * tile by tile as in Dao et al. 2022, "FlashAttention": memory grows with T, not with its square.
 *
 * @param q [T, heads * headDim], already rotated (`rope`)
 * @param k [T, kvHeads * headDim], already rotated
 * @param v [T, kvHeads * headDim]
 * @returns [T, heads * headDim]
 * @throws when shapes do not fit, or cuSeqlens does not rise from 0 to T
 */
export function attention(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  options: AttentionOptions,
): tf.Tensor2D {
  const shape = checkAttention("attention", q, k, v, options);
  const { cuSeqlens } = options;
  const rising = cuSeqlens.every((offset, s) => s === 0 || offset >= cuSeqlens[s - 1]);
  if (!rising || cuSeqlens[0] !== 0 || cuSeqlens[cuSeqlens.length - 1] !== q.shape[0]) {
    throw new Error(`attention: expected cuSeqlens to rise from 0 to ${q.shape[0]}, got [${cuSeqlens}]`);
  }
  return runOp(op, { q, k, v }, { ...shape, cuSeqlens })[0] as tf.Tensor2D;
}
