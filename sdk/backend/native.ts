/**
 * The tfjs backend `native`: plain tfjs on the CPU with the hot kernels replaced by the addon's. Data stay in
 * typed arrays that the addon works on in place. Every other tfjs kernel is the plain CPU one, so it is complete.
 */
import * as tf from "@tensorflow/tfjs";
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import type { Addon } from "./addon.ts";
import { escaped, giveBack, takeFloats } from "./bufferPool.ts";

/** A dense tensor as the addon sees it. */
export interface NativeTensor {
  shape: number[];
  data: Float32Array;
}

/** What tfjs keeps for one data id. */
type TensorData = ReturnType<MathBackendCPU["data"]["get"]>;

/** Everything that plain tfjs reads goes through `get`, which therefore takes the array out of the pool's hands. */
class WatchedStorage extends tf.DataStorage<TensorData> {
  override get(dataId: tf.TensorInfo["dataId"]): TensorData {
    const data = super.get(dataId);
    escaped(data.values);
    return data;
  }

  /** For the native kernels, which keep no reference. */
  getOwn(dataId: tf.TensorInfo["dataId"]): TensorData {
    return super.get(dataId);
  }
}

export class NativeBackend extends MathBackendCPU {
  readonly addon: Addon;
  private readonly storage: WatchedStorage;

  constructor(addon: Addon) {
    super();
    this.addon = addon;
    this.storage = new WatchedStorage(this, tf.engine());
    this.data = this.storage;
    silenceFirstUse(this);
  }

  /** The values behind a tensor, not a copy; valid until the tensor is disposed. */
  values(info: tf.TensorInfo): NativeTensor {
    return { shape: info.shape, data: this.storage.getOwn(info.dataId).values as Float32Array };
  }

  /** A tensor over `value.data`, which belongs to the backend from now on. */
  wrap(value: NativeTensor): tf.TensorInfo {
    return this.makeTensorInfo(value.shape, "float32", value.data);
  }

  /** A new tensor of zeros. */
  zeros(shape: number[]): NativeTensor {
    return { shape, data: new Float32Array(tf.util.sizeFromShape(shape)) };
  }

  /** Arrays that an op took and did not return belong to the garbage collector. */
  endOp(): void {}

  override incRef(dataId: tf.TensorInfo["dataId"]): void {
    this.storage.getOwn(dataId).refCount++;
  }

  override decRef(dataId: tf.TensorInfo["dataId"]): void {
    if (this.storage.has(dataId)) this.storage.getOwn(dataId).refCount--;
  }

  override refCount(dataId: tf.TensorInfo["dataId"]): number {
    return this.storage.has(dataId) ? this.storage.getOwn(dataId).refCount : 0;
  }

  override disposeData(dataId: tf.TensorInfo["dataId"], force = false): boolean {
    if (!this.storage.has(dataId)) return true;
    const data = this.storage.getOwn(dataId);
    if (data.complexTensorInfos) return super.disposeData(dataId, force);
    data.refCount--;
    if (!force && data.refCount > 0) return false;
    this.storage.delete(dataId);
    giveBack(data.values);
    return true;
  }
}

/** tfjs prints an advertisement for another package at the first tensor; a CLI and a notebook have no use for it. */
export function silenceFirstUse(backend: MathBackendCPU): void {
  Object.assign(backend, { firstUse: false });
}

/** Registers the backend `native` with tfjs (idempotent). */
export function registerNativeBackend(addon: Addon): void {
  if (tf.findBackendFactory("native")) return;
  tf.registerBackend("native", () => new NativeBackend(addon));
  tf.copyRegisteredKernels("cpu", "native");
  replaceKernel("BatchMatMul", (inputs, attrs, backend) => matMul(inputs.a, inputs.b, attrs, backend));
  const plainReshape = tf.getKernel("Reshape", "cpu").kernelFunc;
  // The plain kernel looks at the values, which the pool would take for a view of them; a reshape is one more
  // reference to the same data, and the gradient of every addition is one.
  replaceKernel("Reshape", (inputs, attrs, backend) => {
    const { x } = inputs;
    const size = tf.util.sizeFromShape(x.shape);
    const shape = tf.util.inferFromImplicitShape(attrs.shape as number[], size);
    if (x.dtype !== "float32" || tf.util.sizeFromShape(shape) !== size) {
      return plainReshape({ inputs, attrs, backend });
    }
    backend.incRef(x.dataId);
    return { dataId: x.dataId, shape, dtype: x.dtype };
  });
  const plainAdd = tf.getKernel("Add", "cpu").kernelFunc;
  replaceKernel("Add", (inputs, attrs, backend) => {
    const { a, b } = inputs;
    if (a.dtype !== "float32" || b.dtype !== "float32" || !tf.util.arraysEqual(a.shape, b.shape)) {
      return plainAdd({ inputs, attrs, backend });
    }
    const y = takeFloats(tf.util.sizeFromShape(a.shape));
    backend.addon.add(backend.values(a).data, backend.values(b).data, y);
    return backend.wrap({ shape: a.shape, data: y });
  });
}

type Kernel = (
  inputs: Record<string, tf.TensorInfo>,
  attrs: tf.NamedAttrMap,
  backend: NativeBackend,
) => tf.TensorInfo | tf.TensorInfo[];

function replaceKernel(kernelName: string, kernel: Kernel): void {
  tf.unregisterKernel(kernelName, "native");
  tf.registerKernel({
    kernelName,
    backendName: "native",
    kernelFunc: ({ inputs, attrs, backend }) =>
      kernel(inputs as Record<string, tf.TensorInfo>, attrs ?? {}, backend as NativeBackend),
  });
}

/** tfjs BatchMatMul: a [..., m, k], b [..., k, n] with optional transposes; batch dimensions equal or 1. */
function matMul(
  a: tf.TensorInfo,
  b: tf.TensorInfo,
  attrs: tf.NamedAttrMap,
  backend: NativeBackend,
): tf.TensorInfo {
  const { transposeA, transposeB } = attrs as { transposeA: boolean; transposeB: boolean };
  const [aRows, aCols] = a.shape.slice(-2);
  const [bRows, bCols] = b.shape.slice(-2);
  const [m, k] = transposeA ? [aCols, aRows] : [aRows, aCols];
  const [kOfB, n] = transposeB ? [bCols, bRows] : [bRows, bCols];
  const batch = tf.util.sizeFromShape(a.shape.slice(0, -2));
  const sameBatch = tf.util.arraysEqual(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (!sameBatch || k !== kOfB || a.dtype !== "float32" || b.dtype !== "float32") {
    // Broadcast batches and shape errors: the plain kernel knows both.
    return tf
      .getKernel("BatchMatMul", "cpu")
      .kernelFunc({ inputs: { a, b }, attrs, backend }) as tf.TensorInfo;
  }
  const c = takeFloats(batch * m * n);
  const { addon } = backend;
  addon.matMul(batch, m, n, k, transposeA, transposeB, backend.values(a).data, backend.values(b).data, c);
  return backend.wrap({ shape: [...a.shape.slice(0, -2), m, n], data: c });
}
