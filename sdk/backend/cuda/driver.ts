/**
 * The GPU as the addon gives it: the CUDA driver and cuBLASLt, both found at run time, so that one addon serves
 * machines with and without a GPU. Addresses are device addresses as numbers (a GPU has fewer than 2^53 bytes).
 * All work goes to one stream, in the order of the calls (but see `beginBeside`); nothing here waits for it but what
 * says so. Every entry checks its arguments, and throws what the driver reports with the driver's name for it.
 *
 * Work (`launch`, `gemm`, `copy`, `fill`, `replay`, marks) is handed to a thread that calls the driver; what the driver
 * reports of it is thrown by a later entry, at the latest by the one that waits for the work, and what was queued behind
 * it is dropped. While work is recorded the driver is called at once. An error of `allocate` with `code:
 * "OUT_OF_MEMORY"` leaves everything as it was.
 */
export interface CudaDriver {
  /** Why there is no usable GPU, with the next step; null when there is one. */
  problem(): string | null;
  /** What is there. Throws where `problem()` is not null. */
  devices(): CudaDeviceInfo[];
  /** Makes device `index` the one that all other entries use: once a process, and by this thread of JavaScript alone. */
  open(index: number): void;
  /** Bytes, as the driver counts them: other programs' use included. */
  memory(): { free: number; total: number };

  allocate(bytes: number): number;
  /** The memory must not be in use by work that was not yet done: this waits for the device. */
  free(address: number): void;
  /** Host to device; the array may be changed or dropped when this returns. */
  upload(address: number, source: TypedArray): void;
  /** Part of a file to the device, read by all threads, through page-locked memory of a fixed size. */
  uploadFile(address: number, path: string, offset: number, bytes: number): void;
  /** Device to host; waits until all work before it is done. */
  download(address: number, target: TypedArray): void;
  /** As `download`, without holding up the event loop; `target` belongs to the driver until then. */
  downloadAsync(address: number, target: TypedArray): Promise<void>;
  /** Device to device. */
  copy(target: number, source: number, bytes: number): void;
  /** Writes `count` words of 32 bits. */
  fill(address: number, word: number, count: number): void;
  /** Waits until all work is done; throws what went wrong in it. */
  synchronize(): void;

  /**
   * NVRTC: its version ("13.0"), where it was found, and the compute capabilities, times ten, that it compiles for; or
   * why it cannot be used. Needs no GPU.
   */
  nvrtc(): { version?: string; path?: string; targets?: number[]; problem?: string };
  /**
   * Compiles CUDA C++ by NVRTC, on a thread of its own.
   *
   * @param options of NVRTC, with spaces between them. For an architecture "sm_90a" the image is machine code, for
   *     "compute_90" PTX, which the driver compiles
   * @param name the source's, in messages
   * @param headers name (as an include writes it) and text of each header, by turns
   * @returns an image for `load`
   * @throws (rejects with) what NVRTC says, with file and line
   */
  compile(options: string, name: string, source: string, ...headers: string[]): Promise<Uint8Array>;
  /**
   * A module from memory: from now on `path` stands for it, and no file is looked for.
   *
   * @throws when the driver does not take the image, or the path is loaded already
   */
  load(path: string, image: Uint8Array): void;
  /**
   * Whether a module has a kernel: some exist for one generation of GPUs only.
   *
   * @throws when the file is not there
   */
  hasKernel(path: string, name: string): boolean;
  /**
   * A kernel of a module (a file that nvcc made, loaded once), for `launch`.
   *
   * @param signature one letter a parameter: p address, i int32, u uint32, f float32
   * @throws when the file or the kernel is not there, or the parameters' sizes differ from the signature
   */
  kernel(path: string, name: string, signature: string): number;
  /** Where `launch` and `gemm` read their arguments: a buffer of 64 numbers that the addon owns. */
  readonly arguments: Float64Array;
  /**
   * Runs a kernel with the first arguments of the buffer, as many as its signature has.
   *
   * @param overlaps it may begin when the launch before it says so (letLaunchesAfterBegin in native/cuda/ptx.cuh), where
   *     GPU and driver can; danger: it must not read what that one writes before waitForLaunchesBefore
   * @param cooperative all blocks run at once, so that they may wait for each other
   * @throws when the GPU has no room for all blocks of a cooperative launch
   */
  launch(
    kernel: number,
    gridX: number,
    gridY: number,
    gridZ: number,
    threads: number,
    sharedBytes: number,
    overlaps: boolean,
    cooperative: boolean,
  ): void;

  /**
   * From here to `endBeside` kernels go to a second stream of lower priority. They start when all work before is done,
   * and run beside what follows, until `join`: only then may what they read or write be used otherwise.
   */
  beginBeside(): void;
  endBeside(): void;
  /** What follows starts when the work of the second stream is done. */
  join(): void;

  /** The version of cuBLASLt and where it was found, or why it cannot be used. */
  blas(): { version?: number; path?: string; problem?: string };
  /**
   * c = alpha * op(a) op(b) + beta * c, row-major, sums in float32, by cuBLASLt. Arguments in the buffer: m, n, k,
   * a, lda, transposeA, storageA, b, ldb, transposeB, storageB, c, ldc, storageC, alpha, beta, batch, strideA,
   * strideB, strideC (elements), workspace, workspaceBytes. Storage: 0 float32, 1 bfloat16; a and b have the same.
   */
  gemm(): void;

  /** Marks the present point of the stream; points are numbered 0 to 63. */
  mark(point: number): void;
  /** Milliseconds of device time between two marks; waits for the second. */
  elapsed(from: number, to: number): number;

  /**
   * From here to `endCapture` work is recorded, not done. What allocates, loads a kernel, moves values between host and
   * device, or waits, throws meanwhile.
   */
  beginCapture(): void;
  /** A graph of the recorded work, for `replay`. */
  endCapture(): number;
  replay(graph: number): void;
  freeGraph(graph: number): void;
}

export interface CudaDeviceInfo {
  name: string;
  /** Major and minor, e.g. [9, 0]. */
  computeCapability: [number, number];
  multiprocessors: number;
  totalBytes: number;
  /** Of the driver, as CUDA version, e.g. "13.0". */
  driver: string;
  /** Bytes of shared memory that one block may ask for. */
  sharedBytes: number;
}

export type TypedArray = Float32Array | Int32Array | Uint8Array | Uint16Array | Uint32Array;
