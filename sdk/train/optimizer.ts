/**
 * AdamW over the trainable variables, with the gradient norm. The update itself is the op `adamW`; this class
 * owns its moments m and v, one tensor each a variable, from the first step until `dispose`.
 */
import * as tf from "@tensorflow/tfjs";
import { CudaBackend } from "../backend/cuda/backend.ts";
import { NativeBackend } from "../backend/native.ts";
import { adamW } from "../ops/adamW.ts";
import { adamWLaunch } from "../ops/cuda/adamW.ts";
import { gradientNorm } from "../ops/cuda/gradientNorm.ts";
import { allocate } from "../ops/op.ts";

export interface AdamWOptions {
  beta1: number;
  beta2: number;
  eps: number;
  /** Of variables with two or more dimensions; norm weights and biases are never decayed. */
  weightDecay: number;
}

/** Everything but the variables themselves: what a checkpoint keeps. Arrays are [size of the variable]. */
export interface OptimizerState {
  /** Updates done. */
  step: number;
  m: Map<string, Float32Array>;
  v: Map<string, Float32Array>;
}

interface Moments {
  m: tf.Tensor;
  v: tf.Tensor;
}

export class AdamW {
  private readonly moments = new Map<string, Moments>();
  private readonly options: AdamWOptions;
  private stepsDone = 0;

  constructor(
    private readonly variables: ReadonlyMap<string, tf.Variable>,
    { beta1, beta2, eps, weightDecay }: AdamWOptions,
  ) {
    this.options = { beta1, beta2, eps, weightDecay };
    for (const [name, { shape }] of variables)
      this.moments.set(name, { m: tf.zeros(shape), v: tf.zeros(shape) });
  }

  /** Updates done. */
  get steps(): number {
    return this.stepsDone;
  }

  /**
   * One update of every variable that has a gradient. The gradients stay the caller's.
   *
   * @param gradScale multiplies each gradient: one over the trained tokens, times the clipping factor
   * @throws when a name is unknown or a shape differs
   */
  step(gradients: ReadonlyMap<string, tf.Tensor>, learningRate: number, gradScale = 1): void {
    for (const [name, gradient] of gradients) {
      const variable = this.variables.get(name);
      if (!variable || !tf.util.arraysEqual(variable.shape, gradient.shape)) {
        const expected = variable
          ? `shape [${variable.shape}]`
          : `one of ${[...this.variables.keys()].join(", ")}`;
        throw new Error(`AdamW: gradient "${name}": expected ${expected}, got shape [${gradient.shape}]`);
      }
    }
    this.stepsDone++;
    const backend = tf.backend();
    if (backend instanceof CudaBackend) this.updateOnGpu(backend, gradients, learningRate, gradScale);
    else if (backend instanceof NativeBackend) this.updateNative(backend, gradients, learningRate, gradScale);
    else for (const [name, grad] of gradients) this.update(name, grad, learningRate, gradScale);
  }

  /** All variables in one launch, over their old values: tensors of the last step are gone by now. */
  private updateOnGpu(
    backend: CudaBackend,
    gradients: ReadonlyMap<string, tf.Tensor>,
    learningRate: number,
    gradScale: number,
  ): void {
    const parameters = [...gradients].map(([name, gradient]) => {
      const variable = this.variables.get(name)!;
      const { m, v } = this.moments.get(name)!;
      const [param, grad] = [backend.values(variable), backend.cuda.as(backend.values(gradient), "float32")];
      const [newM, newV] = [backend.values(m), backend.values(v)];
      const weightDecay = variable.rank > 1 ? this.options.weightDecay : 0;
      return { param, grad, m: newM, v: newV, newParam: param, newM, newV, weightDecay };
    });
    const step = this.stepsDone;
    adamWLaunch(backend.cuda, parameters, { ...this.options, step, learningRate, gradScale });
    backend.endOp();
  }

