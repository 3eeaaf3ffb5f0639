import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../packageRoot.ts";
import { Cuda } from "./cuda.ts";
import type { CudaDriver } from "./driver.ts";
import type { Storage } from "./kernel.ts";

/** Turing, times ten: the oldest that CUDA 13 compiles for. */
const OLDEST_CAPABILITY = 75;

/** Where the compiled kernels are. */
export function kernelFolder(): string {
  return join(packageRoot(), "build", "native", "cuda");
}

/** The GPUs that kernels were compiled for: by machine code ("sm_90"), and by code that the driver compiles itself. */
export interface KernelTargets {
  machine: string[];
  portable: string[];
}

export function kernelTargets(folder = kernelFolder()): KernelTargets {
  const file = join(folder, "flags.txt");
  const flags = existsSync(file) ? readFileSync(file, "utf8") : "";
  const found = [...flags.matchAll(/code=((?:sm|compute)_\d+)/g)].map(([, target]) => target);
  return {
    machine: found.filter((target) => target.startsWith("sm_")),
    portable: found.filter((target) => target.startsWith("compute_")),
  };
}

/** Whether kernels for these targets run on a GPU: machine code of its generation, or portable code of an older one. */
export function runsOn(
  [major, minor]: readonly [number, number],
  { machine, portable }: KernelTargets,
): boolean {
  const own = 10 * major + minor;
  const number = (target: string) => Number(target.slice(target.indexOf("_") + 1));
  return (
    machine.map(number).some((built) => Math.floor(built / 10) === major && built <= own) ||
    portable.map(number).some((built) => built <= own)
  );
}

/**
 * Why no GPU can be used, with the next step; undefined when one can.
 *
 * @param kernels folder of the compiled kernels
 */
export function cudaProblem(driver: CudaDriver, kernels = kernelFolder()): string | undefined {
  const problem = driver.problem();
  if (problem !== null) return problem;
  const [device] = driver.devices();
  const [major, minor] = device.computeCapability;
  if (10 * major + minor < OLDEST_CAPABILITY) {
    return `${device.name} has compute capability ${major}.${minor}, which CUDA 13 does not compile for any more: 7.5 (Turing) or newer is needed; use device "native"`;
  }
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
