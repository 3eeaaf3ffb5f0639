/**
 * How an op is made. An op is one file: its meaning as a composition of plain tfjs ops (the reference,
 * differentiable everywhere), and its kernels on backends that have their own. `runOp` takes the backend's
 * kernel where there is one and the reference where there is none, with the gradient of whichever it took.
 *
 * Invariants: kernels allocate what they return and never keep or change an input; the differentiable outputs come
 * first; argument checks are done by the op's public function, once, above the backends.
 */
import * as tf from "@tensorflow/tfjs";
import type { Addon } from "../backend/addon.ts";
import { takeFloats } from "../backend/bufferPool.ts";
import type { CudaBackend } from "../backend/cuda/backend.ts";
import type { Cuda, CudaTensor } from "../backend/cuda/cuda.ts";
import type { NativeBackend, NativeTensor } from "../backend/native.ts";
import { Dropped, droppedSlot, isDropped, KeptSlot, type Slot, setDropped } from "./remake.ts";

export type { Addon, Cuda, CudaTensor, NativeTensor };

/** Inputs by name; an optional input that is absent is not in the map. */
export type Tensors<In extends string> = { [name in In]: tf.Tensor };
export type Natives<In extends string> = { [name in In]: NativeTensor };
export type Cudas<In extends string> = { [name in In]: CudaTensor };

/** An op's kernels on one device: what runs them, and how it sees a tensor. */
export interface OpKernels<Device, T, In extends string, Attrs extends object> {
  /** All outputs, the differentiable ones first. */
  forward(device: Device, inputs: { [name in In]: T }, attrs: Attrs): T[];
  /**
   * Gradients by input name; an input without an entry gets none (it is constant).
   *
   * @param dys of the differentiable outputs
   * @param inputs those that the op keeps, and likewise `outputs`, where the others are missing
   */
  backward(
    device: Device,
    dys: T[],
    inputs: { [name in In]: T },
    outputs: T[],
    attrs: Attrs,
  ): { [name in In]?: T };
}

export interface Op<In extends string, Attrs extends object> {
  /** Kernel name, e.g. "RmsNorm"; its backward kernel is "RmsNormGrad". */
  readonly name: string;
  /** The formula in plain tfjs ops. Returns all outputs; tfjs's own gradients differentiate it. */
  reference(inputs: Tensors<In>, attrs: Attrs): tf.Tensor[];
  /** How many of the first outputs are differentiable. Default 1. */
  differentiable?(attrs: Attrs): number;
  /** Whether backward reads the input "in:<name>" or the output "out:<index>". Default: all are kept for it. */
  keeps?(key: string, attrs: Attrs): boolean;
  /** An input that is only added to the first output: its gradient is that of the output. */
  readonly added?: In;
  readonly native: OpKernels<Addon, NativeTensor, In, Attrs>;
  readonly cuda: OpKernels<Cuda, CudaTensor, In, Attrs>;
}

/** A new tensor for a native kernel to fill: its content is undefined until then. */
export function allocate(shape: number[]): NativeTensor {
  return { shape, data: takeFloats(tf.util.sizeFromShape(shape)) };
}

/**
 * Runs the op on the active backend and returns its first `count` outputs; everything else that it made is freed
 * or kept for backward. Outputs that are not differentiable are constants where the op has kernels.
 */
export function runOp<In extends string, Attrs extends object>(
  op: Op<In, Attrs>,
  inputs: Tensors<In>,
  attrs: Attrs,
  count = 1,
): tf.Tensor[] {
  return tf.tidy(() => outputsOf(op, inputs, attrs).slice(0, count));
}

/** Whether the active backend has kernels of this package; elsewhere ops are their references. */
export function hasKernels(): boolean {
  return ["native", "cuda"].includes(tf.engine().backendName);
}

function outputsOf<In extends string, Attrs extends object>(
  op: Op<In, Attrs>,
  inputs: Tensors<In>,
  attrs: Attrs,
): tf.Tensor[] {
  if (!hasKernels()) return op.reference(inputs, attrs);
  registerKernels(op as AnyOp);
  if (!gradientsAreRecorded()) return run(op.name, inputs, attrs);

  const outputs = withoutTape(() => run(op.name, inputs, attrs));
  recordOnTape(op as AnyOp, inputs, outputs, attrs);
  return outputs;
}

/**
 * What `tf.customGrad` does, for a third of its time: it saves each tensor with a kernel run and a place on the tape
 * of its own, which takes as long as a small op.
 */
