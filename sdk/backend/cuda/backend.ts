/**
 * The tfjs backend `cuda`: float32 tensors live in GPU memory (stored as float32 or bfloat16, which tfjs need not
 * know), all others on the host. The fused ops and a few kernels of tfjs run on the GPU; every other kernel of tfjs
 * runs on the CPU through a copy, and says so once.
 */
import * as tf from "@tensorflow/tfjs";
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { bfloat16ToFloat32 } from "../bfloat16.ts";
import { silenceFirstUse } from "../native.ts";
import { bytesOf, type Cuda, type CudaTensor, sizeOf } from "./cuda.ts";
import type { TypedArray } from "./driver.ts";
import { registerPlainKernels } from "./plainKernels.ts";

type DataId = tf.TensorInfo["dataId"];

/** What a data id stands for: GPU memory, or values on the host. */
interface Entry {
  dtype: tf.DataType;
  refCount: number;
  device?: Pick<CudaTensor, "address" | "storage"> & { length: number };
  host?: tf.BackendValues;
}

export class CudaBackend extends tf.KernelBackend {
  private readonly entries = new Map<DataId, Entry>();
  private readonly host = new MathBackendCPU();
  private readonly saidSlow = new Set<string>();

  constructor(
    readonly cuda: Cuda,
    private readonly warn: (line: string) => void = console.warn,
  ) {
    super();
    silenceFirstUse(this.host);
  }

  /** The tensor as kernels see it; valid until the tensor is disposed. */
  values({ dataId, shape }: tf.TensorInfo): CudaTensor {
    const { device } = this.entry(dataId);
    if (!device) throw new Error(`cuda: expected a float32 tensor, got ${this.entry(dataId).dtype}`);
    return { shape, storage: device.storage, address: device.address };
  }

  /** A tensor over GPU memory that an op took; the backend owns it from now on. */
  wrap({ shape, storage, address }: CudaTensor): tf.TensorInfo {
    this.cuda.keep(address);
    const dataId = {};
    this.entries.set(dataId, {
      dtype: "float32",
      refCount: 1,
      device: { address, storage, length: sizeOf(shape) },
    });
    return { dataId, shape, dtype: "float32" };
  }

  zeros(shape: number[]): CudaTensor {
    const tensor = this.cuda.allocate(shape, "float32");
    this.cuda.driver.fill(tensor.address, 0, sizeOf(shape));
    return tensor;
  }

  endOp(): void {
    this.cuda.endOp();
  }

