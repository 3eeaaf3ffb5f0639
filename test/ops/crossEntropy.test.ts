import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { crossEntropy } from "../../sdk/ops/crossEntropy.ts";
import { DenseWeight, type FrozenWeight } from "../../sdk/weights/weight.ts";
import {
  assertNear,
  checkAgainstReference,
  checkForward,
  checkGradients,
  evaluate,
  FLOAT32,
  type OpCase,
  onEveryBackend,
  random,
  randomValues,
  type Values64,
} from "./support.ts";
import { everyStorage } from "./weights.ts";

/** -log softmax(hidden W^T)[label] of each row; 0 where the label is negative. */
function tokenLosses(
  hidden: ArrayLike<number>,
  w: ArrayLike<number>,
  labels: Int32Array,
  dim: number,
): Float64Array {
  const vocab = w.length / dim;
  return Float64Array.from(labels, (label, t) => {
    if (label < 0) return 0;
    const logits = Array.from({ length: vocab }, (_, j) => {
      let dot = 0;
      for (let c = 0; c < dim; c++) dot += hidden[t * dim + c] * w[j * dim + c];
      return dot;
    });
    const largest = Math.max(...logits);
    return Math.log(logits.reduce((sum, x) => sum + Math.exp(x - largest), 0)) + largest - logits[label];
  });
}

const sumOf = (x: Float64Array) => Float64Array.of(x.reduce((a, b) => a + b, 0));

/** Every third row is not trained, from `firstSkipped` on. */
function makeLabels(rows: number, vocab: number, firstSkipped = 1): Int32Array {
  return Int32Array.from({ length: rows }, (_, t) => (t % 3 === firstSkipped ? -100 : (t * 5 + 1) % vocab));
}

function lossCase(
  rows: number,
  vocab: number,
  dim: number,
  labels: Int32Array,
  frozen?: FrozenWeight,
): OpCase {
  const shapes: Record<string, number[]> = { hidden: [rows, dim] };
  if (!frozen) shapes.head = [vocab, dim];
  return {
    shapes,
    values: randomValues(shapes, rows + vocab),
    run({ hidden, head }) {
      const matrix = frozen ?? (head as tf.Tensor2D);
      const { lossSum, tokenLosses: losses } = crossEntropy(hidden as tf.Tensor2D, matrix, labels);
      losses.dispose();
      return lossSum;
    },
  };
}

// A loss sums as many terms as there are rows, each good to some 1e-6.
const lossTolerance = (rows: number) => ({ rtol: 1e-6, atol: 2e-6 * rows });

