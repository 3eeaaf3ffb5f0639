import type { Device } from "../sdk/backend/device.ts";
import { loadAddon } from "../sdk/backend/loadAddon.ts";

/** The fastest device of the host, also on a machine with a GPU: a test of the GPU names it. */
export const HOST: Device = loadAddon() ? "native" : "cpu";