  /** The same data under another shape. */
  share({ dataId, dtype }: tf.TensorInfo, shape: number[]): tf.TensorInfo {
    this.incRef(dataId);
    return { dataId, shape, dtype };
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): DataId {
    const dataId = {};
    this.move(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(
    dataId: DataId,
    values: tf.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    if (dtype !== "float32") {
      this.entries.set(dataId, { dtype, refCount, host: values });
      return;
    }
    const length = sizeOf(shape);
    const array = values instanceof Float32Array ? values : Float32Array.from(values as ArrayLike<number>);
    const address = this.cuda.memory.take(length * bytesOf("float32"));
    if (length > 0) this.cuda.driver.upload(address, array);
    this.entries.set(dataId, { dtype, refCount, device: { address, storage: "float32", length } });
  }

  override readSync(dataId: DataId): tf.BackendValues {
    const { device, host } = this.entry(dataId);
    if (!device) return host!;
    const raw = emptyArray(device.storage, device.length);
    this.cuda.driver.download(device.address, raw);
    return asFloats(raw);
  }

  override async read(dataId: DataId): Promise<tf.BackendValues> {
    const { device, host } = this.entry(dataId);
    if (!device) return host!;
    const raw = emptyArray(device.storage, device.length);
    if (raw.length > 0) await this.cuda.driver.downloadAsync(device.address, raw);
    return asFloats(raw);
  }

  override disposeData(dataId: DataId, force = false): boolean {
    const entry = this.entries.get(dataId);
    if (!entry) return true;
    entry.refCount--;
    if (!force && entry.refCount > 0) return false;
    this.entries.delete(dataId);
    if (entry.device) this.cuda.memory.give(entry.device.address);
    return true;
  }

  override incRef(dataId: DataId): void {
    this.entry(dataId).refCount++;
  }

  decRef(dataId: DataId): void {
    const entry = this.entries.get(dataId);
    if (entry) entry.refCount--;
  }

  override refCount(dataId: DataId): number {
    return this.entries.get(dataId)?.refCount ?? 0;
  }

  override numDataIds(): number {
    return this.entries.size;
  }

  override memory(): { unreliable: boolean; numBytesInGPU: number } {
    return { unreliable: false, numBytesInGPU: this.cuda.memory.bytes.used };
  }

  override floatPrecision(): 16 | 32 {
    return this.cuda.activation === "float32" ? 32 : 16;
  }

  override epsilon(): number {
    return this.cuda.activation === "float32" ? 1e-7 : 1e-4;
  }

  override timerAvailable(): boolean {
    return false;
  }

  /** Runs tfjs' CPU kernel on copies of the inputs. */
  runOnHost(
    kernelName: string,
    inputs: tf.NamedTensorInfoMap,
    attrs: tf.NamedAttrMap,
  ): tf.TensorInfo | tf.TensorInfo[] {
    if (!this.saidSlow.has(kernelName)) {
      this.saidSlow.add(kernelName);
      this.warn(`mistral-lab: ${kernelName} has no GPU kernel and runs on the CPU, through a copy`);
    }
    const { host } = this;
    const used: tf.TensorInfo[] = [];
    const toHost = (info: tf.TensorInfo) => {
      const copy = host.makeTensorInfo(info.shape, info.dtype, this.readSync(info.dataId));
      used.push(copy);
      return copy;
    };
    // Some kernels take a list of tensors where others take them by name.
    const hostInputs = Array.isArray(inputs)
      ? inputs.map(toHost)
      : Object.fromEntries(Object.entries(inputs).map(([name, info]) => [name, info && toHost(info)]));
    const kernel = tf.getKernel(kernelName, "cpu").kernelFunc;
    const result = kernel({ inputs: hostInputs as tf.NamedTensorInfoMap, attrs, backend: host });
    const outputs = Array.isArray(result) ? result : [result];
    const made = outputs.map((info) => {
      const values = host.readSync(info.dataId);
      return { dataId: this.write(values, info.shape, info.dtype), shape: info.shape, dtype: info.dtype };
    });
    for (const info of [...used, ...outputs]) host.disposeData(info.dataId);
    return Array.isArray(result) ? made : made[0];
  }

  private entry(dataId: DataId): Entry {
    const entry = this.entries.get(dataId);
    if (entry) return entry;
    // A tensor of another backend: tfjs fetches it and calls `move`.
    tf.engine().moveData(this, dataId);
    return this.entries.get(dataId)!;
  }
}

/** The GPU in use; undefined on other devices. */
export function activeCuda(): Cuda | undefined {
  const backend = tf.backend();
  return backend instanceof CudaBackend ? backend.cuda : undefined;
}

/** Registers the backend `cuda` with tfjs (idempotent). */
export function registerCudaBackend(make: () => Cuda): void {
  if (tf.findBackendFactory("cuda")) return;
  tf.registerBackend("cuda", () => new CudaBackend(make()));
  registerPlainKernels();
  for (const { kernelName } of tf.getKernelsForBackend("cpu")) {
    if (tf.getKernel(kernelName, "cuda")) continue;
    tf.registerKernel({
      kernelName,
      backendName: "cuda",
      kernelFunc: ({ inputs, attrs, backend }) =>
        (backend as CudaBackend).runOnHost(kernelName, inputs, attrs ?? {}),
    });
  }
}

function emptyArray(storage: CudaTensor["storage"], length: number): TypedArray {
  return storage === "float32" ? new Float32Array(length) : new Uint16Array(length);
}

function asFloats(raw: TypedArray): Float32Array {
  return raw instanceof Float32Array ? raw : bfloat16ToFloat32(raw as Uint16Array);
}
