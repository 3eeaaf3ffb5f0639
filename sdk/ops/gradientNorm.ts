import * as tf from "@tensorflow/tfjs";
import { CudaBackend } from "../backend/cuda/backend.ts";
import { NativeBackend } from "../backend/native.ts";
import { gradientNormOnGpu } from "./cuda/gradientNorm.ts";

/** L2 norm over all values of all gradients, as torch's `clip_grad_norm_` takes it. NaN when any value is NaN. */
export async function gradientNorm(gradients: Iterable<tf.Tensor>): Promise<number> {
  const tensors = [...gradients];
  if (tensors.length === 0) return 0;
  const backend = tf.backend();
  if (backend instanceof NativeBackend) {
    const squares = tensors.map((tensor) => backend.addon.sumSquares(backend.values(tensor).data));
    return Math.sqrt(squares.reduce((a, b) => a + b, 0));
  }
  if (backend instanceof CudaBackend) {
    const values = tensors.map((tensor) => backend.values(tensor));
    const { dataId } = backend.wrap(gradientNormOnGpu(backend.cuda, values));
    backend.endOp();
    const [norm] = (await backend.read(dataId)) as Float32Array;
    backend.disposeData(dataId);
    return norm;
  }
  // One read for all of them: a device answers each read only after its queue is empty.
  const squares = tf.tidy(() => tf.stack(tensors.map((tensor) => tf.sum(tf.square(tensor)))));
  const values = await squares.data<"float32">();
  squares.dispose();
  return Math.sqrt(values.reduce((a, b) => a + b, 0));
}
