/** The norm over all gradients of a step on the GPU. */
import { sizeOf } from "../../backend/cuda/cuda.ts";
import { cudaKernel } from "../../backend/cuda/kernel.ts";
import { uploadList } from "../../backend/cuda/tensorList.ts";
import type { Cuda, CudaTensor } from "../op.ts";

const SUM_SQUARES = cudaKernel("elementwise", "sumSquares", "ppp");
const ROOT_OF_SUM = cudaKernel("elementwise", "rootOfSum", "pip");

/** float32 [1]: the norm. */
export function gradientNormOnGpu(cuda: Cuda, gradients: readonly CudaTensor[]): CudaTensor {
  const tensors = gradients.map((gradient) => ({
    addresses: [cuda.as(gradient, "float32").address],
    count: sizeOf(gradient.shape),
  }));
  const { list, parts, blocks } = uploadList(cuda, tensors);
  const partial = cuda.scratch(blocks * 8);
  if (blocks > 0) cuda.launch(SUM_SQUARES, blocks, 256, [list, parts, partial]);
  const result = cuda.allocate([1], "float32");
  cuda.launch(ROOT_OF_SUM, 1, 1024, [partial, blocks, result.address]);
  return result;
}
