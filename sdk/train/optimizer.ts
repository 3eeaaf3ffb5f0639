/**
 * AdamW over the trainable variables. The update itself is the op `adamW`; this class owns its moments m and v, one of
 * each a variable, from the first step until `dispose`.
 */
import * as tf from "@tensorflow/tfjs";
import { adamW } from "../ops/adamW.ts";

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
  m: tf.Variable;
  v: tf.Variable;
}

/** Takes the tensor over. */
function ownVariable(values: tf.Tensor): tf.Variable {
  const variable = tf.variable(values, false);
  values.dispose();
  return variable;
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
      this.moments.set(name, { m: ownVariable(tf.zeros(shape)), v: ownVariable(tf.zeros(shape)) });
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
    const parameters = [...gradients].map(([name, grad]) => {
      const param = this.variables.get(name)!;
      const weightDecay = param.rank > 1 ? this.options.weightDecay : 0;
      return { param, grad, ...this.moments.get(name)!, weightDecay };
    });
    const { beta1, beta2, eps } = this.options;
    adamW(parameters, { step: this.stepsDone + 1, gradScale, learningRate, beta1, beta2, eps });
    this.stepsDone++;
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
        m: ownVariable(tf.tensor(m.get(name)!.slice(), shape)),
        v: ownVariable(tf.tensor(v.get(name)!.slice(), shape)),
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

/** Factor that brings a gradient of this norm down to `maxNorm`, as torch does it; 1 when it is within, or maxNorm is 0. */
export function clipFactor(norm: number, maxNorm: number): number {
  return maxNorm === 0 ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
}
