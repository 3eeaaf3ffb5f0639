import * as tf from "@tensorflow/tfjs";
import { gradientsAt } from "../ops/tape.ts";

/**
 * Gradient checkpointing: runs `f(x)` without keeping what its backward needs, and runs it again when the
 * gradient is asked for. Memory for one more forward pass of `f`.
 * Source: Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".
 *
 * @param f must be deterministic: the second run has to give what the first gave (dropout takes its seed from outside)
 * @param variables the trainable tensors that `f` reads besides `x`
 */
export function recompute<T extends tf.Tensor>(
  f: (x: T) => tf.Tensor,
  x: T,
  variables: tf.Variable[],
): tf.Tensor {
  return tf.customGrad((...args) => {
    const save = args[args.length - 1] as tf.GradSaveFunc;
    const gradFunc = (dy: tf.Tensor, [savedX]: tf.Tensor[]) => {
      const gradients = gradientsAt(() => f(savedX as T), [savedX, ...variables], dy);
      return gradients.map((gradient, i) => {
        if (!gradient) throw new Error(`recompute: f does not depend on its input ${i}`);
        return gradient;
      });
    };
    const value = f(x);
    // Not before: where f throws, tfjs would keep what was saved for good.
    save([x]);
    return { value, gradFunc };
  })(x, ...variables);
}
