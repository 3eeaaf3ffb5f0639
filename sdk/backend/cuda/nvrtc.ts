/**
 * Kernels for a card that this package brings none for: NVRTC, where it is installed, compiles native/cuda at the first
 * use, and a cache keeps what came of it. A cached image that is not whole is made again: a checksum tells. The cache saves
 * time and nothing else; without it everything works.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { cacheFolder, makeFolder, writeWhole } from "../../files.ts";
import { packageRoot } from "../packageRoot.ts";
import type { CudaDeviceInfo, CudaDriver } from "./driver.ts";

/** Bytes of SHA-256 behind the image in a file of the cache. */
const DIGEST_BYTES = 32;

export interface CompileOptions {
  /** Folder of cuda/*.cu. Default: this package's native. */
  sources?: string;
  /** Default: `kernels` in this package's folder of caches. */
  cache?: string;
  /** Called before the first file is compiled and after each one. Default: a line on stderr. */
  onProgress?(text: string, done: number, total: number): void;
  /** What a person should know. Default: console.warn. */
  onNote?(text: string): void;
}

export interface CompiledKernels {
  /** By the stem of their file. */
  images: Map<string, Uint8Array>;
  /** How they were made, for a person. */
  origin: string;
}

/**
 * What NVRTC should compile for, of a card: its own machine code, which needs no newer driver than the card itself; or,
 * by an NVRTC that is older than the card, PTX for the newest generation before it. undefined: it can do neither.
 */
export function nvrtcTarget(
  [major, minor]: readonly [number, number],
  targets: readonly number[],
): string | undefined {
  const own = 10 * major + minor;
  // The instructions of Hopper alone (wgmma) are in sm_90a.
  if (targets.includes(own)) return `sm_${own}${own === 90 ? "a" : ""}`;
  const older = targets.filter((target) => target < own);
  return older.length > 0 ? `compute_${Math.max(...older)}` : undefined;
}

/** Why NVRTC cannot compile for the card; undefined when it can. */
export function nvrtcProblem(driver: CudaDriver, { computeCapability }: CudaDeviceInfo): string | undefined {
  const { version, path, targets = [], problem } = driver.nvrtc();
  if (problem !== undefined || nvrtcTarget(computeCapability, targets) !== undefined) return problem;
  return `NVRTC ${version} (${path}) compiles for no card like it`;
}

/**
 * The kernels of all files, out of the cache or compiled, as many at a time as there are processors.
 *
 * @throws what NVRTC says of the first file that it does not compile
 */
export async function compileKernels(
  driver: CudaDriver,
  device: CudaDeviceInfo,
  options: CompileOptions = {},
): Promise<CompiledKernels> {
  const { version, path, targets = [], problem } = driver.nvrtc();
  const target = nvrtcTarget(device.computeCapability, targets);
  if (problem !== undefined || target === undefined) throw new Error(nvrtcProblem(driver, device));
  const { kernels, headers } = readSources(options.sources ?? join(packageRoot(), "native"));
  const cache = new ImageCache(options.cache ?? join(cacheFolder(), "kernels"), options.onNote);
  // A lambda in a kernel is the device's, as for nvcc.
  const flags = `--gpu-architecture=${target} --std=c++17 --device-as-default-execution-space`;
  const common = [version, flags, ...headers];
  const images = new Map<string, Uint8Array>();
  const missing: { stem: string; source: string; file: string }[] = [];
  for (const [stem, source] of kernels) {
    const key = createHash("sha256")
      .update(JSON.stringify([...common, source]))
      .digest("hex");
    const file = `${stem}-${target}-${key.slice(0, 16)}`;
    const image = cache.read(file);
    if (image) images.set(stem, image);
    else missing.push({ stem, source, file });
  }
  const cached = images.size;
  const { onProgress = showProgress } = options;
  const progress = () =>
    onProgress(
      `compiling GPU kernels for ${target} with NVRTC ${version}, once`,
      images.size - cached,
      kernels.length - cached,
    );
  if (missing.length > 0) progress();
  const worker = async () => {
    for (let job = missing.shift(); job; job = missing.shift()) {
      const { stem, source, file } = job;
      const image = await driver.compile(flags, `${stem}.cu`, source, ...headers).catch((error: Error) => {
        missing.length = 0; // the others stop too
        throw new Error(
          `native/cuda/${stem}.cu: NVRTC ${version} (${path}) does not compile it for ${target}: ` +
            `${firstLines(error.message)}\nName another libnvrtc.so in MISTRAL_LAB_NVRTC, or install nvcc and run ` +
            "`npm rebuild mistral-lab`",
          { cause: error },
        );
      });
      images.set(stem, image);
      cache.write(file, image);
      progress();
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  const kept = cache.isBroken ? `not kept, as ${cache.folder} cannot be written` : `cache ${cache.folder}`;
  const origin = `compiled by NVRTC ${version} (${path}) for ${target}; ${kept}, ${cached} of ${kernels.length} were there`;
  return { images, origin };
}

/** Files of the cache, each an image and its checksum. */
class ImageCache {
  isBroken = false;

  constructor(
    readonly folder: string,
    private readonly note: (text: string) => void = console.warn,
  ) {}

  /** undefined where there is none, or a damaged one. */
  read(name: string): Uint8Array | undefined {
    let bytes: Buffer;
    try {
      bytes = readFileSync(join(this.folder, name));
    } catch {
      return undefined; // most often there is none yet; whatever it is, the kernel is compiled
    }
    const image = bytes.subarray(0, -DIGEST_BYTES);
    return digestOf(image).equals(bytes.subarray(-DIGEST_BYTES)) ? image : undefined;
  }

  write(name: string, image: Uint8Array): void {
    if (this.isBroken) return;
    try {
      makeFolder(this.folder);
      writeWhole(join(this.folder, name), Buffer.concat([image, digestOf(image)]));
    } catch (error) {
      this.isBroken = true;
      this.note(
        `GPU kernels cannot be kept (${(error as Error).message}) and will be compiled again next time: make room, or name a folder that can be written in XDG_CACHE_HOME`,
      );
    }
  }
}

function digestOf(image: Uint8Array): Buffer {
  return createHash("sha256").update(image).digest();
}

/** Stem and text of each kernel file; name and text of all headers, by turns, as `compile` takes them. */
function readSources(folder: string): { kernels: [string, string][]; headers: string[] } {
  const read = (...path: string[]) => readFileSync(join(folder, ...path), "utf8");
  const names = readdirSync(join(folder, "cuda")).sort();
  const headers = names.filter((name) => name.endsWith(".cuh")).flatMap((name) => [name, read("cuda", name)]);
  return {
    kernels: names
      .filter((name) => name.endsWith(".cu"))
      .map((name) => [basename(name, ".cu"), read("cuda", name)]),
    headers: [...headers, "../nf4Tables.h", read("nf4Tables.h")],
  };
}

/** One line, in place on a terminal; elsewhere the first and the last. */
function showProgress(text: string, done: number, total: number): void {
  const line = `${text}: ${done} of ${total}`;
  if (process.stderr.isTTY) process.stderr.write(`\r${line}${done === total ? "\n" : ""}`);
  else if (done === 0 || done === total) console.warn(line);
}

function firstLines(text: string): string {
  const lines = text.trim().split("\n");
  return lines.slice(0, 8).join("\n") + (lines.length > 8 ? `\n(${lines.length - 8} more lines)` : "");
}
