/**
 * Gradients from tfjs' own tape, with memory freed as soon as nothing needs it: tfjs keeps all that the forward saved
 * and all gradients that it meets until the last one is made, which is twice as much, and keeps the former for good
 * where an op throws. Here each place on the tape is emptied once the backward has passed it, also after an error.
 */
import * as tf from "@tensorflow/tfjs";

/** A place on tfjs' tape. */
interface TapeNode {
  kernelName: string;
  inputs: Record<string, tf.Tensor>;
  outputs: tf.Tensor[];
  /** Gradients by input name, for those of the outputs (null: none). */
  gradient?(dys: (tf.Tensor | null)[]): Record<string, () => tf.Tensor>;
  /** Kept for `gradient`. */
  saved?: tf.Tensor[];
  /** Frees what `gradient` reads, where this package's ops wrote the place. */
  release?(): void;
}

/**
 * The value of `f`, a scalar, and its gradients.
 *
 * @returns `gradients` in the order of `xs`, undefined where the value does not depend on x; all are the caller's
 * @throws what `f` or an op throws; nothing is left behind then
 */
export function valueAndGradients(
  f: () => tf.Scalar,
  xs: readonly tf.Tensor[],
): { value: tf.Scalar; gradients: (tf.Tensor | undefined)[] } {
  return recorded(f, (value, tape) => ({
    value,
    gradients: passBack(tape, value, tf.ones(value.shape), xs),
  }));
}

/**
 * As `valueAndGradients` for the gradient `dy` of an outer function, which stays the caller's. It may be called inside
 * a gradient function of another tape.
 */
export function gradientsAt(
  f: () => tf.Tensor,
  xs: readonly tf.Tensor[],
  dy: tf.Tensor,
): (tf.Tensor | undefined)[] {
  return recorded(f, (value, tape) => {
    value.dispose();
    return passBack(tape, value, dy.clone(), xs);
  });
}

/** Runs `f` on a tape of its own and hands both to `then`. tfjs knows one tape at a time: the outer one is put back. */
function recorded<Y extends tf.Tensor, R extends tf.TensorContainer>(
  f: () => Y,
  then: (value: Y, tape: readonly TapeNode[]) => R,
): R {
  const { state } = tf.engine();
  const [outerTape, outerDepth] = [state.activeTape, state.gradientDepth];
  const tape: TapeNode[] = [];
  return tf.tidy(() => {
    try {
      state.activeTape = tape as unknown as typeof state.activeTape;
      state.gradientDepth = 1;
      const value = tf.tidy(f);
      state.gradientDepth = 0;
      return then(value, tape);
    } finally {
      state.activeTape = outerTape;
      state.gradientDepth = outerDepth;
      for (const node of tape) empty(node);
    }
  });
}

function passBack(
  tape: readonly TapeNode[],
  y: tf.Tensor,
  dy: tf.Tensor,
  xs: readonly tf.Tensor[],
): (tf.Tensor | undefined)[] {
  // Whose gradients lead to an x: only those are made.
  const wanted = new Set(xs.map(({ id }) => id));
  for (const { inputs, outputs } of tape) {
    if (Object.values(inputs).some(({ id }) => wanted.has(id))) for (const { id } of outputs) wanted.add(id);
  }
  const gradients = new Map<number, tf.Tensor>([[y.id, dy]]);
  for (let i = tape.length - 1; i >= 0; i--) {
    const { inputs, outputs } = tape[i];
    const dys = outputs.map(({ id }) => gradients.get(id) ?? null);
    if (dys.some((gradient) => gradient) && outputs.some(({ id }) => wanted.has(id))) {
      const names = Object.keys(inputs).filter((name) => wanted.has(inputs[name].id));
      const made = inputGradients(tape[i], names, dys);
      for (const name of names) addTo(gradients, inputs[name].id, made[name]);
    }
    empty(tape[i]);
    for (const { id } of outputs) {
      gradients.get(id)?.dispose();
      gradients.delete(id);
    }
  }
  return xs.map(({ id }) => gradients.get(id));
}

function empty({ saved, release }: TapeNode): void {
  release?.();
  tf.dispose(saved ?? []);
}

/** A tensor of its own for each name: a gradient function may return dy itself, or one tensor for two inputs. */
function inputGradients(
  { kernelName, gradient }: TapeNode,
  names: readonly string[],
  dys: (tf.Tensor | null)[],
): Record<string, tf.Tensor> {
  if (!gradient) throw new Error(`${kernelName} has no gradient`);
  return tf.tidy(() => {
    const found = gradient(dys);
    const seen = new Set<tf.Tensor | null>(dys);
    const own = names.map((name): [string, tf.Tensor] => {
      const value = found[name]();
      const tensor = seen.has(value) ? value.clone() : value;
      seen.add(tensor);
      return [name, tensor];
    });
    return Object.fromEntries(own);
  });
}

function addTo(gradients: Map<number, tf.Tensor>, id: number, more: tf.Tensor): void {
  const sum = gradients.get(id);
  gradients.set(id, sum ? tf.add(sum, more) : more);
  if (sum) tf.dispose([sum, more]);
}
