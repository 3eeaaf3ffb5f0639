/** What an op gets to run on a GPU: memory, kernels, matrix products. */
import { join } from "node:path";
import { packageRoot } from "../packageRoot.ts";
import type { CudaDeviceInfo, CudaDriver } from "./driver.ts";
import { type CudaKernel, cudaKernel, cudaKernels, type Storage } from "./kernel.ts";
import { gemmArguments, gemmKernels } from "./matMul.ts";
import { DeviceMemory } from "./memory.ts";

/** A dense tensor in GPU memory. */
export interface CudaTensor {
  shape: number[];
  storage: Storage;
  /** Device address of its first value; row-major and contiguous. */
  address: number;
}

/** A matrix operand of `gemm`: row-major with `ld` values from one row to the next. */
export interface GemmOperand {
  address: number;
  storage: Storage;
  /** Default: the number of columns as stored. */
  ld?: number;
  /** Use its transpose. Default false. For `c` it is not allowed. */
  transposed?: boolean;
  /** Values from one matrix of a batch to the next. Default 0. */
  stride?: number;
}

export interface GemmOptions {
  /** Default 1. */
  alpha?: number;
  /** Default 0: c need not be initialised. */
  beta?: number;
  /** Default 1. */
  batch?: number;
}

/** Room that cuBLASLt may use. At Mistral-7B's shapes on Hopper its fastest algorithms ask for 4 bytes. */
const WORKSPACE_BYTES = 8 * 2 ** 20;

export class Cuda {
  readonly memory: DeviceMemory;
  private readonly kernels = new Map<CudaKernel, number>();
  /** Names that `has` was asked for. */
  private readonly found = new Map<string, boolean>();
  /** Taken by the op that is running, and not yet part of a tensor. */
  private readonly taken = new Set<number>();
  private readonly constants = new WeakMap<object, number>();
  private readonly release: FinalizationRegistry<number>;
  /** Arrays whose copies `withConstants` frees. */
  private passing?: object[];
  /** Why cuBLASLt cannot be used; undefined when it can. */
  readonly blasProblem: string | undefined;
  /** Frozen weights that have a dense copy beside their own form. */
  readonly kept = new Set<{ dense?: CudaTensor; addresses: number[] }>();
  private keeps = false;
  /** Work of the second stream is under way. */
  private isForked = false;
  private workspace = 0;

  constructor(
    readonly driver: CudaDriver,
    readonly device: CudaDeviceInfo,
    /** How activations are stored; sums are float32 in both. */
    public activation: Storage,
    /** Where the kernels come from, for a person. */
    readonly kernelOrigin: string,
  ) {
    this.memory = new DeviceMemory(driver);
    this.blasProblem = driver.blas().problem;
    this.release = new FinalizationRegistry((address) => this.memory.give(address));
  }

  /**
   * Keep frozen weights as activations are stored beside their 4-bit form: products need no decoding then, for 4 times
   * the memory. Default false; switched off, the copies are freed.
   */
  get keepDequantized(): boolean {
    return this.keeps;
  }

  set keepDequantized(on: boolean) {
    this.keeps = on;
    if (on) return;
    for (const weight of this.kept) {
      const address = weight.dense!.address;
      weight.dense = undefined;
      weight.addresses.splice(weight.addresses.indexOf(address), 1);
      this.memory.give(address);
    }
    this.kept.clear();
  }

  /** Ampere and newer. */
  get hasBfloat16(): boolean {
    return this.device.computeCapability[0] >= 8;
  }

  /** Bytes that the first matrix product takes for good; 0 when it was. */
  get workspaceToCome(): number {
    return this.workspace === 0 && this.blasProblem === undefined ? WORKSPACE_BYTES : 0;
  }

  /**
   * A tensor for a kernel to fill: its content is undefined until then. Stored as activations are by default. It is
   * freed when the op ends, unless the op returned it.
   */
  allocate(shape: number[], storage: Storage = this.activation): CudaTensor {
    return { shape, storage, address: this.scratch(sizeOf(shape) * bytesOf(storage)) };
  }

  /** Memory that lives until the op ends (its kernels may run later: the order of the work keeps it safe). */
  scratch(bytes: number): number {
    const address = this.memory.take(bytes);
    this.taken.add(address);
    return address;
  }

  /** The memory belongs to a tensor from now on. */
  keep(address: number): void {
    this.taken.delete(address);
  }

  /** What the running op took and does not need any more is free for what it takes next; others' memory stays. */
  giveBack(address: number): void {
    if (this.taken.delete(address)) this.memory.give(address);
  }

  /** Launches what `work` launches beside what the op does next, until it calls `join`. */
  beside(work: () => void): void {
    this.isForked = true;
    this.driver.beginBeside();
    try {
      work();
    } finally {
      this.driver.endBeside();
    }
  }

  /** From here on the op may use what `beside` made. */
  join(): void {
    if (this.isForked) this.driver.join();
    this.isForked = false;
  }

  /** Ends an op, also one that failed: what it took and did not return is free again. */
  endOp(): void {
    this.join();
    for (const address of this.taken) this.memory.give(address);
    this.taken.clear();
  }

