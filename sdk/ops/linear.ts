import * as tf from "@tensorflow/tfjs";
import type { LoraArguments } from "../backend/addon.ts";
import type { FrozenWeight } from "../weights/weight.ts";
import { type CudaLora, linearBackward, linearForward } from "./cuda/linear.ts";
import { dropoutMask } from "./dropout.ts";
import { type Matrix, matrixArguments, matrixTensor, splitMatrix } from "./matrix.ts";
import { allocate, type Cuda, type Cudas, type Natives, type Op, runOp } from "./op.ts";

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

interface Attrs {
  out: number;
  /** Absent when the weight is a tensor, which is then among the inputs. */
  frozen?: FrozenWeight;
  /** Absent when there is no adapter; otherwise a and b are among the inputs. */
  lora?: { r: number; scale: number; dropout: number; seed: number };
}

function loraArguments({ a, b }: Natives<string>, lora: Attrs["lora"]): LoraArguments {
  return lora ? [a.data, b.data, lora.r, lora.scale, lora.dropout, lora.seed] : [null, null, 0, 0, 0, 0];
}

function cudaLora(cuda: Cuda, { a, b }: Cudas<string>, lora: Attrs["lora"]): CudaLora | undefined {
  return lora && { a: cuda.as(a, "float32"), b: cuda.as(b, "float32"), ...lora };
}

const op: Op<string, Attrs> = {
  name: "Linear",
  reference({ x, weight, a, b }, { frozen, lora }) {
    const y = tf.matMul(x, matrixTensor(frozen, weight), false, true);
    if (!lora) return [y];
    const { scale, dropout, seed } = lora;
    const [rows, inn] = x.shape;
    const dropped =
      dropout > 0 ? tf.mul(x, tf.tensor2d(dropoutMask(rows * inn, dropout, seed), [rows, inn])) : x;
    const update = tf.matMul(tf.matMul(dropped, a, false, true), b, false, true);
    return [tf.add(y, tf.mul(update, scale))];
  },
  native: {
    forward(addon, inputs, { out, frozen, lora }) {
      const { x, weight } = inputs;
      const [rows, inn] = x.shape;
      const y = allocate([rows, out]);
      const xa = lora ? allocate([rows, lora.r]) : undefined;
      const args = [...matrixArguments(frozen, weight), ...loraArguments(inputs, lora)] as const;
      addon.linearForward(rows, out, inn, x.data, ...args, y.data, xa?.data ?? null);
      return xa ? [y, xa] : [y];
    },
    backward(addon, dy, inputs, [, xa], { out, frozen, lora }) {
      const { x, weight } = inputs;
      const [rows, inn] = x.shape;
      const dx = allocate([rows, inn]);
      const args = [...matrixArguments(frozen, weight), ...loraArguments(inputs, lora)] as const;
      const gradients: Record<string, ReturnType<typeof allocate>> = { x: dx };
      if (lora) {
        gradients.a = allocate([lora.r, inn]);
        gradients.b = allocate([out, lora.r]);
      }
      const [dA, dB] = [gradients.a?.data ?? null, gradients.b?.data ?? null];
      addon.linearBackward(rows, out, inn, dy.data, x.data, xa?.data ?? null, ...args, dx.data, dA, dB);
      if (weight) {
        gradients.weight = allocate([out, inn]);
        addon.matMul(1, out, inn, rows, true, false, dy.data, x.data, gradients.weight.data);
      }
      return gradients;
    },
  },
  cuda: {
    forward(cuda, inputs, { out, frozen, lora }) {
      const matrix = frozen ?? cuda.as(inputs.weight, "float32");
      return linearForward(cuda, inputs.x, matrix, out, cudaLora(cuda, inputs, lora));
    },
    backward(cuda, dy, inputs, [, xa], { frozen, lora }) {
      const matrix = frozen ?? cuda.as(inputs.weight, "float32");
      const adapter = cudaLora(cuda, inputs, lora);
      return { ...linearBackward(cuda, { dy, x: inputs.x }, matrix, adapter && { ...adapter, xa }) };
    },
  },
};

/**
 * Linear layer without bias: `y = x W^T`, with LoRA `y = x W^T + scale * (drop(x) A^T) B^T`.
 * Sources: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models"; Dettmers et al. 2023, "QLoRA" (a
 * frozen 4-bit W). A frozen W gets no gradient; x, a tensor W, A and B do.
 *
 * @param x [T, in]
 * @param weight [out, in]
 * @param lora default: none
 * @returns [T, out]
 * @throws when shapes do not fit or dropout is outside [0, 1)
 */
export function linear(x: tf.Tensor2D, weight: Matrix, lora?: LinearLora): tf.Tensor2D {
  const [out, inn] = weight.shape;
  if (x.rank !== 2 || x.shape[1] !== inn) {
    throw new Error(`linear: expected x [T, ${inn}] for a weight [${weight.shape}], got x [${x.shape}]`);
  }
  const { inputs, frozen } = splitMatrix(weight);
  if (!lora) return runOp(op, { x, ...inputs }, { out, frozen })[0] as tf.Tensor2D;

  const { a, b, scale, dropout = 0, seed = 0 } = lora;
  const r = a.shape[0];
  if (a.rank !== 2 || b.rank !== 2 || a.shape[1] !== inn || b.shape[0] !== out || b.shape[1] !== r) {
    throw new Error(
      `linear: expected lora a [r, ${inn}] and b [${out}, r] for a weight [${weight.shape}], ` +
        `got a [${a.shape}] and b [${b.shape}]`,
    );
  }
  if (!(dropout >= 0 && dropout < 1)) throw new Error(`linear: dropout must be in [0, 1), got ${dropout}`);
  if (seed !== seed >>> 0) throw new Error(`linear: seed must be an unsigned 32-bit integer, got ${seed}`);
  const attrs = { out, frozen, lora: { r, scale, dropout, seed } };
  return runOp(op, { x, ...inputs, a, b }, attrs)[0] as tf.Tensor2D;
}
