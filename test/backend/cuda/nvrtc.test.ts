import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CudaDeviceInfo, CudaDriver } from "../../../sdk/backend/cuda/driver.ts";
import {
  type CompileOptions,
  compileKernels,
  nvrtcProblem,
  nvrtcTarget,
} from "../../../sdk/backend/cuda/nvrtc.ts";
import { inFolder } from "../../inFolder.ts";

const hopper = { name: "Card", computeCapability: [9, 0], driver: "13.0" } as unknown as CudaDeviceInfo;

/** A driver whose NVRTC makes "target: source" of everything, and notes what it was asked for. */
function driverOf(version = "13.0", targets = [75, 80, 86, 89, 90, 100]) {
  const compiled: string[] = [];
  const compile = async (options: string, name: string, source: string) => {
    const [, target] = /--gpu-architecture=(\w+) /.exec(options)!;
    compiled.push(name);
    if (source.includes("#error"))
      throw new Error(`NVRTC_ERROR_COMPILATION\n${name}(1): error: #error directive`);
    return new TextEncoder().encode(`${target}: ${source}`);
  };
  const nvrtc = () => ({ version, path: "/cuda/libnvrtc.so.13", targets });
  return { driver: { nvrtc, compile } as unknown as CudaDriver, compiled };
}

/** Folders of three kernels and of a cache, and a function that compiles them. */
function inSources(use: (at: { native: string; cache: string; options: CompileOptions }) => Promise<void>) {
  return inFolder(async (dir) => {
    const [native, cache] = [join(dir, "native"), join(dir, "cache")];
    mkdirSync(join(native, "cuda"), { recursive: true });
    for (const file of ["a.cu", "b.cu", "c.cu", "common.cuh"])
      writeFileSync(join(native, "cuda", file), file);
    writeFileSync(join(native, "nf4Tables.h"), "tables");
    await use({ native, cache, options: { sources: native, cache, onProgress: () => {} } });
  });
}

const textOf = (image: Uint8Array | undefined) => new TextDecoder().decode(image);

