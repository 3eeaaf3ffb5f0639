import * as tf from "@tensorflow/tfjs";
import type { FrozenWeight } from "../weights/weight.ts";
import { type Matrix, matrixArguments, splitMatrix } from "./matrix.ts";
import { allocate, type Op, runOp } from "./op.ts";

/** `weight` is among the inputs exactly when `frozen` is absent. */
const op: Op<string, { ids: Int32Array; rows: number; dim: number; frozen?: FrozenWeight }> = {
  name: "Embedding",
  reference({ weight }, { ids, dim, frozen }) {
    if (!frozen) return [tf.gather(weight, tf.tensor1d(ids, "int32"))];
    // The rows that are wanted, not a tensor of the whole table.
    const table = frozen.dequantize();
    const y = new Float32Array(ids.length * dim);
    for (const [i, id] of ids.entries()) y.set(table.subarray(id * dim, (id + 1) * dim), i * dim);
    return [tf.tensor2d(y, [ids.length, dim])];
  },
  native: {
    forward(addon, { weight }, { ids, rows, dim, frozen }) {
      const y = allocate([ids.length, dim]);
      addon.embeddingForward(rows, dim, ...matrixArguments(frozen, weight), ids, y.data);
      return [y];
    },
    backward(addon, dy, { weight }, _outputs, { ids, rows, dim }) {
      if (!weight) return {};
      const dTable = allocate([rows, dim]);
      addon.embeddingBackward(rows, dim, dy.data, ids, dTable.data);
      return { weight: dTable };
    },
  },
};

/**
 * Embedding lookup: `y[i] = table[ids[i]]`. The gradient of a trainable table is the sum of dy's rows by id.
 *
 * @param table [V, D]
 * @param ids [T], each in [0, V)
 * @returns [T, D]
 * @throws RangeError when an id is outside the table
 */
export function embedding(table: Matrix, ids: Int32Array): tf.Tensor2D {
  const [rows, dim] = table.shape;
  const wrong = ids.findIndex((id) => id < 0 || id >= rows);
  if (wrong >= 0) {
    throw new RangeError(`embedding: id ${ids[wrong]} at index ${wrong} is not in [0, ${rows})`);
  }
  const { inputs, frozen } = splitMatrix(table);
  return runOp(op, inputs, { ids, rows, dim, frozen })[0] as tf.Tensor2D;
}