  /**
   * A device copy of a small host array (ids, labels, positions, offsets), made once and kept as long as the array, or
   * until `withConstants` ends. The array must not change any more.
   *
   * @param lasting the copy outlives `withConstants`: the array belongs to a model, or the address is kept
   */
  constant(array: Int32Array | Float32Array, lasting = false): number {
    let address = this.constants.get(array);
    if (address === undefined) {
      address = this.memory.take(Math.max(array.byteLength, 4));
      if (array.length > 0) this.driver.upload(address, array);
      this.constants.set(array, address);
      if (this.passing && !lasting) this.passing.push(array);
      else this.release.register(array, address);
    }
    return address;
  }

  /**
   * Runs `work`, and frees what `constant` has copied meanwhile: for arrays that nobody needs again, such as those of a
   * batch that is trained on once. Otherwise their copies wait for the garbage collector, which comes as it likes.
   */
  withConstants<T>(work: () => T): T {
    const outer = this.passing;
    const arrays: object[] = [];
    this.passing = arrays;
    try {
      return work();
    } finally {
      this.passing = outer;
      // The work that reads them is queued: memory is given away in the order of the calls.
      for (const array of arrays) {
        this.memory.give(this.constants.get(array)!);
        this.constants.delete(array);
      }
    }
  }

  /**
   * From now on `array` stands for the memory at `address`: `constant` gives it, and the ops read there what kernels
   * wrote. Its own values are what ops check, and serve nothing else. The caller owns the memory.
   */
  bind(array: Int32Array, address: number): void {
    this.constants.set(array, address);
  }

  /** The tensor with its values in `storage`: itself, or a copy that lives until the op returns. */
  as(tensor: CudaTensor, storage: Storage): CudaTensor {
    if (tensor.storage === storage) return tensor;
    const copy = this.allocate(tensor.shape, storage);
    this.convert(tensor, copy);
    return copy;
  }

  /** Copies values between storages. */
  convert(from: CudaTensor, to: CudaTensor): void {
    const values = sizeOf(from.shape);
    if (values === 0) return;
    if (from.storage === to.storage) {
      this.driver.copy(to.address, from.address, values * bytesOf(from.storage));
      return;
    }
    const kernel = to.storage === "bfloat16" ? NARROW : WIDEN;
    this.launch(kernel, Math.ceil(values / 1024), 256, [from.address, to.address, values]);
  }

  /** target += other, of one shape. */
  add(target: CudaTensor, other: CudaTensor): void {
    this.sum(target, other, target);
  }

  /** y = a + b, of one shape. */
  sum(a: CudaTensor, b: CudaTensor, y: CudaTensor): void {
    const values = sizeOf(y.shape);
    if (values === 0) return;
    const addresses = [this.as(a, y.storage).address, this.as(b, y.storage).address, y.address];
    this.launch(ADD[y.storage], Math.ceil(values / 2048), 256, [...addresses, values]);
  }

  /** Whether the kernel was made for this GPU; some exist for one generation only. */
  has(file: string, name: string): boolean {
    let there = this.found.get(name);
    if (there === undefined) {
      there = this.driver.hasKernel(pathOf(file), name);
      this.found.set(name, there);
    }
    return there;
  }

  /**
   * Queues a kernel.
   *
   * @param grid blocks: a number, or [x, y, z] with y and z at most 65,535
   * @param threads of one block
   * @param args one number a parameter of its signature
   * @param sharedBytes dynamic shared memory of one block. Default 0
   * @throws when the number of arguments is not that of the signature, or the driver refuses
   */
  launch(
    kernel: CudaKernel,
    grid: number | readonly [number, number, number],
    threads: number,
    args: readonly number[],
    sharedBytes = 0,
  ): void {
    if (args.length !== kernel.signature.length) {
      throw new Error(
        `${kernel.name}: expected ${kernel.signature.length} arguments (${kernel.signature}), got ${args.length}`,
      );
    }
    let handle = this.kernels.get(kernel);
    if (handle === undefined) {
      handle = this.driver.kernel(pathOf(kernel.file), kernel.name, kernel.signature);
      this.kernels.set(kernel, handle);
    }
    const buffer = this.driver.arguments;
    for (let i = 0; i < args.length; i++) buffer[i] = args[i];
    const [x, y, z] = typeof grid === "number" ? [grid, 1, 1] : grid;
    this.driver.launch(handle, x, y, z, threads, sharedBytes, kernel.overlaps, kernel.cooperative);
  }

  /** c [m, n] = alpha * op(a) [m, k] op(b) [k, n] + beta * c. a and b have one storage; c may have the other. */
  gemm(
    m: number,
    n: number,
    k: number,
    a: GemmOperand,
    b: GemmOperand,
    c: GemmOperand,
    options: GemmOptions = {},
  ): void {
    if (this.blasProblem !== undefined) {
      gemmKernels(this, m, n, k, a, b, c, options);
      return;
    }
    if (this.workspace === 0) this.workspace = this.memory.take(WORKSPACE_BYTES);
    const buffer = this.driver.arguments;
    gemmArguments(buffer, m, n, k, a, b, c, options);
    buffer[20] = this.workspace;
    buffer[21] = WORKSPACE_BYTES;
    this.driver.gemm();
  }
}

const ADD = cudaKernels("elementwise", "add", "pppi");
const NARROW = cudaKernel("elementwise", "narrow", "ppi");
const WIDEN = cudaKernel("elementwise", "widen", "ppi");

/** The module of native/cuda/<file>.cu. */
export const pathOf = (file: string) => join(packageRoot(), "build", "native", "cuda", `${file}.fatbin`);

/** Number of values. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

export function bytesOf(storage: Storage): number {
  return storage === "float32" ? 4 : 2;
}