function recordOnTape(op: AnyOp, inputs: Tensors<string>, outputs: tf.Tensor[], attrs: object): void {
  const { name, added } = op;
  const names = Object.keys(inputs).filter((input) => input !== added);
  const differentiable = outputs.slice(0, op.differentiable?.(attrs) ?? 1);
  const kept: tf.Tensor[] = [];
  const use = (tensor: tf.Tensor): Slot => {
    const dropped = droppedSlot(tensor);
    if (dropped) return dropped;
    const slot = new KeptSlot(retained(tensor));
    kept.push(slot.tensor);
    return slot;
  };
  let again: Dropped | undefined;
  if (isDropped(name)) {
    again = new Dropped(mapValues(inputs, use), (values) => withoutTape(() => run(name, values, attrs)));
    for (const [i, output] of differentiable.entries()) setDropped(output, again, i);
  }
  const forBackward: Record<string, Slot> = {};
  const keep = (key: string, tensor: tf.Tensor) => {
    if (op.keeps?.(key, attrs) ?? true) forBackward[key] = use(tensor);
  };
  for (const input of names) keep(`in:${input}`, inputs[input]);
  for (const [i, output] of outputs.entries()) keep(`out:${i}`, output);
  const release = () => {
    for (const slot of Object.values(forBackward)) slot.release();
    again?.close();
  };
  const gradient = (dys: tf.Tensor[]) => {
    const given = Object.fromEntries(dys.map((dy, i) => [`dy:${i}`, dy]));
    const values = mapValues(forBackward, (slot) => slot.get());
    const gradients = run(`${name}Grad`, { ...given, ...values }, { ...attrs, gradientOf: names });
    release();
    const byInput = Object.fromEntries(names.map((input, i) => [input, () => gradients[i]]));
    if (added && added in inputs) byInput[added] = () => alias(dys[0]);
    return byInput;
  };
  const { state } = tf.engine();
  const node = {
    id: state.nextTapeNodeId++,
    kernelName: name,
    inputs,
    outputs: differentiable,
    // tfjs disposes them when all gradients are done; `release` (tape.ts) also frees what was made again.
    saved: kept,
    release,
    gradient,
  };
  state.activeTape.push(node);
}

/** One more tensor over the same data. */
function alias({ dataId, shape, dtype }: tf.Tensor): tf.Tensor {
  tf.backend().incRef(dataId);
  return tf.engine().makeTensorFromTensorInfo({ dataId, shape, dtype });
}

/** As `alias`, until it is disposed. */
function retained(tensor: tf.Tensor): tf.Tensor {
  return tf.keep(alias(tensor));
}

function withoutTape<T>(f: () => T): T {
  const { state } = tf.engine();
  state.kernelDepth++;
  try {
    return f();
  } finally {
    state.kernelDepth--;
  }
}

/** True when what an op does now may be differentiated later: inside `tf.grads` and its like, not inside a kernel. */
export function gradientsAreRecorded(): boolean {
  const { gradientDepth, kernelDepth } = tf.engine().state;
  return gradientDepth > 0 && kernelDepth === 0;
}

type AnyOp = Op<string, object>;
const registered = new Set<string>();

// tfjs types kernel attributes as plain JSON; weights and position arrays travel through it untouched.
function run(kernel: string, inputs: Record<string, tf.Tensor>, attrs: object): tf.Tensor[] {
  const result: tf.Tensor | tf.Tensor[] = tf.engine().runKernel(kernel, inputs, attrs as tf.NamedAttrMap);
  return Array.isArray(result) ? result : [result];
}

/** Makes the op's kernels known to tfjs's registry, at the op's first use. */
function registerKernels(op: AnyOp): void {
  if (registered.has(op.name)) return;
  registered.add(op.name);
  register<NativeBackend, Addon, NativeTensor>(op.name, "native", op.native, ({ addon }) => addon);
  register<CudaBackend, Cuda, CudaTensor>(op.name, "cuda", op.cuda, ({ cuda }) => cuda);
}

/** What the backends with kernels of their own have in common. */
interface KernelBackend<T> {
  /** The tensor as kernels see it; not a copy. */
  values(info: tf.TensorInfo): T;
  /** A tensor over what a kernel made; the backend owns it from now on. */
  wrap(value: T): tf.TensorInfo;
  /** A new tensor of zeros. */
  zeros(shape: number[]): T;
  /** Called when an op has run or failed: what it took and did not return is free again. */
  endOp(): void;
}

function register<Backend extends KernelBackend<T>, Device, T extends { shape: number[] }>(
  name: string,
  backendName: string,
  kernels: OpKernels<Device, T, string, object>,
  deviceOf: (backend: Backend) => Device,
): void {
  tf.registerKernel({
    kernelName: name,
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const own = backend as Backend;
      const values = mapValues(inputs as Record<string, tf.TensorInfo>, (t) => own.values(t));
      try {
        return kernels.forward(deviceOf(own), values, attrs ?? {}).map((value) => own.wrap(value));
      } finally {
        own.endOp();
      }
    },
  });
  tf.registerKernel({
    kernelName: `${name}Grad`,
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const own = backend as Backend;
      const values = mapValues(inputs as Record<string, tf.TensorInfo>, (t) => own.values(t));
      const forward: Record<string, T> = {};
      const [outputs, dys]: [T[], T[]] = [[], []];
      for (const [key, value] of Object.entries(values)) {
        if (key.startsWith("in:")) forward[key.slice(3)] = value;
        else if (key.startsWith("out:")) outputs[Number(key.slice(4))] = value;
        else dys[Number(key.slice(3))] = value;
      }
      const names = (attrs as { gradientOf: string[] } & tf.NamedAttrMap).gradientOf;
      try {
        const gradients = kernels.backward(deviceOf(own), dys, forward, outputs, attrs ?? {});
        // All of them before the first belongs to a tensor: zeros may find no room.
        const all = names.map((input) => gradients[input] ?? own.zeros(forward[input].shape));
        return all.map((gradient) => own.wrap(gradient));
      } finally {
        own.endOp();
      }
    },
  });
}

function mapValues<A, B>(record: Record<string, A>, f: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value)]));
}
