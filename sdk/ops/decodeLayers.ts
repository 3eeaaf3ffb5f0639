/**
 * All layers of a decoder for one new token of one sequence. This is a composition of the ops; on a GPU with 4-bit
 * weights it is one launch, where launches of their own spend more time on starting and ending than on reading weights.
 * On the native backend it is the same kernels as the ops', called one after the other without tensors between them:
 * an op costs as much there as reading a matrix of a small model.
 */
import * as tf from "@tensorflow/tfjs";
import type { LinearArguments } from "../backend/addon.ts";
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

/** Arrays between the kernels, used again for each layer and token. */
class HostRows {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly rotatedQ: Float32Array;
  readonly rotatedK: Float32Array;
  readonly attended: Float32Array;
  readonly normed: Float32Array;
  readonly update: Float32Array;
  readonly gate: Float32Array;
  readonly up: Float32Array;
  readonly gated: Float32Array;
  readonly inverseRms = new Float32Array(1);
  readonly #xa = new Map<string, Float32Array>();

  constructor({ hidden, intermediate, heads, kvHeads, headDim }: DecoderOptions) {
    const [queries, keys] = [heads * headDim, kvHeads * headDim];
    [this.q, this.rotatedQ, this.attended] = rowsOf(3, queries);
    [this.k, this.v, this.rotatedK] = rowsOf(3, keys);
    [this.normed, this.update] = rowsOf(2, hidden);
    [this.gate, this.up, this.gated] = rowsOf(3, intermediate);
  }

  /** x A^T of the layer at `place` among those that read the same x. */
  xa(place: number, r: number): Float32Array {
    const key = `${place} ${r}`;
    const row = this.#xa.get(key) ?? new Float32Array(r);
    this.#xa.set(key, row);
    return row;
  }
}

const rowsOf = (count: number, length: number) =>
  Array.from({ length: count }, () => new Float32Array(length));

/** By the first layer's cache: they are of one generation. */
const hostRows = new WeakMap<AttentionCache, HostRows>();

function decodeOnHost(
  x: tf.Tensor2D,
  layers: readonly DecoderLayer[],
  options: DecoderOptions,
): tf.Tensor2D | undefined {
  const dropsOut = layers.some(({ projections }) => projections.some(({ lora }) => lora?.dropout));
  if (dropsOut || layers.length === 0) return undefined;
  const { hidden, heads, kvHeads, headDim, eps, attentionScale, past, inverseFrequencies } = options;
  const backend = tf.backend() as NativeBackend;
  const { addon } = backend;
  const [{ cache: first }] = layers;
  const rows = hostRows.get(first) ?? new HostRows(options);
  hostRows.set(first, rows);
  const { q, k, v, rotatedQ, rotatedK, attended, normed, update, gate, up, gated, inverseRms } = rows;
  const data = (tensor: tf.Tensor) => backend.values(tensor).data;
  const argumentsOf = ({ weight, lora }: LinearLayer, place: number, y: Float32Array): LinearArguments => {
    const { inputs, frozen } = splitMatrix(weight);
    const matrix = matrixArguments(frozen, inputs.weight && backend.values(inputs.weight));
    if (!lora) return [y.length, ...matrix, null, null, 0, 0, 0, 0, y, null];
    const r = lora.a.shape[0];
    return [y.length, ...matrix, data(lora.a), data(lora.b), r, lora.scale, 0, 0, y, rows.xa(place, r)];
  };
  const linears = (from: Float32Array, group: readonly LinearLayer[], ys: readonly Float32Array[]) => {
    const [own, ...others] = group.map((layer, place) => argumentsOf(layer, place, ys[place]));
    addon.linearForward(1, from.length, from, ...own, ...others.flat());
  };
  const norm = (gamma: tf.Tensor1D) =>
    addon.rmsNormForward(1, hidden, eps, stream.data, data(gamma), normed, inverseRms);
  const rope = (count: number, from: Float32Array, to: Float32Array) =>
    addon.rope(1, count, headDim, false, from, past, inverseFrequencies, to);
  const stream = allocate([1, hidden]);
  stream.data.set(data(x));
  try {
    for (const { projections, inputNorm, outputNorm, cache, window } of layers) {
      norm(inputNorm);
      linears(normed, projections.slice(0, 3), [q, k, v]);
      rope(heads, q, rotatedQ);
      rope(kvHeads, k, rotatedK);
      const { keys, values } = cache.onHost();
      const shape = [1, heads, kvHeads, headDim, attentionScale, window, past[0], cache.capacity] as const;
      addon.attentionCached(...shape, rotatedQ, rotatedK, v, keys, values, attended);
      linears(attended, projections.slice(3, 4), [update]);
      addon.add(update, stream.data, stream.data);
      norm(outputNorm);
      linears(normed, projections.slice(4, 6), [gate, up]);
      addon.swigluForward(gate, up, gated);
      linears(gated, projections.slice(6), [update]);
      addon.add(update, stream.data, stream.data);
    }
    return tf.engine().makeTensorFromTensorInfo(backend.wrap(stream)) as tf.Tensor2D;
  } finally {
    backend.endOp();
  }
}
