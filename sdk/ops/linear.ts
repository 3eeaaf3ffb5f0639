import * as tf from "@tensorflow/tfjs";
import type { LinearArguments, LoraArguments } from "../backend/addon.ts";
import type { FrozenWeight } from "../weights/weight.ts";
import { type CudaLayer, linearsBackward, linearsForward } from "./cuda/linear.ts";
import { dropoutMask } from "./dropout.ts";
import { type Matrix, matrixArguments, matrixTensor, splitMatrix } from "./matrix.ts";
import { allocate, type Cuda, type Cudas, type CudaTensor, type NativeTensor, type Op, runOp } from "./op.ts";

/** LoRA beside a linear layer. */
export interface LinearLora {
  /** [r, in] */
  a: tf.Tensor2D;
  /** [out, r] */
  b: tf.Tensor2D;
  /** Of the update, usually alpha / r. */
  scale: number;
  /** Probability of dropping an element of x on its way into `a`, in [0, 1). Default 0. */
  dropout?: number;
  /** Of the dropout mask, unsigned 32-bit; the same seed drops the same elements. Default 0. */
  seed?: number;
}

/** One of the layers that read the same x. */
export interface LinearLayer {
  /** [out, in] */
  weight: Matrix;
  /** Default: none. */
  lora?: LinearLora;
}

interface LayerAttrs {
  out: number;
  /** Absent when the weight is a tensor, which is then among the inputs. */
  frozen?: FrozenWeight;
  /** Absent when there is no adapter; otherwise a and b are among the inputs. */
  lora?: { r: number; scale: number; dropout: number; seed: number };
}

interface Attrs {
  layers: LayerAttrs[];
}

function loraArguments(a: NativeTensor, b: NativeTensor, lora: LayerAttrs["lora"]): LoraArguments {
  return lora ? [a.data, b.data, lora.r, lora.scale, lora.dropout, lora.seed] : [null, null, 0, 0, 0, 0];
}

function cudaLayers(cuda: Cuda, inputs: Cudas<string>, { layers }: Attrs): CudaLayer[] {
  const parameter = (name: string) => cuda.as(inputs[name], "float32");
  return layers.map(({ out, frozen, lora }, i) => {
    const matrix = frozen ?? parameter(`weight${i}`);
    return { matrix, out, lora: lora && { a: parameter(`a${i}`), b: parameter(`b${i}`), ...lora } };
  });
}

/** Outputs are the y of each layer, then the xa of each layer that has an adapter. */
function splitOutputs<T>(outputs: T[], { layers }: Attrs): (T | undefined)[] {
  let next = layers.length;
  return layers.map(({ lora }) => (lora ? outputs[next++] : undefined));
}

/** Inputs: x, residual, and of layer i weight<i> where it is a tensor, a<i> and b<i> where it has an adapter. */
const op: Op<string, Attrs> = {
  name: "Linear",
  added: "residual",
  differentiable: ({ layers }) => layers.length,
  keeps(key, { layers }) {
    return !(key.startsWith("out:") && Number(key.slice(4)) < layers.length);
  },
  reference(inputs, { layers }) {
    const { x, residual } = inputs;
    const [rows, inn] = x.shape;
    const ys = layers.map(({ frozen, lora }, i) => {
      const y = tf.matMul(x, matrixTensor(frozen, inputs[`weight${i}`]), false, true);
      if (!lora) return y;
      const { scale, dropout, seed } = lora;
      const dropped =
        dropout > 0 ? tf.mul(x, tf.tensor2d(dropoutMask(rows * inn, dropout, seed), [rows, inn])) : x;
      const [a, b] = [inputs[`a${i}`], inputs[`b${i}`]];
      const update = tf.matMul(tf.matMul(dropped, a, false, true), b, false, true);
      return tf.add(y, tf.mul(update, scale));
    });
    return residual ? [tf.add(ys[0], residual), ...ys.slice(1)] : ys;
  },
  native: {
    forward(addon, inputs, { layers }) {
      const { x, residual } = inputs;
      const [rows, inn] = x.shape;
      const ys = layers.map(({ out }) => allocate([rows, out]));
      const xas = layers.map(({ lora }) => lora && allocate([rows, lora.r]));
      const [first, ...others] = layers.map(({ out, frozen, lora }, i): LinearArguments => {
        const weight = matrixArguments(frozen, inputs[`weight${i}`]);
        const adapter = loraArguments(inputs[`a${i}`], inputs[`b${i}`], lora);
        return [out, ...weight, ...adapter, ys[i].data, xas[i]?.data ?? null];
      });
      addon.linearForward(rows, inn, x.data, ...first, ...others.flat());
      if (residual) addon.add(ys[0].data, residual.data, ys[0].data);
      return [...ys, ...xas.filter((xa) => xa !== undefined)];
    },
    backward(addon, dys, inputs, outputs, attrs) {
      const { x } = inputs;
      const [rows, inn] = x.shape;
      const xas = splitOutputs(outputs, attrs);
      const gradients: Record<string, NativeTensor> = {};
      for (const [i, { out, frozen, lora }] of attrs.layers.entries()) {
        const weight = inputs[`weight${i}`];
        const dx = allocate([rows, inn]);
        const [dA, dB] = lora ? [allocate([lora.r, inn]), allocate([out, lora.r])] : [];
        const args = [
          ...matrixArguments(frozen, weight),
          ...loraArguments(inputs[`a${i}`], inputs[`b${i}`], lora),
        ] as const;
        const arrays = [dx.data, dA?.data ?? null, dB?.data ?? null] as const;
        addon.linearBackward(rows, out, inn, dys[i].data, x.data, xas[i]?.data ?? null, ...args, ...arrays);
        if (gradients.x) addon.add(gradients.x.data, dx.data, gradients.x.data);
        else gradients.x = dx;
        if (dA && dB) Object.assign(gradients, { [`a${i}`]: dA, [`b${i}`]: dB });
        if (!weight) continue;
        const dW = allocate([out, inn]);
        addon.matMul(1, out, inn, rows, true, false, dys[i].data, x.data, dW.data);
        gradients[`weight${i}`] = dW;
      }
      return gradients;
    },
  },
  cuda: {
    forward(cuda, inputs, attrs) {
      const { ys, xas } = linearsForward(cuda, inputs.x, cudaLayers(cuda, inputs, attrs), inputs.residual);
      return [...ys, ...xas];
    },
    backward(cuda, dys, { x, ...inputs }, outputs, attrs) {
      const xas = splitOutputs(outputs, attrs);
      const own = linearsBackward(cuda, { dys, x, xas }, cudaLayers(cuda, inputs, attrs));
      const gradients: Record<string, CudaTensor> = { x: own.x };
      for (const [i, layer] of own.layers.entries()) {
        for (const [name, gradient] of Object.entries(layer))
          if (gradient) gradients[`${name}${i}`] = gradient;
      }
      return gradients;
    },
  },
};

