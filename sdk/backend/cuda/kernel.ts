/** GPU kernels by name. A kernel's file is native/cuda/<file>.cu, compiled into build/native/cuda. */

/** How a tensor lies in GPU memory. tfjs calls both "float32". */
export type Storage = "float32" | "bfloat16";

export interface CudaKernel {
  /** Stem of the file that holds it, e.g. "rmsNorm". */
  readonly file: string;
  /** E.g. "rmsNormForward_bfloat16". */
  readonly name: string;
  /** One letter a parameter: p address (0 is null), i int32, u uint32, f float32. */
  readonly signature: string;
  /** Whether it may begin before the launch before it has ended (waitForLaunchesBefore, native/cuda/ptx.cuh). */
  readonly overlaps: boolean;
  /** Whether all of its blocks must run at once, because they wait for each other. */
  readonly cooperative: boolean;
}

/**
 * @param signature one letter a parameter: p address (0 is null), i int32, u uint32, f float32
 * @param overlaps whether the kernel calls waitForLaunchesBefore before it reads what others write. Default false
 * @param cooperative whether all of its blocks must run at once. Default false
 */
export function cudaKernel(
  file: string,
  name: string,
  signature: string,
  overlaps = false,
  cooperative = false,
): CudaKernel {
  return { file, name, signature, overlaps, cooperative };
}

/** A kernel that exists for both storages of the activations: `kernels.bfloat16` is `<name>_bfloat16`. */
export function cudaKernels(
  file: string,
  name: string,
  signature: string,
  overlaps = false,
): Record<Storage, CudaKernel> {
  return {
    float32: cudaKernel(file, `${name}_float32`, signature, overlaps),
    bfloat16: cudaKernel(file, `${name}_bfloat16`, signature, overlaps),
  };
}
