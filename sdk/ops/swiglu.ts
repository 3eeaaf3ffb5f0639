import * as tf from "@tensorflow/tfjs";
import { cudaKernels } from "../backend/cuda/kernel.ts";
import { allocate, type Op, runOp } from "./op.ts";

const FORWARD = cudaKernels("swiglu", "swigluForward", "pppi");
const BACKWARD = cudaKernels("swiglu", "swigluBackward", "pppppi");
/** Values that one block works on: 8 a thread. */
const BLOCK_VALUES = 2048;

const op: Op<"gate" | "up", object> = {
  name: "Swiglu",
  keeps: (key) => key !== "out:0",
  reference({ gate, up }) {
    return [tf.mul(tf.mul(gate, tf.sigmoid(gate)), up)];
  },
  native: {
    forward(addon, { gate, up }) {
      const y = allocate(gate.shape);
      addon.swigluForward(gate.data, up.data, y.data);
      return [y];
    },
    backward(addon, [dy], { gate, up }) {
      const dGate = allocate(gate.shape);
      const dUp = allocate(up.shape);
      addon.swigluBackward(dy.data, gate.data, up.data, dGate.data, dUp.data);
      return { gate: dGate, up: dUp };
    },
  },
  cuda: {
    forward(cuda, inputs) {
      const [gate, up] = [inputs.gate, inputs.up].map((t) => cuda.as(t, cuda.activation));
      const y = cuda.allocate(gate.shape);
      const count = tf.util.sizeFromShape(gate.shape);
      const args = [gate.address, up.address, y.address, count];
      if (count > 0) cuda.launch(FORWARD[cuda.activation], Math.ceil(count / BLOCK_VALUES), 256, args);
      return [y];
    },
    backward(cuda, [dy], inputs) {
      const sources = [dy, inputs.gate, inputs.up].map((t) => cuda.as(t, cuda.activation));
      const [gate, up] = [cuda.allocate(dy.shape), cuda.allocate(dy.shape)];
      const count = tf.util.sizeFromShape(dy.shape);
      const args = [...[...sources, gate, up].map(({ address }) => address), count];
      if (count > 0) cuda.launch(BACKWARD[cuda.activation], Math.ceil(count / BLOCK_VALUES), 256, args);
      return { gate, up };
    },
  },
};

/**
 * SwiGLU: `y = silu(gate) * up` with `silu(x) = x * sigmoid(x)`, element by element.
 * Source: Shazeer 2020, "GLU Variants Improve Transformer".
 *
 * @param gate [T, D]
 * @param up [T, D]
 * @returns [T, D]
 * @throws when shapes differ
 */
export function swiglu(gate: tf.Tensor2D, up: tf.Tensor2D): tf.Tensor2D {
  if (gate.rank !== 2 || !tf.util.arraysEqual(gate.shape, up.shape)) {
    throw new Error(`swiglu: expected gate and up [T, D], got gate [${gate.shape}] and up [${up.shape}]`);
  }
  return runOp(op, { gate, up }, {})[0] as tf.Tensor2D;
}
