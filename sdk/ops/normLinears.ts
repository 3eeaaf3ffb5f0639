/**
 * What a decoder layer does between the sum of its inputs and attention, and between that and its last projection: a
 * norm, projections, SwiGLU. These are compositions of the ops; a decoding step on a GPU with 4-bit weights is one
 * launch each, where every launch costs as much as reading a small matrix.
 */
import * as tf from "@tensorflow/tfjs";
import type { CudaBackend } from "../backend/cuda/backend.ts";
import { deviceWeight } from "../weights/deviceWeight.ts";
import { FEW_ROWS, type FewLayer } from "./cuda/fewLayer.ts";
import { fewNf4, fitsFewNf4 } from "./cuda/fewNf4.ts";
import { type LinearLayer, linears } from "./linear.ts";
import { gradientsAreRecorded } from "./op.ts";
import { rmsNorm } from "./rmsNorm.ts";
import { swiglu } from "./swiglu.ts";

export interface Norm {
  /** [in] */
  gamma: tf.Tensor1D;
  /** Added to the mean square. */
  eps: number;
}

/**
 * `linears(rmsNorm(x, gamma, eps), layers)`.
 *
 * @param x [T, in]
 * @returns for each layer its y [T, out]
 * @throws what `rmsNorm` and `linears` throw
 */
export function normLinears(x: tf.Tensor2D, norm: Norm, layers: LinearLayer[]): tf.Tensor2D[] {
  if (isOneLaunch(x, layers)) return launch(x, norm, layers, false);
  return linears(rmsNorm(x, norm.gamma, norm.eps), layers);
}

/**
 * `swiglu(gate, up)` of the layers gate and up over `rmsNorm(x, gamma, eps)`.
 *
 * @param x [T, in]
 * @returns [T, out]
 * @throws what the three ops throw
 */
export function normSwiglu(x: tf.Tensor2D, norm: Norm, gate: LinearLayer, up: LinearLayer): tf.Tensor2D {
  const isPair = gate.weight.shape[0] === up.weight.shape[0];
  if (isPair && isOneLaunch(x, [gate, up])) return launch(x, norm, [gate, up], true)[0];
  const [g, u] = linears(rmsNorm(x, norm.gamma, norm.eps), [gate, up]);
  return swiglu(g, u);
}

/** Whether `launch` does it, with arguments that the composition would take. */
function isOneLaunch(x: tf.Tensor2D, layers: readonly LinearLayer[]): boolean {
  if (tf.getBackend() !== "cuda" || gradientsAreRecorded()) return false;
  const { cuda } = tf.backend() as CudaBackend;
  const [rows, inn] = x.shape;
  const ranks = layers.map(({ lora }) => lora?.a.shape[0] ?? 0);
  const haveOneForm = layers.every(({ weight, lora }) => {
    const isFrozen = "kind" in weight && weight.kind === "nf4" && weight.shape[1] === inn;
    return isFrozen && !(lora?.dropout ?? 0);
  });
  return (
    cuda.activation === "bfloat16" && rows > 0 && rows <= FEW_ROWS && haveOneForm && fitsFewNf4(inn, ranks)
  );
}

function launch(x: tf.Tensor2D, norm: Norm, layers: readonly LinearLayer[], gated: boolean): tf.Tensor2D[] {
  const backend = tf.backend() as CudaBackend;
  const { cuda } = backend;
  const float32 = (tensor: tf.Tensor) => cuda.as(backend.values(tensor), "float32");
  try {
    const [rows] = x.shape;
    const group = layers.map(({ weight, lora }): FewLayer => {
      if (!("kind" in weight)) throw new Error("normLinears: expected a frozen weight");
      const { scale = 1, a, b } = lora ?? {};
      const r = a?.shape[0] ?? 0;
      return {
        weight: deviceWeight(cuda, weight),
        lora: a &&
          b && {
            ...{ a: float32(a), b: float32(b), r, scale, dropout: 0, seed: 0 },
            xa: cuda.allocate([rows, r], "float32"),
          },
        y: cuda.allocate([rows, weight.shape[0]]),
      };
    });
    const gamma = float32(norm.gamma);
    fewNf4(cuda, cuda.as(backend.values(x), cuda.activation), group, { norm: { ...norm, gamma }, gated });
    const ys = gated ? group.slice(0, 1) : group;
    return ys.map(({ y }) => tf.engine().makeTensorFromTensorInfo(backend.wrap(y)) as tf.Tensor2D);
  } finally {
    backend.endOp();
  }
}
