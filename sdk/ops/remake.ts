/**
 * What the forward does not keep, the backward makes again (Chen et al. 2016, "Training Deep Nets with Sublinear Memory
 * Cost"). Inside `dropping`, an op that is named leaves the way to its outputs instead of the outputs: its own inputs,
 * which may be dropped too. The backward asks for what it reads, and only that is made: the last product of a layer,
 * which no backward reads, never runs twice.
 *
 * Invariant: a slot is one use of a tensor. An output is made at its first use and freed with its last one.
 */
import * as tf from "@tensorflow/tfjs";

/** One use of a tensor by a backward. */
export interface Slot {
  /** The tensor, which stays the slot's. */
  get(): tf.Tensor;
  /** The use is over. Safe to call twice. */
  release(): void;
}

/** The use of a tensor that is there already, and is taken over. */
export class KeptSlot implements Slot {
  constructor(readonly tensor: tf.Tensor) {}

  get(): tf.Tensor {
    return this.tensor;
  }

  release(): void {
    this.tensor.dispose();
  }
}

/** An op whose outputs are not kept. */
export class Dropped {
  private made?: (tf.Tensor | undefined)[];
  private readonly uses: number[] = [];

  /**
   * @param inputs of the op, taken over
   * @param run the op once more, on the values of `inputs`
   */
  constructor(
    private inputs: Readonly<Record<string, Slot>> | undefined,
    private readonly run: (inputs: Record<string, tf.Tensor>) => tf.Tensor[],
  ) {}

  /** A use of output `index`. */
  slot(index: number): Slot {
    this.uses[index] = (this.uses[index] ?? 0) + 1;
    let released = false;
    return {
      get: () => this.output(index),
      release: () => {
        if (released) return;
        released = true;
        if (--this.uses[index] > 0) return;
        this.made?.[index]?.dispose();
      },
    };
  }

  /** Nobody will ask for more than there is: what the op reads is not needed for it any longer. */
  close(): void {
    for (const slot of Object.values(this.inputs ?? {})) slot.release();
    this.inputs = undefined;
  }

  private output(index: number): tf.Tensor {
    if (!this.made) {
      const { inputs } = this;
      if (!inputs) throw new Error("an output was asked for after its last use");
      const values = Object.fromEntries(Object.entries(inputs).map(([name, slot]) => [name, slot.get()]));
      this.made = this.run(values).map((tensor, i) => {
        if ((this.uses[i] ?? 0) > 0) return tf.keep(tensor);
        tensor.dispose();
        return undefined;
      });
      this.close();
    }
    return this.made[index]!;
  }
}

interface Scope {
  ops: ReadonlySet<string>;
  /** By tensor id: the op that made it, and which of its outputs it is. */
  outputs: Map<number, { from: Dropped; index: number }>;
}

let scope: Scope | undefined;

/**
 * Runs `f`, in which the ops of these names keep no differentiable output for backward; what `f` is given from outside
 * is kept. Without effect where no gradient is recorded, and on backends that have no kernels of this package: tfjs
 * keeps there what it wants.
 *
 * @param f its ops must be repeatable: dropout takes its seed from outside
 */
export function dropping<T>(ops: ReadonlySet<string>, f: () => T): T {
  const outer = scope;
  scope = { ops, outputs: new Map() };
  try {
    return f();
  } finally {
    scope = outer;
  }
}

/** True where the op's outputs are not kept. */
export function isDropped(op: string): boolean {
  return scope?.ops.has(op) ?? false;
}

/** From now on output `index` of `from` is what `tensor` stands for. */
export function setDropped(tensor: tf.Tensor, from: Dropped, index: number): void {
  scope?.outputs.set(tensor.id, { from, index });
}

/** A use of the tensor where it is not kept; undefined where it must be. */
export function droppedSlot(tensor: tf.Tensor): Slot | undefined {
  const found = scope?.outputs.get(tensor.id);
  return found?.from.slot(found.index);
}