  /**
   * The moments over their old values. The variables get new ones: a tensor shares the array that it was made of, and
   * whoever read a variable has its array.
   */
  private updateNative(
    backend: NativeBackend,
    gradients: ReadonlyMap<string, tf.Tensor>,
    learningRate: number,
    gradScale: number,
  ): void {
    const { beta1, beta2, eps } = this.options;
    for (const [name, gradient] of gradients) {
      const variable = this.variables.get(name)!;
      const moments = this.moments.get(name)!;
      const weightDecay = variable.rank > 1 ? this.options.weightDecay : 0;
      const scalars = [this.stepsDone, gradScale, learningRate, beta1, beta2, eps, weightDecay] as const;
      const [param, grad, m, v] = [variable, gradient, moments.m, moments.v].map(
        (tensor) => backend.values(tensor).data,
      );
      const updated = allocate(variable.shape);
      backend.addon.adamW(...scalars, param, grad, m, v, updated.data, m, v);
      const tensor = tf.engine().makeTensorFromTensorInfo(backend.wrap(updated));
      variable.assign(tensor);
      tensor.dispose();
    }
  }

  private update(name: string, grad: tf.Tensor, learningRate: number, gradScale: number): void {
    const param = this.variables.get(name)!;
    const old = this.moments.get(name)!;
    const weightDecay = param.rank > 1 ? this.options.weightDecay : 0;
    const attrs = { ...this.options, weightDecay, step: this.stepsDone, learningRate, gradScale };
    const updated = adamW({ param, grad, ...old }, attrs);
    param.assign(updated.param);
    tf.dispose([updated.param, old.m, old.v]);
    this.moments.set(name, { m: updated.m, v: updated.v });
  }

  /** The moments as plain arrays, copied. */
  async state(): Promise<OptimizerState> {
    const state: OptimizerState = { step: this.stepsDone, m: new Map(), v: new Map() };
    for (const [name, { m, v }] of this.moments) {
      state.m.set(name, Float32Array.from(await m.data<"float32">()));
      state.v.set(name, Float32Array.from(await v.data<"float32">()));
    }
    return state;
  }

  /**
   * Continues where `state()` was taken, bit for bit.
   *
   * @throws when the names or sizes are not those of the variables
   */
  restore({ step, m, v }: OptimizerState): void {
    for (const [name, { size }] of this.variables) {
      const [first, second] = [m.get(name), v.get(name)];
      if (first?.length !== size || second?.length !== size) {
        throw new Error(
          `AdamW: state of "${name}": expected ${size} values of m and v, got ${first?.length ?? "none"} and ${second?.length ?? "none"}`,
        );
      }
    }
    for (const [name, { shape }] of this.variables) {
      tf.dispose(Object.values(this.moments.get(name)!));
      this.moments.set(name, {
        m: tf.tensor(m.get(name)!.slice(), shape),
        v: tf.tensor(v.get(name)!.slice(), shape),
      });
    }
    this.stepsDone = step;
  }

  /** Frees the moments. The variables belong to the model. Safe to call twice. */
  dispose(): void {
    for (const { m, v } of this.moments.values()) tf.dispose([m, v]);
    this.moments.clear();
  }
}

/** L2 norm over all values of all gradients, as torch's `clip_grad_norm_` takes it. NaN when any value is NaN. */
export async function globalNorm(gradients: Iterable<tf.Tensor>): Promise<number> {
  const tensors = [...gradients];
  if (tensors.length === 0) return 0;
  const backend = tf.backend();
  if (backend instanceof NativeBackend) {
    const squares = tensors.map((tensor) => backend.addon.sumSquares(backend.values(tensor).data));
    return Math.sqrt(squares.reduce((a, b) => a + b, 0));
  }
  if (backend instanceof CudaBackend) {
    const values = tensors.map((tensor) => backend.values(tensor));
    const { dataId } = backend.wrap(gradientNorm(backend.cuda, values, 1, 0));
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

/** Factor that brings a gradient of this norm down to `maxNorm`, as torch does it; 1 when it is within, or maxNorm is 0. */
export function clipFactor(norm: number, maxNorm: number): number {
  return maxNorm === 0 ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
}
