/**
 * Frozen weights as tensors, for backends that run the ops' references: dequantising a weight takes longer than
 * multiplying by it, so tensors are kept as far as a limit allows. A model's layers come in the same order each time,
 * so those that came first stay; replacing the oldest would throw each away before it is read again.
 */
import * as tf from "@tensorflow/tfjs";

class DenseCache {
  private limitBytes = 0;
  private usedBytes = 0;
  private kept = new Map<WeakRef<object>, { tensor: tf.Tensor2D; bytes: number }>();
  private refs = new WeakMap<object, WeakRef<object>>();
  /** A weight that nobody holds any more gives its tensor back. */
  private readonly collected = new FinalizationRegistry<WeakRef<object>>((ref) => this.drop(ref));

  /** Forgets everything, and keeps up to so many bytes from now on. */
  limit(bytes: number): void {
    for (const ref of [...this.kept.keys()]) this.drop(ref);
    this.refs = new WeakMap();
    this.limitBytes = bytes;
  }

  /** The kept tensor of a weight; a new one where there is none, kept where it fits. The caller must not dispose it. */
  tensor(weight: object, bytes: number, make: () => tf.Tensor2D): tf.Tensor2D {
    const ref = this.refs.get(weight);
    const found = ref && this.kept.get(ref);
    if (found) return found.tensor;
    const tensor = make();
    if (this.usedBytes + bytes > this.limitBytes) return tensor;
    const key = new WeakRef(weight);
    this.refs.set(weight, key);
    this.kept.set(key, { tensor: tf.keep(tensor), bytes });
    this.usedBytes += bytes;
    this.collected.register(weight, key);
    return tensor;
  }

  /** Bytes of the tensors that are kept. */
  get bytes(): number {
    return this.usedBytes;
  }

  private drop(ref: WeakRef<object>): void {
    const found = this.kept.get(ref);
    if (!found) return;
    this.kept.delete(ref);
    this.usedBytes -= found.bytes;
    found.tensor.dispose();
  }
}

/** One for the process, as the device is. */
export const denseCache = new DenseCache();
