/** Chooses the tfjs backend that everything runs on. One device at a time, for the whole process. */
import * as tf from "@tensorflow/tfjs";
import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { addonProblem, loadAddon } from "./loadAddon.ts";
import { registerNativeBackend, silenceFirstUse } from "./native.ts";

/** `auto` takes `native` where the addon was built and `cpu` (plain tfjs, slow) where it was not. */
export const DEVICES = ["auto", "native", "cpu"] as const;
export type Device = (typeof DEVICES)[number];

export interface DeviceInfo {
  /** The tfjs backend in use. */
  device: Exclude<Device, "auto">;
  /** One line for a person: device, instruction set, threads. */
  description: string;
  /** Why a faster device is not used, with the next step; undefined when the best one is. */
  note?: string;
}

export interface DeviceOptions {
  /**
   * How `native` multiplies matrices of more than a few rows. "float32" (default) is exact; "bfloat16" rounds the
   * factors to 8 bits of mantissa and sums in float32: about twice as fast where the processor has AVX-512-BF16,
   * the same as "float32" where it has not.
   */
  compute?: "float32" | "bfloat16";
}

let current: DeviceInfo | undefined;

/**
 * Makes `device` the one in use. Without a call, the first `loadModel` chooses `auto`.
 *
 * @throws when the device is unknown, or is asked for by name and not there: never a silent fall back
 */
export async function useDevice(
  device: Device = "auto",
  { compute = "float32" }: DeviceOptions = {},
): Promise<DeviceInfo> {
  if (!DEVICES.includes(device)) {
    throw new Error(`device: expected one of ${DEVICES.join(", ")}, got "${device}"`);
  }
  const addon = device === "cpu" ? undefined : loadAddon();
  if (device === "native" && !addon) throw new Error(`device "native" is not available: ${addonProblem()}`);
  if (addon) {
    registerNativeBackend(addon);
    await tf.setBackend("native");
    addon.setComputeType(compute);
    const { isa, threads } = addon.info();
    const products = isa === "avx512bf16" ? `, ${compute} products` : "";
    current = { device: "native", description: `native CPU addon (${isa}, ${threads} threads${products})` };
  } else {
    await tf.setBackend("cpu");
    silenceFirstUse(tf.backend() as MathBackendCPU);
    const note = device === "cpu" ? undefined : `no native addon: ${addonProblem()}`;
    current = { device: "cpu", description: "plain tfjs on the CPU (slow)", note };
  }
  return current;
}

/** The device in use; chooses `auto` where none was chosen yet. */
export async function ensureDevice(): Promise<DeviceInfo> {
  return current ?? useDevice("auto");
}