describe("kernels compiled by NVRTC", () => {
  it("are machine code of the card, or PTX by an NVRTC that is older than the card", () => {
    const targets = [75, 80, 86, 89, 90];
    assert.equal(nvrtcTarget([9, 0], targets), "sm_90a");
    assert.equal(nvrtcTarget([8, 6], targets), "sm_86");
    assert.equal(nvrtcTarget([12, 0], targets), "compute_90");
    assert.equal(nvrtcTarget([8, 7], targets), "compute_86");
    assert.equal(nvrtcTarget([7, 0], targets), undefined);
    const { driver } = driverOf("13.0", [100]);
    assert.equal(
      nvrtcProblem(driver, hopper),
      "NVRTC 13.0 (/cuda/libnvrtc.so.13) compiles for no card like it",
    );
    const absent = { nvrtc: () => ({ problem: "libnvrtc.so is nowhere" }) } as unknown as CudaDriver;
    assert.equal(nvrtcProblem(absent, hopper), "libnvrtc.so is nowhere");
    assert.equal(nvrtcProblem(driverOf().driver, hopper), undefined);
  });

  it("are compiled once, and again when their file, a header, the card or NVRTC is another one", () =>
    inSources(async ({ native, cache, options }) => {
      const expectCompiled = async (files: string[], device = hopper, version = "13.0") => {
        const { driver, compiled } = driverOf(version);
        const { images, origin } = await compileKernels(driver, device, options);
        assert.deepEqual(compiled.sort(), files);
        assert.deepEqual([...images.keys()].sort(), ["a", "b", "c"]);
        const target = nvrtcTarget(device.computeCapability, driver.nvrtc().targets!);
        for (const [stem, image] of images) {
          const source = readFileSync(join(native, "cuda", `${stem}.cu`), "utf8");
          assert.equal(textOf(image), `${target}: ${source}`);
        }
        const there = `${3 - files.length} of 3 were there`;
        assert.equal(
          origin,
          `compiled by NVRTC ${version} (/cuda/libnvrtc.so.13) for ${target}; cache ${cache}, ${there}`,
        );
      };
      const all = ["a.cu", "b.cu", "c.cu"];
      await expectCompiled(all);
      await expectCompiled([]);
      appendFileSync(join(native, "cuda", "b.cu"), " changed");
      await expectCompiled(["b.cu"]);
      appendFileSync(join(native, "cuda", "common.cuh"), " changed");
      await expectCompiled(all);
      await expectCompiled(all, { ...hopper, computeCapability: [8, 0] });
      await expectCompiled(all, hopper, "13.1");
      await expectCompiled([]);
    }));

  it("are made again where the cache's file is damaged, truncated or empty, and mended there", () =>
    inSources(async ({ cache, options }) => {
      await compileKernels(driverOf().driver, hopper, options);
      const [a, b, c] = readdirSync(cache)
        .sort()
        .map((name) => join(cache, name));
      const bytes = readFileSync(a);
      bytes[3] ^= 1;
      writeFileSync(a, bytes);
      truncateSync(b, readFileSync(b).length - 1);
      truncateSync(c);
      const second = driverOf();
      const { images } = await compileKernels(second.driver, hopper, options);
      assert.deepEqual(second.compiled.sort(), ["a.cu", "b.cu", "c.cu"]);
      assert.equal(textOf(images.get("a")), "sm_90a: a.cu");
      const third = driverOf();
      assert.equal(
        textOf((await compileKernels(third.driver, hopper, options)).images.get("a")),
        "sm_90a: a.cu",
      );
      assert.deepEqual(third.compiled, []);
    }));

  it("work without a cache that can be written, which is said once", () =>
    inSources(async ({ native, options }) => {
      const notes: string[] = [];
      // A file where a folder is wanted: for root a read-only folder is none.
      const cache = join(native, "nf4Tables.h");
      const { driver } = driverOf();
      const onNote = (text: string) => notes.push(text);
      const { images, origin } = await compileKernels(driver, hopper, { ...options, cache, onNote });
      assert.equal(images.size, 3);
      assert.equal(notes.length, 1);
      assert.match(
        notes[0],
        /^GPU kernels cannot be kept \(.*nf4Tables\.h: the folder cannot be made \(.*\); choose another one\) and will be compiled again next time: make room, or name a folder that can be written in XDG_CACHE_HOME$/,
      );
      assert.match(origin, /; not kept, as .*nf4Tables\.h cannot be written, 0 of 3 were there$/);
    }));

  it("say what NVRTC says of a file that does not compile, and are all there at the next try", () =>
    inSources(async ({ native, cache, options }) => {
      writeFileSync(join(native, "cuda", "b.cu"), "#error");
      await assert.rejects(compileKernels(driverOf().driver, hopper, options), {
        message:
          "native/cuda/b.cu: NVRTC 13.0 (/cuda/libnvrtc.so.13) does not compile it for sm_90a: NVRTC_ERROR_COMPILATION\n" +
          "b.cu(1): error: #error directive\nName another libnvrtc.so in MISTRAL_LAB_NVRTC, or install nvcc and run `npm rebuild mistral-lab`",
      });
      assert.ok(!readdirSync(cache).some((name) => name.startsWith("b-")));
      writeFileSync(join(native, "cuda", "b.cu"), "mended");
      const { images } = await compileKernels(driverOf().driver, hopper, options);
      assert.equal(textOf(images.get("b")), "sm_90a: mended");
    }));

  it("tell how far they are, and nothing where all were in the cache", () =>
    inSources(async ({ options }) => {
      const told: string[] = [];
      const onProgress = (text: string, done: number, total: number) =>
        told.push(`${text}: ${done} of ${total}`);
      for (let i = 0; i < 2; i++) await compileKernels(driverOf().driver, hopper, { ...options, onProgress });
      assert.deepEqual(
        told,
        [0, 1, 2, 3].map((done) => `compiling GPU kernels for sm_90a with NVRTC 13.0, once: ${done} of 3`),
      );
    }));
});
