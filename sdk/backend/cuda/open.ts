import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../packageRoot.ts";
import { Cuda, pathOf } from "./cuda.ts";
import type { CudaDeviceInfo, CudaDriver } from "./driver.ts";
import type { Storage } from "./kernel.ts";
import { type CompileOptions, compileKernels, nvrtcProblem } from "./nvrtc.ts";

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
  if (runsOn(device.computeCapability, kernelTargets(kernels))) return undefined;
  const noCompiler = nvrtcProblem(driver, device);
  const library = `nvidia-cuda-nvrtc${device.driver.startsWith("12.") ? "-cu12" : ""}`;
  return (
    noCompiler &&
    `${device.name} is there, but no kernels for it: ${whatIsIn(kernels)}, and NVRTC, which would compile them, is of no use (${noCompiler}). Install NVRTC (pip install ${library}, which PyTorch brings too, or the CUDA toolkit's libnvrtc), or name its libnvrtc.so in MISTRAL_LAB_NVRTC; or install nvcc and run \`npm rebuild mistral-lab\``
  );
}

function whatIsIn(kernels: string): string {
  const { machine, portable } = kernelTargets(kernels);
  const all = [...machine, ...portable].join(", ");
  return all === "" ? `${kernels} has none` : `${kernels}, built for ${all}`;
}

export interface OpenOptions extends CompileOptions {
  /** Folder whose `flags.txt` says for which GPUs there are kernels. Default: where the build puts them. */
  built?: string;
}

/**
 * The first GPU, or the one that CUDA_VISIBLE_DEVICES puts first. Its kernels are those that the package carries, or
 * that were built when it was installed; where there are none for this card, NVRTC compiles them.
 *
 * @throws where `cudaProblem` says why, and when a kernel does not compile, or the driver does not take it
 */
export async function openCuda(
  driver: CudaDriver,
  activation: Storage,
  { built = kernelFolder(), ...options }: OpenOptions = {},
): Promise<Cuda> {
  const [device] = driver.devices();
  if (runsOn(device.computeCapability, kernelTargets(built))) {
    driver.open(0);
    return new Cuda(driver, device, activation, whatIsIn(built));
  }
  const { images, origin } = await compileKernels(driver, device, options);
  driver.open(0);
  for (const [file, image] of images) load(driver, device, file, image, origin);
  return new Cuda(driver, device, activation, origin);
}

function load(
  driver: CudaDriver,
  device: CudaDeviceInfo,
  file: string,
  image: Uint8Array,
  origin: string,
): void {
  try {
    driver.load(pathOf(file), image);
  } catch (error) {
    throw new Error(
      `native/cuda/${file}.cu: the driver (CUDA ${device.driver}) does not take it, ${origin}: ` +
        `${(error as Error).message}. Update the driver, or name an older libnvrtc.so in MISTRAL_LAB_NVRTC`,
      { cause: error },
    );
  }
}
