/** The kernels of tfjs itself that the model and the training loop use between the fused ops, on the GPU. */
import * as tf from "@tensorflow/tfjs";
import type { CudaBackend } from "./backend.ts";
import { bytesOf, sizeOf } from "./cuda.ts";

type Inputs = Record<string, tf.TensorInfo>;
type Kernel = (backend: CudaBackend, inputs: Inputs, attrs: tf.NamedAttrMap) => tf.TensorInfo | undefined;

/** A kernel gives undefined for a case that it leaves to the CPU. */
const KERNELS: Record<string, Kernel> = {
  Identity: (backend, { x }) => backend.share(x, x.shape),
  Reshape: (backend, { x }, { shape }) =>
    backend.share(x, tf.util.inferFromImplicitShape(shape as number[], sizeOf(x.shape))),
  Cast: (backend, { x }, { dtype }) => (dtype === x.dtype ? backend.share(x, x.shape) : undefined),
  ZerosLike: (backend, { x }) => (x.dtype === "float32" ? filled(backend, x.shape, 0) : undefined),
  OnesLike: (backend, { x }) => (x.dtype === "float32" ? filled(backend, x.shape, 1) : undefined),
  Fill: (backend, _inputs, { shape, value, dtype }) =>
    (dtype ?? "float32") === "float32" && typeof value === "number"
      ? filled(backend, shape as number[], value)
      : undefined,
  Add: (backend, { a, b }) => {
    const floats = a.dtype === "float32" && b.dtype === "float32";
    if (!floats || !tf.util.arraysEqual(a.shape, b.shape)) return undefined;
    const { cuda } = backend;
    const [left, right] = [backend.values(a), backend.values(b)];
    const storage = left.storage === right.storage ? left.storage : "float32";
    const y = cuda.allocate(a.shape, storage);
    cuda.sum(left, right, y);
    return backend.wrap(y);
  },
  /** Whole rows only, which is what decoding takes: the last row of the hidden states. */
  Slice: (backend, { x }, { begin, size }) => {
    if (x.dtype !== "float32" || x.shape.length !== 2) return undefined;
    const [begins, sizes] = [begin as number[], size as number[]];
    const columns = x.shape[1];
    const width = sizes[1] === -1 ? columns - begins[1] : sizes[1];
    if (begins[1] !== 0 || width !== columns) return undefined;
    const rows = sizes[0] === -1 ? x.shape[0] - begins[0] : sizes[0];
    const from = backend.values(x);
    const y = backend.cuda.allocate([rows, columns], from.storage);
    const bytes = bytesOf(from.storage) * columns;
    backend.cuda.driver.copy(y.address, from.address + begins[0] * bytes, rows * bytes);
    return backend.wrap(y);
  },
  BatchMatMul: (backend, { a, b }, attrs) => {
    const { transposeA, transposeB } = attrs as { transposeA: boolean; transposeB: boolean };
    const batchShape = a.shape.slice(0, -2);
    const floats = a.dtype === "float32" && b.dtype === "float32";
    const [m, k] = oriented(a.shape, transposeA);
    const [kOfB, n] = oriented(b.shape, transposeB);
    const plain = floats && k === kOfB && tf.util.arraysEqual(batchShape, b.shape.slice(0, -2));
    if (!plain || m * n * k === 0) return undefined;
    const { cuda } = backend;
    const batch = sizeOf(batchShape);
    const c = cuda.allocate([...batchShape, m, n], "float32");
    cuda.gemm(
      m,
      n,
      k,
      { ...cuda.as(backend.values(a), "float32"), transposed: transposeA, stride: m * k },
      { ...cuda.as(backend.values(b), "float32"), transposed: transposeB, stride: k * n },
      { ...c, stride: m * n },
      { batch },
    );
    return backend.wrap(c);
  },
};

/** Registers them; a case that a kernel leaves out runs on the CPU. */
export function registerPlainKernels(): void {
  for (const [kernelName, kernel] of Object.entries(KERNELS)) {
    tf.registerKernel({
      kernelName,
      backendName: "cuda",
      kernelFunc: ({ inputs, attrs, backend }) => {
        const cuda = backend as CudaBackend;
        try {
          return (
            kernel(cuda, inputs as Inputs, attrs ?? {}) ?? cuda.runOnHost(kernelName, inputs, attrs ?? {})
          );
        } finally {
          cuda.endOp();
        }
      },
    });
  }
}

function filled(backend: CudaBackend, shape: number[], value: number): tf.TensorInfo {
  const y = backend.cuda.allocate(shape, "float32");
  const [word] = new Uint32Array(Float32Array.of(value).buffer);
  if (sizeOf(shape) > 0) backend.cuda.driver.fill(y.address, word, sizeOf(shape));
  return backend.wrap(y);
}

/** Rows and columns after the transpose. */
function oriented(shape: number[], transposed: boolean): [number, number] {
  const [rows, columns] = shape.slice(-2);
  return transposed ? [columns, rows] : [rows, columns];
}
