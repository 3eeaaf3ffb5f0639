/** The norm over all gradients of a step, and what clipping makes of it, without a look at either by the host. */
import { sizeOf } from "../../backend/cuda/cuda.ts";
import { cudaKernel } from "../../backend/cuda/kernel.ts";
import { uploadList } from "../../backend/cuda/tensorList.ts";
import type { Cuda, CudaTensor } from "../op.ts";

const SUM_SQUARES = cudaKernel("elementwise", "sumSquares", "ppp");
const GRADIENT_NORM = cudaKernel("elementwise", "gradientNorm", "piffp");

/**
 * @param scale of every gradient: one over the trained tokens
 * @param maxNorm 0: gradients are not clipped
 * @returns float32 [2]: the norm of the scaled gradients, and the factor for AdamW, which is scale times what brings the
 * norm down to maxNorm; NaN where the norm is not finite
 */
export function gradientNorm(
  cuda: Cuda,
  gradients: readonly CudaTensor[],
  scale: number,
  maxNorm: number,
): CudaTensor {
  const tensors = gradients.map((gradient) => ({
    addresses: [cuda.as(gradient, "float32").address],
    count: sizeOf(gradient.shape),
  }));
  const { list, parts, blocks } = uploadList(cuda, tensors);
  const partial = cuda.scratch(blocks * 8);
  if (blocks > 0) cuda.launch(SUM_SQUARES, blocks, 256, [list, parts, partial]);
  const result = cuda.allocate([2], "float32");
  cuda.launch(GRADIENT_NORM, 1, 1024, [partial, blocks, scale, maxNorm, result.address]);
  return result;
}
