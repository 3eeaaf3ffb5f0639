/**
 * All layers of a decoder for one new token of one sequence. This is a composition of the ops; on a GPU with 4-bit
 * weights it is one launch, where launches of their own spend more time on starting and ending than on reading weights.
 * On the native backend it is one job of the threads: starting an op, and handing its work to threads, takes as long
 * there as reading a matrix of a small model.
 */
import * as tf from "@tensorflow/tfjs";
import type { DecoderLayerArguments } from "../backend/addon.ts";
import type { CudaBackend } from "../backend/cuda/backend.ts";
import type { NativeBackend } from "../backend/native.ts";
import { deviceWeight } from "../weights/deviceWeight.ts";
import type { AttentionCache } from "./attentionCached.ts";
import {
  type DecoderProjection,
  type DecoderShape,
  type DecoderLayer as DeviceLayer,
  decodePlan,
  launchDecodeLayers,
} from "./cuda/decodeLayers.ts";
import type { LinearLayer } from "./linear.ts";
import { matrixArguments, splitMatrix } from "./matrix.ts";
import { allocate, gradientsAreRecorded } from "./op.ts";

export interface DecoderLayer {
  /** q, k, v, o, gate, up, down. */
  projections: readonly LinearLayer[];
  /** [hidden], of the norms before attention and before the MLP. */
  inputNorm: tf.Tensor1D;
  outputNorm: tf.Tensor1D;
  cache: AttentionCache;
  /** Keys that a token sees; 0: all. */
  window: number;
}

export interface DecoderOptions extends DecoderShape {
  headDim: number;
  /** Rows of the caches that are in use, as the only value: the position of the new token. */
  past: Int32Array;
  /** [headDim / 2], as of `rope`. */
  inverseFrequencies: Float32Array;
}

/** The only size of heads that the kernel knows. */
const HEAD_DIM = 128;

/**
 * `x += o(attentionCached(rope(q(h)), rope(k(h)), v(h)))` with `h = rmsNorm(x)`, then `x += down(swiglu(gate(h), up(h)))`
 * with `h = rmsNorm(x)`, for each layer.
 *
 * @param x [1, hidden]
 * @returns [1, hidden], or undefined where this backend or these layers have no such road: the ops do it then
 */
export function decodeLayers(
  x: tf.Tensor2D,
  layers: readonly DecoderLayer[],
  options: DecoderOptions,
): tf.Tensor2D | undefined {
  if (x.shape[0] !== 1 || gradientsAreRecorded()) return undefined;
  if (tf.getBackend() === "native") return decodeOnHost(x, layers, options);
  const { headDim, past, inverseFrequencies } = options;
  if (tf.getBackend() !== "cuda" || headDim !== HEAD_DIM) return undefined;
  const backend = tf.backend() as CudaBackend;
  const { cuda } = backend;
  const isFrozen = ({ weight, lora }: LinearLayer) =>
    "kind" in weight && weight.kind === "nf4" && !(lora?.dropout ?? 0);
  if (cuda.activation !== "bfloat16" || !layers.every(({ projections }) => projections.every(isFrozen))) {
    return undefined;
  }
  const float32 = (tensor: tf.Tensor) => cuda.as(backend.values(tensor), "float32");
  const projectionOf = ({ weight, lora }: LinearLayer): DecoderProjection => {
    if (!("kind" in weight)) throw new Error("decodeLayers: expected a frozen weight");
    const { a, b, scale = 1 } = lora ?? {};
    return {
      weight: deviceWeight(cuda, weight),
      lora: a && b && { a: float32(a), b: float32(b), r: a.shape[0], scale },
    };
  };
  try {
    const onDevice = layers.map(({ projections, inputNorm, outputNorm, cache, window }): DeviceLayer => {
      const { keys, values } = cache.onDevice(cuda);
      const norms = { inputNorm: float32(inputNorm), outputNorm: float32(outputNorm) };
      return { projections: projections.map(projectionOf), ...norms, keys, values, window };
    });
    const plan = decodePlan(cuda, onDevice, options);
    if (!plan) return undefined;
    const y = launchDecodeLayers(cuda, cuda.as(backend.values(x), "bfloat16"), onDevice, options, plan, {
      key: layers[0].cache,
      position: cuda.constant(past),
      inverseFrequencies: cuda.constant(inverseFrequencies),
    });
    return tf.engine().makeTensorFromTensorInfo(backend.wrap(y)) as tf.Tensor2D;
  } finally {
    backend.endOp();
  }
}

function decodeOnHost(
  x: tf.Tensor2D,
  layers: readonly DecoderLayer[],
  options: DecoderOptions,
): tf.Tensor2D | undefined {
  const dropsOut = layers.some(({ projections }) => projections.some(({ lora }) => lora?.dropout));
  if (dropsOut || layers.length === 0) return undefined;
  const { hidden, intermediate, heads, kvHeads, headDim, eps, attentionScale } = options;
  const { past, inverseFrequencies } = options;
  const [{ cache: first }] = layers;
  const backend = tf.backend() as NativeBackend;
  const data = (tensor: tf.Tensor) => backend.values(tensor).data;
  const args: DecoderLayerArguments[number][] = [];
  for (const { projections, inputNorm, outputNorm, cache, window } of layers) {
    const { keys, values } = cache.onHost();
    args.push(window, data(inputNorm), data(outputNorm), keys, values);
    for (const { weight, lora } of projections) {
      const { inputs, frozen } = splitMatrix(weight);
      args.push(...matrixArguments(frozen, inputs.weight && backend.values(inputs.weight)));
      if (lora) args.push(data(lora.a), data(lora.b), lora.a.shape[0], lora.scale ?? 1, 0, 0);
      else args.push(null, null, 0, 0, 0, 0);
    }
  }
  const stream = allocate([1, hidden]);
  stream.data.set(data(x));
  try {
    const shape = [hidden, intermediate, heads, kvHeads, headDim, eps, attentionScale] as const;
    const place = [past[0], first.capacity, inverseFrequencies] as const;
    backend.addon.decodeLayers(...shape, ...place, stream.data, ...args);
    return tf.engine().makeTensorFromTensorInfo(backend.wrap(stream)) as tf.Tensor2D;
  } finally {
    backend.endOp();
  }
}
