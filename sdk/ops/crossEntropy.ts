import * as tf from "@tensorflow/tfjs";
import type { FrozenWeight } from "../weights/weight.ts";
import { crossEntropyBackward, crossEntropyForward } from "./cuda/crossEntropy.ts";
import { type Matrix, matrixArguments, matrixTensor, splitMatrix } from "./matrix.ts";
import { allocate, gradientsAreRecorded, type NativeTensor, type Op, runOp } from "./op.ts";

export interface CrossEntropyAttrs {
  vocab: number;
  labels: Int32Array;
  /** Absent when the head is a tensor, which is then among the inputs. */
  frozen?: FrozenWeight;
  /** The gradients need the logits, which exist in the forward only: it computes them too when they will be asked for. */
  wantGradients: boolean;
}

/** Outputs of the kernels: lossSum, losses [T]; then, when gradients are wanted, those of hidden and a trainable head. */
const op: Op<string, CrossEntropyAttrs> = {
  name: "CrossEntropy",
  // All rows are computed, the untrained ones as zeros: gathering the trained ones would need a gradient
  // (UnsortedSegmentSum) that the wasm backend does not have.
  reference({ hidden, weight }, { vocab, labels, frozen }) {
    const trained = tf.tensor2d(
      Uint8Array.from(labels, (label) => Number(label >= 0)),
      [labels.length, 1],
      "bool",
    );
    const rows = tf.where(trained, hidden, tf.zerosLike(hidden)) as tf.Tensor2D;
    const logits = tf.matMul(rows, matrixTensor(frozen, weight), false, true);
    // oneHot of a negative index is a row of zeros.
    const targets = tf.oneHot(tf.tensor1d(labels, "int32"), vocab);
    const losses = tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), targets), -1));
    return [tf.sum(losses), losses];
  },
  native: {
    forward(addon, { hidden, weight }, { vocab, labels, frozen, wantGradients }) {
      const [rows, dim] = hidden.shape;
      const losses = allocate([rows]);
      const dHidden = wantGradients ? allocate([rows, dim]) : undefined;
      const dWeight = wantGradients && weight ? allocate([vocab, dim]) : undefined;
      const args = [...matrixArguments(frozen, weight), labels, losses.data] as const;
      addon.crossEntropy(
        rows,
        vocab,
        dim,
        hidden.data,
        ...args,
        dHidden?.data ?? null,
        dWeight?.data ?? null,
      );
      const lossSum = { shape: [], data: Float32Array.of(losses.data.reduce((sum, loss) => sum + loss, 0)) };
      return [lossSum, losses, dHidden, dWeight].filter((tensor) => tensor !== undefined);
    },
    backward(_addon, [dy], { weight }, [, , dHidden, dWeight]) {
      const hidden = scaled(dHidden, dy.data[0]);
      return weight ? { hidden, weight: scaled(dWeight, dy.data[0]) } : { hidden };
    },
  },
  cuda: { forward: crossEntropyForward, backward: crossEntropyBackward },
};

function scaled({ shape, data }: NativeTensor, factor: number): NativeTensor {
  const y = allocate(shape);
  for (let i = 0; i < data.length; i++) y.data[i] = data[i] * factor;
  return y;
}

/**
 * Cross-entropy of a language-model head: `loss_t = -log softmax(hidden_t W^T)[label_t]` in nats, 0 where the label
 * is negative (those rows are not computed at all). The kernels never hold the logits of all tokens.
 *
 * @param hidden [T, D]
 * @param head W [V, D]; a tensor gets a gradient, a frozen weight none
 * @param labels [T]; negative (-100 by custom) means: not trained
 * @returns lossSum, a scalar with gradients for hidden and a trainable head, and tokenLosses [T], a constant
 * @throws RangeError when a label is >= V
 */
export function crossEntropy(
  hidden: tf.Tensor2D,
  head: Matrix,
  labels: Int32Array,
): { lossSum: tf.Scalar; tokenLosses: tf.Tensor1D } {
  const [vocab, dim] = head.shape;
  if (hidden.rank !== 2 || hidden.shape[1] !== dim || labels.length !== hidden.shape[0]) {
    throw new Error(
      `crossEntropy: expected hidden [T, ${dim}] for a head [${head.shape}] and T labels, ` +
        `got hidden [${hidden.shape}] and ${labels.length} labels`,
    );
  }
  const wrong = labels.findIndex((label) => label >= vocab);
  if (wrong >= 0) {
    throw new RangeError(
      `crossEntropy: label ${labels[wrong]} at row ${wrong} is not below the vocabulary size ${vocab}`,
    );
  }
  const { inputs, frozen } = splitMatrix(head);
  const attrs = { vocab, labels, frozen, wantGradients: gradientsAreRecorded() };
  const [lossSum, tokenLosses] = runOp(op, { hidden, ...inputs }, attrs, 2);
  return { lossSum: lossSum as tf.Scalar, tokenLosses: tokenLosses as tf.Tensor1D };
}
