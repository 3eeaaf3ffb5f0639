/** AdamW on the GPU: one launch for all parameters of a step. */
import { sizeOf } from "../../backend/cuda/cuda.ts";
import { cudaKernel } from "../../backend/cuda/kernel.ts";
import { uploadList } from "../../backend/cuda/tensorList.ts";
import type { Cuda, CudaTensor } from "../op.ts";

const ADAM_W = cudaKernel("adamW", "adamW", "pppfffffffff");

/** All of one shape and in float32. The new tensors may be the old ones. */
export interface AdamWParameter {
  param: CudaTensor;
  grad: CudaTensor;
  m: CudaTensor;
  v: CudaTensor;
  newParam: CudaTensor;
  newM: CudaTensor;
  newV: CudaTensor;
  weightDecay: number;
}

export interface AdamWLaunch {
  /** 1 for the first update. */
  step: number;
  /** Multiplies the gradients, */
  gradScale: number;
  /**
   * and so does this float32 on the device, where given: the second value of `gradientNorm`. Where it is not finite,
   * every parameter stays as it is.
   */
  deviceScale?: number;
  learningRate: number;
  beta1: number;
  beta2: number;
  eps: number;
}

export function adamWLaunch(cuda: Cuda, parameters: readonly AdamWParameter[], options: AdamWLaunch): void {
  const { step, gradScale, deviceScale = 0, learningRate, eps } = options;
  const tensors = parameters.map(({ param, grad, m, v, newParam, newM, newV, weightDecay }) => ({
    addresses: [param, grad, m, v, newParam, newM, newV].map(({ address }) => address),
    count: sizeOf(param.shape),
    extra: weightDecay,
  }));
  const { list, parts, blocks } = uploadList(cuda, tensors);
  if (blocks === 0) return;
  // The betas are floats, as in the native kernels; the corrections would lose half of their digits as such.
  const [beta1, beta2] = [Math.fround(options.beta1), Math.fround(options.beta2)];
  const stepSize = learningRate / (1 - beta1 ** step);
  const inverseRoot = 1 / Math.sqrt(1 - beta2 ** step);
  const args = [list, parts, deviceScale, gradScale, learningRate];
  cuda.launch(ADAM_W, blocks, 256, [
    ...args,
    ...[beta1, 1 - beta1, beta2, 1 - beta2, stepSize, inverseRoot, eps],
  ]);
}
