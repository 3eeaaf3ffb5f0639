/** Flags that commands share, and how numbers on the command line are read. */
import { InvalidArgumentError, Option } from "commander";
import type { Compute, Device } from "../index.ts";

/** Every device of this version, with a word for the help. The type makes a forgotten one a compile error. */
export const DEVICE_HELP: Record<Device, string> = {
  auto: "the fastest there is",
  cuda: "an NVIDIA GPU",
  native: "the CPU addon",
  tensorflow: "TensorFlow, where the project has installed it",
  cpu: "plain tfjs, slow",
};

export function deviceOption(): Option {
  const words = Object.entries(DEVICE_HELP).map(([name, text]) => `${name} = ${text}`);
  return new Option("--device <name>", `where to compute: ${words.join(", ")}`)
    .argParser(device)
    .default("auto", "auto");
}

function device(text: string): Device {
  const names = Object.keys(DEVICE_HELP);
  if (!names.includes(text)) throw new InvalidArgumentError(`This version has ${names.join(", ")}.`);
  return text as Device;
}

/** No import of `COMPUTES`: help and typing errors answer without loading tfjs. The type keeps it complete. */
const COMPUTE_HELP: Record<Compute, string> = {
  bfloat16: "rounds the factors of large products, several times faster where the processor has them",
  float32: "exact",
};

export function computeOption(): Option {
  const words = Object.entries(COMPUTE_HELP).map(([name, text]) => `${name} = ${text}`);
  return new Option("--compute <type>", `arithmetic of training: ${words.join(", ")}`)
    .argParser(compute)
    .default("bfloat16", "bfloat16");
}

function compute(text: string): Compute {
  if (!Object.hasOwn(COMPUTE_HELP, text)) {
    throw new InvalidArgumentError(`Expected ${Object.keys(COMPUTE_HELP).join(" or ")}.`);
  }
  return text as Compute;
}

export function jsonOption(what: string): Option {
  return new Option("--json", `print JSON lines only, for other programs: ${what}`);
}

interface Limits {
  min?: number;
  max?: number;
  /** Limits that are not allowed themselves. */
  above?: number;
  below?: number;
}

/** A parser of whole numbers, for `Option.argParser`. */
export function whole(limits: Limits = {}): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || outside(value, limits)) {
      throw new InvalidArgumentError(`Expected a whole number${describe(limits)}.`);
    }
    return value;
  };
}

/** A parser of numbers such as 0.05 and 2e-4, for `Option.argParser`. */
export function real(limits: Limits = {}): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || outside(value, limits)) {
      throw new InvalidArgumentError(`Expected a number${describe(limits)}.`);
    }
    return value;
  };
}

function outside(value: number, { min, max, above, below }: Limits): boolean {
  return (
    (min !== undefined && value < min) ||
    (max !== undefined && value > max) ||
    (above !== undefined && value <= above) ||
    (below !== undefined && value >= below)
  );
}

function describe({ min, max, above, below }: Limits): string {
  const parts: string[] = [];
  if (min !== undefined) parts.push(`of at least ${min}`);
  if (above !== undefined) parts.push(`above ${above}`);
  if (max !== undefined) parts.push(`at most ${max}`);
  if (below !== undefined) parts.push(`below ${below}`);
  return parts.length > 0 ? ` ${parts.join(" and ")}` : "";
}
