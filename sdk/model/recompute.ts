import * as tf from "@tensorflow/tfjs";

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
    save([x]);
    const gradFunc = (dy: tf.Tensor, [savedX]: tf.Tensor[]) =>
      withOwnTape(() => tf.grads((again) => f(again as T))([savedX, ...variables], dy));
    return { value: f(x), gradFunc };
  })(x, ...variables);
}

// tfjs knows one gradient tape at a time and drops it when the inner gradient ends; the outer one is put back.
function withOwnTape<T>(f: () => T): T {
  const { state } = tf.engine();
  const outer = state.activeTape;
  try {
    return f();
  } finally {
    state.activeTape = outer;
  }
}
