import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { embedding } from "../../sdk/ops/embedding.ts";
import { DenseWeight } from "../../sdk/weights/weight.ts";
import {
  assertNear,
  checkAgainstReference,
  checkForward,
  checkGradients,
  type OpCase,
  onEveryBackend,
  random,
  randomValues,
  type Values64,
} from "./support.ts";
import { everyStorage } from "./weights.ts";

const ids = (n: number, rows: number) => Int32Array.from({ length: n }, (_, i) => (i * 7 + (i % 3)) % rows);

function rowsOf(table: ArrayLike<number>, chosen: Int32Array, dim: number): Float64Array {
  return Float64Array.from(
    { length: chosen.length * dim },
    (_, i) => table[chosen[Math.floor(i / dim)] * dim + (i % dim)],
  );
}

describe("embedding", () => {
  onEveryBackend(() => {
    it("takes rows of a trainable table and sums dy by id", () => {
      for (const [n, rows, dim] of [
        [1, 1, 1],
        [3, 5, 17],
        [33, 7, 4],
        [17, 40, 3],
      ]) {
        const chosen = ids(n, rows);
        const shapes = { table: [rows, dim] };
        const opCase: OpCase = {
          shapes,
          values: randomValues(shapes, n),
          run: ({ table }) => embedding(table as tf.Tensor2D, chosen),
        };
        const formula = ({ table }: Values64) => rowsOf(table, chosen, dim);
        checkForward(opCase, formula, { rtol: 0, atol: 0 }); // a copy
        checkGradients(opCase, formula);
      }
    });

    it("equals the reference over many rows and wide ones", async () => {
      for (const [n, rows, dim] of [
        [150, 9, 24],
        [20, 12, 1032],
      ]) {
        const chosen = ids(n, rows);
        const shapes = { table: [rows, dim] };
        await checkAgainstReference({
          shapes,
          values: randomValues(shapes, n),
          run: ({ table }) => embedding(table as tf.Tensor2D, chosen),
        });
      }
    });

    it("takes rows of a frozen table in every storage", () => {
      const rows = 11;
      // 19: rows of NF4 begin inside of a byte. 24: they are aligned.
      for (const dim of [19, 24]) {
        const chosen = ids(23, rows);
        for (const { name, weight, exact } of everyStorage(random(rows * dim, 4), [rows, dim])) {
          const y = embedding(weight, chosen);
          assert.deepEqual(y.shape, [23, dim]);
          assertNear(y.dataSync<"float32">(), rowsOf(exact, chosen, dim), { what: name });
          y.dispose();
        }
      }
    });

    it("is a constant for the gradient when the table is frozen", () => {
      const table = new DenseWeight([2, 3], random(6, 5));
      const scale = tf.scalar(2);
      const before = tf.memory().numTensors;
      const gradient = tf.grad((s) => tf.sum(tf.mul(embedding(table, Int32Array.of(1, 1)), s)))(scale);
      const expected =
        2 *
        table
          .dequantize()
          .subarray(3)
          .reduce((a, b) => a + b, 0);
      assertNear(gradient.dataSync<"float32">(), [expected], { rtol: 1e-6, what: "gradient" });
      assert.equal(tf.memory().numTensors, before + 1);
      tf.dispose([scale, gradient]);
    });

    it("copies NaN", () => {
      const table = new DenseWeight([2, 2], Float32Array.of(1, NaN, 3, 4));
      const y = embedding(table, Int32Array.of(1, 0));
      assertNear(y.dataSync<"float32">(), [3, 4, 1, NaN], { what: "rows" });
      y.dispose();
    });

    it("refuses an id outside the table", () => {
      const table = new DenseWeight([2, 2], new Float32Array(4));
      for (const id of [2, -1]) {
        assert.throws(() => embedding(table, Int32Array.of(0, id)), {
          name: "RangeError",
          message: `embedding: id ${id} at index 1 is not in [0, 2)`,
        });
      }
    });
  });
});
