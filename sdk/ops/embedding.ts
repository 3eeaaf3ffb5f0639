import * as tf from "@tensorflow/tfjs";
import { cudaKernels } from "../backend/cuda/kernel.ts";
import { deviceWeight, SCALE_SIGNATURE, scaleArguments } from "../weights/deviceWeight.ts";
import type { FrozenWeight } from "../weights/weight.ts";
import { type Matrix, matrixArguments, matrixTensor, splitMatrix } from "./matrix.ts";
import { allocate, type Cuda, type CudaTensor, type Op, runOp } from "./op.ts";

/** By the storage of the table, then by that of the result. */
const GATHER = {
  float32: cudaKernels("embedding", "gatherFloat32", "ppip", true),
  bfloat16: cudaKernels("embedding", "gatherBfloat16", "ppip", true),
};
const GATHER_NF4 = cudaKernels("embedding", "gatherNf4", `p${SCALE_SIGNATURE}pip`, true);
const BACKWARD = cudaKernels("embedding", "embeddingBackward", "ppppip");

/** Rows of a device matrix by index, stored as activations are. */
export function gatherRows(cuda: Cuda, table: CudaTensor, ids: Int32Array): CudaTensor {
  const dim = table.shape[1];
  const y = cuda.allocate([ids.length, dim]);
  if (ids.length === 0 || dim === 0) return y;
  const args = [table.address, cuda.constant(ids), dim, y.address];
  cuda.launch(GATHER[table.storage][cuda.activation], ids.length, gatherThreads(dim), args);
  return y;
}

function gatherFrozen(cuda: Cuda, frozen: FrozenWeight, ids: Int32Array): CudaTensor {
  const weight = deviceWeight(cuda, frozen);
  const [rows, dim] = weight.shape;
  if (weight.kind === "dense") {
    return gatherRows(cuda, { shape: [rows, dim], storage: weight.storage, address: weight.data }, ids);
  }
  const y = cuda.allocate([ids.length, dim]);
  const args = [weight.data, ...scaleArguments(weight), cuda.constant(ids), dim, y.address];
  if (ids.length > 0) cuda.launch(GATHER_NF4[cuda.activation], ids.length, gatherThreads(dim), args);
  return y;
}

const gatherThreads = (dim: number) => Math.min(256, Math.ceil(dim / (dim % 8 === 0 ? 256 : 32)) * 32);

/** The places of each id: those of distinct[i] are order[starts[i]..starts[i + 1]), ascending. */
interface Places {
  distinct: Int32Array;
  starts: Int32Array;
  order: Int32Array;
}
/** Kept as long as the ids, so that the device copies are too. */
const placesOf = new WeakMap<Int32Array, Places>();

/** By counting: a comparison sort of a large batch takes longer than its whole step on a GPU. */
function sortedPlaces(ids: Int32Array, rows: number): Places {
  let places = placesOf.get(ids);
  if (!places) {
    const ends = new Int32Array(rows);
    for (let i = 0; i < ids.length; i++) ends[ids[i]]++;
    const distinct: number[] = [];
    const starts: number[] = [];
    let sum = 0;
    for (let id = 0; id < rows; id++) {
      if (ends[id] > 0) {
        distinct.push(id);
        starts.push(sum);
      }
      sum += ends[id];
      ends[id] = sum;
    }
    const order = new Int32Array(ids.length);
    for (let i = ids.length - 1; i >= 0; i--) order[--ends[ids[i]]] = i;
    starts.push(ids.length);
    places = { distinct: Int32Array.from(distinct), starts: Int32Array.from(starts), order };
    placesOf.set(ids, places);
  }
  return places;
}

/** `weight` is among the inputs exactly when `frozen` is absent. */
const op: Op<string, { ids: Int32Array; rows: number; dim: number; frozen?: FrozenWeight }> = {
  name: "Embedding",
  keeps: (key) => key !== "out:0",
  reference({ weight }, { ids, frozen }) {
    return [tf.gather(matrixTensor(frozen, weight), tf.tensor1d(ids, "int32"))];
  },
  native: {
    forward(addon, { weight }, { ids, rows, dim, frozen }) {
      const y = allocate([ids.length, dim]);
      addon.embeddingForward(rows, dim, ...matrixArguments(frozen, weight), ids, y.data);
      return [y];
    },
    backward(addon, [dy], { weight }, _outputs, { ids, rows, dim }) {
      if (!weight) return {};
      const dTable = allocate([rows, dim]);
      addon.embeddingBackward(rows, dim, dy.data, ids, dTable.data);
      return { weight: dTable };
    },
  },
  cuda: {
    forward(cuda, { weight }, { ids, frozen }) {
      return [frozen ? gatherFrozen(cuda, frozen, ids) : gatherRows(cuda, weight, ids)];
    },
    backward(cuda, [dy], { weight }, _outputs, { ids, rows, dim }) {
      if (!weight) return {};
      const source = cuda.as(dy, cuda.activation);
      const dTable = cuda.allocate([rows, dim], "float32");
      cuda.driver.fill(dTable.address, 0, rows * dim);
      const { distinct, starts, order } = sortedPlaces(ids, rows);
      const [ofDistinct, ofStarts, ofOrder] = [distinct, starts, order].map((array) => cuda.constant(array));
      // One value a thread where rows are not aligned, else 8. The columns of a row are shared out over y.
      const groups = dim % 8 === 0 ? dim / 8 : dim;
      const threads = Math.min(128, Math.ceil(groups / 32) * 32);
      const grid = [distinct.length, Math.ceil(groups / threads), 1] as const;
      const args = [source.address, ofDistinct, ofStarts, ofOrder, dim, dTable.address];
      if (ids.length > 0) cuda.launch(BACKWARD[cuda.activation], grid, threads, args);
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