describe("crossEntropy", () => {
  onEveryBackend((backend) => {
    it("follows the formula and its derivative for hidden and a trainable head", () => {
      for (const [rows, vocab, dim] of [
        [1, 5, 3],
        [3, 17, 1],
        [7, 33, 4],
        [17, 2, 5],
      ]) {
        const labels = makeLabels(rows, vocab);
        const formula = ({ hidden, head }: Values64) => sumOf(tokenLosses(hidden, head, labels, dim));
        checkForward(lossCase(rows, vocab, dim, labels), formula, lossTolerance(rows));
        checkGradients(lossCase(rows, vocab, dim, labels), formula);
      }
    });

    it("reads every storage of a frozen head", () => {
      // 21 values a row: NF4 blocks of 64 begin inside of rows. 64: they do not.
      for (const [rows, vocab, dim] of [
        [5, 37, 21],
        [3, 100, 64],
      ] as const) {
        const labels = makeLabels(rows, vocab);
        for (const { name, weight, exact } of everyStorage(random(vocab * dim, 5), [vocab, dim])) {
          const opCase = lossCase(rows, vocab, dim, labels, weight);
          const formula = ({ hidden }: Values64) => sumOf(tokenLosses(hidden, exact, labels, dim));
          checkForward(opCase, formula, { what: name, ...lossTolerance(rows) });
          checkGradients(opCase, formula, { what: name });
        }
      }
    });

    it("gives each token's loss, with and without a gradient", () => {
      const [rows, vocab, dim] = [20, 50, 6];
      const labels = makeLabels(rows, vocab);
      const [hidden, head] = [random(rows * dim, 1), random(vocab * dim, 2)];
      const expected = tokenLosses(hidden, head, labels, dim);
      const [x, weight] = [tf.tensor2d(hidden, [rows, dim]), new DenseWeight([vocab, dim], head)];
      const before = tf.memory().numTensors;
      const { lossSum, tokenLosses: losses } = crossEntropy(x, weight, labels);
      assert.equal(tf.memory().numTensors, before + 2);
      assertNear(losses.dataSync<"float32">(), expected, { ...FLOAT32, what: "losses" });
      assertNear(lossSum.dataSync<"float32">(), sumOf(expected), { ...lossTolerance(rows), what: "sum" });
      const recorded: Float32Array[] = [];
      const gradient = tf.grad((h) => {
        const result = crossEntropy(h as tf.Tensor2D, weight, labels);
        recorded.push(result.tokenLosses.dataSync<"float32">().slice());
        return result.lossSum;
      })(x);
      assertNear(recorded[0], expected, { ...FLOAT32, what: "losses while recorded" });
      tf.dispose([x, lossSum, losses, gradient]);
    });

    it("does not even read rows without a label", () => {
      const [rows, vocab, dim] = [7, 9, 3];
      const labels = makeLabels(rows, vocab, 0);
      const opCase = lossCase(rows, vocab, dim, labels);
      opCase.values.hidden.fill(NaN, 0, dim);
      opCase.values.hidden.fill(NaN, 3 * dim, 4 * dim);
      const formula = ({ hidden, head }: Values64) => sumOf(tokenLosses(hidden, head, labels, dim));
      checkForward(opCase, formula, lossTolerance(rows));
      const { gradients } = evaluate(opCase, Float32Array.of(1));
      const clean = lossCase(rows, vocab, dim, labels);
      clean.values.hidden.fill(0, 0, dim);
      clean.values.hidden.fill(0, 3 * dim, 4 * dim);
      const expected = evaluate(clean, Float32Array.of(1)).gradients;
      assertNear(gradients.hidden.subarray(0, dim), new Float32Array(dim), {
        what: "gradient of a skipped row",
      });
      for (const name of ["hidden", "head"]) assertNear(gradients[name], expected[name], { what: name });
    });

    it("is zero, with zero gradients, when no row has a label", () => {
      const labels = new Int32Array(4).fill(-1);
      const opCase = lossCase(4, 5, 3, labels);
      checkForward(opCase, () => Float64Array.of(0), { rtol: 0, atol: 0 });
      checkGradients(opCase, () => Float64Array.of(0), { rtol: 0, atol: 0 });
    });

    it("does not overflow for large logits and keeps a small loss precise", () => {
      const labels = Int32Array.of(0, 1);
      const opCase = lossCase(2, 3, 1, labels);
      opCase.values.hidden.set([100, 1]);
      opCase.values.head.set([5, 20, -20]); // logits 500, 2000, -2000 and 5, 20, -20
      const formula = ({ hidden, head }: Values64) => sumOf(tokenLosses(hidden, head, labels, 1));
      checkForward(opCase, formula);
    });

    it("becomes NaN with a NaN in a trained row", () => {
      const labels = makeLabels(6, 40);
      const opCase = lossCase(6, 40, 3, labels);
      opCase.values.hidden[0] = NaN;
      checkForward(opCase, () => Float64Array.of(NaN));
    });

    if (backend !== "cpu") {
      it("equals the reference over several panels, chunks and vocabulary blocks", async () => {
        // More than 512 trained rows are several chunks; 96 rows of W at most are one block.
        for (const [rows, vocab, dim] of [
          [150, 301, 70],
          [800, 40, 9],
          [40, 100, 300],
        ]) {
          const labels = makeLabels(rows, vocab);
          // dW sums rows * softmax over the rows: 800 * 2^-24 = 5e-5 at worst; the loss is checked relatively.
          await checkAgainstReference(lossCase(rows, vocab, dim, labels), { rtol: 1e-5, atol: 5e-5 });
        }
      });
    }

    it("refuses what does not fit", () => {
      const x = tf.zeros([2, 3]) as tf.Tensor2D;
      const head = new DenseWeight([4, 3], new Float32Array(12));
      assert.throws(() => crossEntropy(x, head, Int32Array.of(0, 4)), {
        name: "RangeError",
        message: "crossEntropy: label 4 at row 1 is not below the vocabulary size 4",
      });
      assert.throws(() => crossEntropy(x, head, Int32Array.of(0)), {
        message:
          "crossEntropy: expected hidden [T, 3] for a head [4,3] and T labels, got hidden [2,3] and 1 labels",
      });
      x.dispose();
    });
  });
});
