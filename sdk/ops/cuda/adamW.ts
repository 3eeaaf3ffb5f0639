/** AdamW on the GPU: one launch for all parameters of a step. */
import { sizeOf } from "../../backend/cuda/cuda.ts";
import { cudaKernel } from "../../backend/cuda/kernel.ts";
import { uploadList } from "../../backend/cuda/tensorList.ts";
import type { Cuda, CudaTensor } from "../op.ts";

const ADAM_W = cudaKernel("adamW", "adamW", "ppfffffffff");

/** All of one shape and in float32; all but `grad` are written over. */
export interface CudaParameter {
  param: CudaTensor;
  grad: CudaTensor;
  m: CudaTensor;
  v: CudaTensor;
  weightDecay: number;
}

export interface AdamWLaunch {
  /** 1 for the first update. */
  step: number;
  /** Multiplies the gradients. */
  gradScale: number;
  learningRate: number;
  beta1: number;
  beta2: number;
  eps: number;
}

export function adamWLaunch(cuda: Cuda, parameters: readonly CudaParameter[], options: AdamWLaunch): void {
  const { step, gradScale, learningRate, eps } = options;
  const tensors = parameters.map(({ param, grad, m, v, weightDecay }) => ({
    addresses: [param, grad, m, v].map(({ address }) => address),
    count: sizeOf(param.shape),
    extra: weightDecay,
  }));
  const { list, parts, blocks } = uploadList(cuda, tensors);
  if (blocks === 0) return;
  // The betas are floats, as in the native kernels; the corrections would lose half of their digits as such.
  const [beta1, beta2] = [Math.fround(options.beta1), Math.fround(options.beta2)];
  const stepSize = learningRate / (1 - beta1 ** step);
  const inverseRoot = 1 / Math.sqrt(1 - beta2 ** step);
  const moments = [beta1, 1 - beta1, beta2, 1 - beta2, stepSize, inverseRoot, eps];
  cuda.launch(ADAM_W, blocks, 256, [list, parts, gradScale, learningRate, ...moments]);
}