/**
 * Linear layers without bias that read the same x: `y = x W^T`, with LoRA `y = x W^T + scale * (drop(x) A^T) B^T`.
 * Sources: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models"; Dettmers et al. 2023, "QLoRA" (a
 * frozen 4-bit W). A frozen W gets no gradient; x, a tensor W, A, B and the residual do.
 *
 * @param x [T, in]
 * @param residual [T, out] is added to the first y. Default: none
 * @returns for each layer its y [T, out]
 * @throws when shapes do not fit or dropout is outside [0, 1)
 */
export function linears(x: tf.Tensor2D, layers: LinearLayer[], residual?: tf.Tensor2D): tf.Tensor2D[] {
  const inputs: Record<string, tf.Tensor> = residual ? { x, residual } : { x };
  const attrs: Attrs = {
    layers: layers.map(({ weight, lora }, i) => {
      const { inputs: tensor, frozen } = splitMatrix(weight);
      if (tensor.weight) inputs[`weight${i}`] = tensor.weight;
      checkLayer(x, weight, lora);
      const out = weight.shape[0];
      if (!lora) return { out, frozen };
      const { a, b, scale, dropout = 0, seed = 0 } = lora;
      Object.assign(inputs, { [`a${i}`]: a, [`b${i}`]: b });
      return { out, frozen, lora: { r: a.shape[0], scale, dropout, seed } };
    }),
  };
  const first = [x.shape[0], layers[0].weight.shape[0]];
  if (residual && !tf.util.arraysEqual(residual.shape, first)) {
    throw new Error(`linear: expected a residual [${first}], got [${residual.shape}]`);
  }
  return runOp(op, inputs, attrs, layers.length) as tf.Tensor2D[];
}

/** One layer; see `linears`. */
export function linear(x: tf.Tensor2D, weight: Matrix, lora?: LinearLora): tf.Tensor2D {
  return linears(x, [{ weight, lora }])[0];
}

function checkLayer(x: tf.Tensor2D, weight: Matrix, lora?: LinearLora): void {
  const [out, inn] = weight.shape;
  if (x.rank !== 2 || x.shape[1] !== inn) {
    throw new Error(`linear: expected x [T, ${inn}] for a weight [${weight.shape}], got x [${x.shape}]`);
  }
  if (!lora) return;
  const { a, b, dropout = 0, seed = 0 } = lora;
  const r = a.shape[0];
  if (a.rank !== 2 || b.rank !== 2 || a.shape[1] !== inn || b.shape[0] !== out || b.shape[1] !== r) {
    throw new Error(
      `linear: expected lora a [r, ${inn}] and b [${out}, r] for a weight [${weight.shape}], ` +
        `got a [${a.shape}] and b [${b.shape}]`,
    );
  }
  if (!(dropout >= 0 && dropout < 1)) throw new Error(`linear: dropout must be in [0, 1), got ${dropout}`);
  if (seed !== seed >>> 0) throw new Error(`linear: seed must be an unsigned 32-bit integer, got ${seed}`);
}
