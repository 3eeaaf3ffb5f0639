import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import {
  type Addon,
  type Cuda,
  type CudaTensor,
  type NativeTensor,
  type Op,
  runOp,
} from "../../sdk/ops/op.ts";
import { swiglu } from "../../sdk/ops/swiglu.ts";
import { gradientsAt, valueAndGradients } from "../../sdk/ops/tape.ts";
import { assertClose } from "../compare.ts";
import { onEveryBackend } from "./support.ts";

/** Does nothing; its backward throws. */
const broken: Op<"x", object> = {
  name: "BrokenForTests",
  reference: ({ x }) => [
    tf.customGrad((t) => ({
      value: (t as tf.Tensor).clone(),
      gradFunc: () => {
        throw new Error("no backward");
      },
    }))(x),
  ],
  native: {
    forward: (_: Addon, { x }: { x: NativeTensor }) => [{ shape: x.shape, data: x.data.slice() }],
    backward: () => {
      throw new Error("no backward");
    },
  },
  cuda: {
    forward(cuda: Cuda, { x }: { x: CudaTensor }) {
      const y = cuda.allocate(x.shape, x.storage);
      cuda.convert(x, y);
      return [y];
    },
    backward: () => {
      throw new Error("no backward");
    },
  },
};

describe("gradients from the tape", () => {
  onEveryBackend(() => {
    const inputs = () => [tf.tensor2d([[1, -2, 3]]), tf.tensor2d([[0.5, 4, -1]])];

    it("are tfjs' own, for inputs that are used several times, once, or not at all", () => {
      const [x, y] = inputs();
      const unused = tf.scalar(1);
      const f = () => tf.sum(tf.mul(swiglu(x as tf.Tensor2D, tf.add(x, y) as tf.Tensor2D), x)) as tf.Scalar;
      const before = tf.memory().numTensors;
      const expected = tf.grads(f)([x, y]);
      const { value, gradients } = valueAndGradients(f, [x, y, unused]);
      assert.equal(gradients[2], undefined);
      assert.equal(tf.memory().numTensors, before + 5);
      for (const i of [0, 1]) assertClose(gradients[i]!.dataSync(), expected[i].dataSync(), { what: `${i}` });
      tf.dispose([value, ...expected, gradients[0]!, gradients[1]!, x, y, unused]);
    });

    it("start from a given gradient, which stays the caller's", () => {
      const [x, y] = inputs();
      const dy = tf.tensor2d([[1, 10, 100]]);
      const [dx, again] = gradientsAt(() => tf.add(x, y), [x, y], dy);
      for (const gradient of [dx, again, dy]) {
        assert.deepEqual([...gradient!.dataSync()], [1, 10, 100]);
        gradient!.dispose();
      }
      tf.dispose([x, y]);
    });

    it("leave nothing behind when the forward or the backward throws, and work again afterwards", () => {
      const [x, y] = inputs() as tf.Tensor2D[];
      const { numTensors } = tf.memory();
      const buffers = tf.backend().numDataIds();
      const throwing = () => {
        tf.sum(swiglu(x, y));
        throw new Error("no forward");
      };
      assert.throws(() => valueAndGradients(throwing, [x]), /no forward/);
      const backward = () => tf.sum(runOp(broken, { x: swiglu(x, swiglu(x, y)) }, {})[0]) as tf.Scalar;
      assert.throws(() => valueAndGradients(backward, [x, y]), /no backward/);
      assert.equal(tf.memory().numTensors, numTensors);
      assert.equal(tf.backend().numDataIds(), buffers);
      const { value, gradients } = valueAndGradients(() => tf.sum(swiglu(x, y)) as tf.Scalar, [x]);
      tf.dispose([value, gradients[0]!, x, y]);
    });
  });
});
