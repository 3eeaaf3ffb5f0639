/** Chooses the tfjs backend that everything runs on. One device at a time, for the whole process. */

import { freemem } from "node:os";
import * as tf from "@tensorflow/tfjs";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { z } from "zod";
import { checkOptions } from "../options.ts";
import { type Addon, BFLOAT16_ISAS } from "./addon.ts";
import { registerCudaBackend } from "./cuda/backend.ts";
import type { Cuda } from "./cuda/cuda.ts";
import { cudaProblem, openCuda } from "./cuda/open.ts";
import { denseCache } from "./denseCache.ts";
import { addonProblem, loadAddon } from "./loadAddon.ts";
import { registerNativeBackend, silenceFirstUse } from "./native.ts";
import { showTensors } from "./showTensors.ts";
import { loadTensorflow } from "./tensorflow.ts";

/**
 * `auto` takes `cuda` where there is an NVIDIA GPU that can be used, else `native` (the addon's CPU kernels), else `cpu`
 * (plain tfjs, slow). `tensorflow` takes TensorFlow through @tensorflow/tfjs-node-gpu or @tensorflow/tfjs-node, where the
 * project has installed one: see docs/backends.md.
 */
export const DEVICES = ["auto", "cuda", "native", "tensorflow", "cpu"] as const;
/** One of `DEVICES`. */
export type Device = (typeof DEVICES)[number];

/** The device in use, as `useDevice` gives it. */
export interface DeviceInfo {
  /** The tfjs backend in use. */
  device: Exclude<Device, "auto">;
  /** One line for a person: device, instruction set, threads. */
  description: string;
  /** Why a faster device is not used, with the next step; undefined when the best one is. */
  note?: string;
}

/** Arithmetic of large products: exact, or with factors rounded to 16 bits. */
export const COMPUTES = ["float32", "bfloat16"] as const;
export type Compute = (typeof COMPUTES)[number];

/** Options of `useDevice`. */
export interface DeviceOptions {
  /**
   * Arithmetic of large products, and of those with NF4 for single tokens. "float32" is exact and the default of `native`. "bfloat16" rounds the factors to 8
   * bits of mantissa and sums in float32; on `cuda`, where it is the default, activations are stored in it too, and a
   * card before Ampere, which has none, takes "float32" and says so in `note`. On `native` it is about twice as fast
   * where the processor has AVX-512-BF16 or AMX, and the same as "float32" where it has neither.
   */
  compute?: Compute;
  /**
   * Bytes of frozen weights that `tensorflow` and `cpu` keep dequantised (4 bytes a weight); what goes beyond it is
   * dequantised anew for each layer, each time. Default: half of the memory that is free on `tensorflow`, 0 on `cpu`.
   */
  weightCacheBytes?: number;
}

const deviceOptions = z.strictObject({
  compute: z.enum(COMPUTES).optional(),
  weightCacheBytes: z.number().min(0).optional(),
});

let current: DeviceInfo | undefined;

/**
 * Makes `device` the one in use. Without a call, the first `loadModel` chooses `auto`.
 *
 * @throws when the device is unknown, or is asked for by name and not there: never a silent fall back
 */
export async function useDevice(device: Device = "auto", options: DeviceOptions = {}): Promise<DeviceInfo> {
  if (!DEVICES.includes(device)) {
    throw new Error(`device: expected one of ${DEVICES.join(", ")}, got "${device}"`);
  }
  const { compute, weightCacheBytes } = checkOptions("useDevice", deviceOptions, options);
  showTensors();
  denseCache.limit(0);
  if (device === "tensorflow") {
    current = await useTensorflow(weightCacheBytes ?? freemem() / 2);
    return current;
  }
  const addon = device === "cpu" ? undefined : loadAddon();
  if (!addon && device !== "cpu" && device !== "auto") {
    throw new Error(`device "${device}" is not available: ${addonProblem()}`);
  }
  const noCuda = device === "cuda" || device === "auto" ? addon && cudaProblem(addon.cuda) : undefined;
  if (device === "cuda" && noCuda) throw new Error(`device "cuda" is not available: ${noCuda}`);
  if (addon && (device === "cuda" || (device === "auto" && noCuda === undefined))) {
    current = await useCuda(addon, compute ?? "bfloat16");
  } else if (addon) {
    current = await useNative(addon, compute ?? "float32");
    // A machine without a GPU lacks nothing.
    if (noCuda !== undefined && !noCuda.startsWith("no NVIDIA driver")) current.note = noCuda;
  } else {
    await tf.setBackend("cpu");
    silenceFirstUse(tf.backend() as MathBackendCPU);
    denseCache.limit(weightCacheBytes ?? 0);
    const note = device === "cpu" ? undefined : `no native addon: ${addonProblem()}`;
    current = { device: "cpu", description: "plain tfjs on the CPU (slow)", note };
  }
  return current;
}

/** A process opens one GPU once. */
let opened: Promise<Cuda> | undefined;

async function useCuda(addon: Addon, wanted: Compute): Promise<DeviceInfo> {
  opened ??= openCuda(addon.cuda, wanted);
  // Not in the backend's factory: tfjs would print what goes wrong there, and go on with another backend.
  const cuda = await opened;
  registerCudaBackend(() => cuda);
  await tf.setBackend("cuda");
  const compute = cuda.hasBfloat16 ? wanted : "float32";
  cuda.activation = compute;
  const noBlas =
    cuda.blasProblem && `no cuBLASLt (${cuda.blasProblem}): products run on this package's own kernels`;
  const { name, computeCapability, totalBytes, driver } = cuda.device;
  const capability = computeCapability.join(".");
  const noBfloat16 =
    compute !== wanted &&
    `${name} has compute capability ${capability}, without bfloat16 (8.0, Ampere): it computes in float32, which is slower and takes twice the memory`;
  const gib = (totalBytes / 2 ** 30).toFixed(0);
  return {
    device: "cuda",
    description: `${name} (${gib} GiB, compute ${capability}, driver for CUDA ${driver}, ${compute})`,
    note: [noBfloat16, noBlas].filter((note) => note).join("; ") || undefined,
  };
}

async function useTensorflow(weightCacheBytes: number): Promise<DeviceInfo> {
  const { name, version, gpu } = await loadTensorflow();
  await tf.setBackend("tensorflow");
  denseCache.limit(weightCacheBytes);
  const cached = (weightCacheBytes / 2 ** 30).toFixed(1);
  return {
    device: "tensorflow",
    description: `TensorFlow${version ? ` ${version}` : ""} through ${name} (${gpu ? "GPU" : "CPU"}, float32; up to ${cached} GiB of dequantised weights are kept)`,
  };
}

async function useNative(addon: Addon, compute: Compute): Promise<DeviceInfo> {
  registerNativeBackend(addon);
  await tf.setBackend("native");
  addon.setComputeType(compute);
  const { isa, threads } = addon.info();
  const products = BFLOAT16_ISAS.includes(isa) ? `, ${compute} products` : "";
  return { device: "native", description: `native CPU addon (${isa}, ${threads} threads${products})` };
}

/** The device in use; chooses `auto` where none was chosen yet. */
export async function ensureDevice(): Promise<DeviceInfo> {
  return current ?? useDevice("auto");
}
