import { existsSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../packageRoot.ts";
import { Cuda } from "./cuda.ts";
import type { CudaDriver } from "./driver.ts";
import type { Storage } from "./kernel.ts";

/** Ampere: the first with bfloat16 products. */
const OLDEST_CAPABILITY = 8;

/** Why no GPU can be used, with the next step; undefined when one can. */
export function cudaProblem(driver: CudaDriver): string | undefined {
  const problem = driver.problem();
  if (problem !== null) return problem;
  const [device] = driver.devices();
  const [major, minor] = device.computeCapability;
  if (major < OLDEST_CAPABILITY) {
    return `${device.name} has compute capability ${major}.${minor}, and 8.0 (Ampere) or newer is needed; use device "native"`;
  }
  const kernels = join(packageRoot(), "build", "native", "cuda");
  if (!existsSync(kernels)) {
    return `${device.name} is there, but its kernels (${kernels}) are not: install the CUDA toolkit (nvcc) and run \`npm rebuild\``;
  }
  return undefined;
}

/** The first GPU, or the one that CUDA_VISIBLE_DEVICES puts first. */
export function openCuda(driver: CudaDriver, activation: Storage): Cuda {
  driver.open(0);
  return new Cuda(driver, driver.devices()[0], activation);
}
