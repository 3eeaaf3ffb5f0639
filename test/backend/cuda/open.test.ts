import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CudaDriver } from "../../../sdk/backend/cuda/driver.ts";
import { cudaProblem, kernelTargets, openCuda, runsOn } from "../../../sdk/backend/cuda/open.ts";
import { addonPath, loadAddon } from "../../../sdk/backend/loadAddon.ts";
import { packageRoot } from "../../../sdk/backend/packageRoot.ts";
import { inFolder } from "../../inFolder.ts";

/** A driver with one card. */
function driverOf(
  computeCapability: [number, number],
  problem: string | null = null,
  nvrtc: ReturnType<CudaDriver["nvrtc"]> = {
    version: "13.0",
    path: "/cuda/libnvrtc.so.13",
    targets: [75, 80, 90],
  },
): CudaDriver {
  const card = { name: "Card", computeCapability, multiprocessors: 10, totalBytes: 2 ** 30 };
  const devices = () => [{ ...card, driver: "13.0", sharedBytes: 99 * 1024 }];
  return { problem: () => problem, devices, nvrtc: () => nvrtc } as unknown as CudaDriver;
}

describe("cudaProblem", () => {
  it("names a driver's problem and a card that is too old", async () => {
    await inFolder(async (dir) => {
      assert.equal(cudaProblem(driverOf([9, 0]), dir), undefined);
      assert.equal(cudaProblem(driverOf([8, 0]), dir), undefined);
      assert.equal(cudaProblem(driverOf([9, 0], "no driver: install it"), dir), "no driver: install it");
      assert.equal(cudaProblem(driverOf([7, 5]), dir), undefined);
      assert.equal(
        cudaProblem(driverOf([7, 0]), dir),
        'Card has compute capability 7.0, which CUDA 13 does not compile for any more: 7.5 (Turing) or newer is needed; use device "native"',
      );
    });
  });

  it("asks for NVRTC only where the kernels that are there do not fit the card", async () => {
    await inFolder(async (dir) => {
      const none = { problem: "libnvrtc.so is nowhere" };
      const problemOf = (capability: [number, number]) => cudaProblem(driverOf(capability, null, none), dir);
      const next =
        "and NVRTC, which would compile them, is of no use (libnvrtc.so is nowhere). Install NVRTC (pip install nvidia-cuda-nvrtc, which PyTorch brings too, or the CUDA toolkit's libnvrtc), or name its libnvrtc.so in MISTRAL_LAB_NVRTC; or install nvcc and run `npm rebuild mistral-lab`";
      assert.equal(problemOf([9, 0]), `Card is there, but no kernels for it: ${dir} has none, ${next}`);
      writeFileSync(join(dir, "flags.txt"), "-gencode arch=compute_80,code=sm_80");
      assert.equal(problemOf([8, 0]), undefined);
      assert.equal(
        problemOf([9, 0]),
        `Card is there, but no kernels for it: ${dir}, built for sm_80, ${next}`,
      );
      assert.equal(cudaProblem(driverOf([9, 0]), dir), undefined);
    });
  });

  it("names what a driver does not take of what NVRTC has compiled", async () => {
    await inFolder(async (dir) => {
      mkdirSync(join(dir, "cuda"));
      for (const file of ["cuda/rope.cu", "nf4Tables.h"]) writeFileSync(join(dir, file), "");
      const driver = {
        ...driverOf([9, 0]),
        compile: async () => new Uint8Array(1),
        open() {},
        load() {
          throw new Error("CUDA_ERROR_INVALID_IMAGE");
        },
      };
      const [built, cache] = [join(dir, "none"), join(dir, "cache")];
      await assert.rejects(openCuda(driver, "float32", { built, cache, sources: dir, onProgress() {} }), {
        message: `native/cuda/rope.cu: the driver (CUDA 13.0) does not take it, compiled by NVRTC 13.0 (/cuda/libnvrtc.so.13) for sm_90a; cache ${cache}, 0 of 1 were there: CUDA_ERROR_INVALID_IMAGE. Update the driver, or name an older libnvrtc.so in MISTRAL_LAB_NVRTC`,
      });
    });
  });

  it("finds a driver that is too old by what it lacks, and a library that is no driver", async function () {
    if (!loadAddon()) this.skip();
    await inFolder(async (dir) => {
      const problemOf = (code: string) => {
        const [source, library] = [join(dir, "driver.cpp"), join(dir, "libcuda.so.1")];
        writeFileSync(source, code);
        const compiled = spawnSync("c++", ["-shared", "-fPIC", "-o", library, source], { encoding: "utf8" });
        if (compiled.status !== 0) this.skip();
        const script = "console.log(require(process.argv[1]).cuda.problem())";
        const env = { ...process.env, MISTRAL_LAB_CUDA_DRIVER: library };
        return spawnSync(process.execPath, ["-e", script, addonPath()], {
          encoding: "utf8",
          env,
        }).stdout.trim();
      };
      const errors = `
        extern "C" int cuGetErrorName(int, const char** text) { *text = "CUDA_ERROR_NO_DEVICE"; return 0; }
        extern "C" int cuGetErrorString(int, const char** text) { *text = "no device"; return 0; }`;
      const old = `${errors}
        extern "C" int cuInit(unsigned) { return 0; }
        extern "C" int cuDriverGetVersion(int* version) { *version = 10020; return 0; }`;
      assert.match(
        problemOf(old),
        /the driver is too old \(CUDA 10\.2, cu\w+ is missing\): install one for CUDA 12 or newer$/,
      );
      assert.match(
        problemOf(`${errors} extern "C" int cuInit(unsigned) { return 100; }`),
        /cuInit says CUDA_ERROR_NO_DEVICE: is there an NVIDIA GPU, and may this user use it\?$/,
      );
      assert.match(problemOf("int nothing;"), /is no CUDA driver: cuInit is missing$/);
    });
  });
});

describe("a machine without an NVIDIA driver", () => {
  it("refuses the device cuda, and takes the CPU for auto", function () {
    this.timeout(60_000);
    if (!loadAddon()) this.skip();
    const script = `
      import { useDevice } from "./sdk/backend/device.ts";
      const refused = await useDevice("cuda").then(() => "no error", ({ message }) => message);
      console.log(JSON.stringify([refused, (await useDevice("auto")).device]));`;
    const args = ["--import", "tsx", "--input-type=module", "-e", script];
    const env = { ...process.env, MISTRAL_LAB_CUDA_DRIVER: "/no/libcuda.so.1" };
    const { stdout, stderr } = spawnSync(process.execPath, args, {
      encoding: "utf8",
      env,
      cwd: packageRoot(),
    });
    assert.ok(stdout, stderr);
    assert.deepEqual(JSON.parse(stdout), [
      'device "cuda" is not available: no NVIDIA driver (MISTRAL_LAB_CUDA_DRIVER=/no/libcuda.so.1 cannot be loaded): install the driver of the graphics card',
      "native",
    ]);
  });
});

describe("kernel targets", () => {
  it("run on the generation that they were built for, and portable code on newer ones", async () => {
    await inFolder(async (dir) => {
      mkdirSync(join(dir, "cuda"));
      assert.deepEqual(kernelTargets(join(dir, "cuda")), { machine: [], portable: [] });
      const flags = "-fatbin -gencode arch=compute_80,code=sm_80 -gencode arch=compute_80,code=compute_80";
      writeFileSync(join(dir, "cuda", "flags.txt"), flags);
      const built = kernelTargets(join(dir, "cuda"));
      assert.deepEqual(built, { machine: ["sm_80"], portable: ["compute_80"] });
      for (const capability of [
        [8, 0],
        [8, 9],
        [9, 0],
        [12, 0],
      ] as const)
        assert.ok(runsOn(capability, built));
      assert.ok(!runsOn([7, 5], built));
      const ada = { machine: ["sm_89"], portable: [] };
      assert.ok(runsOn([8, 9], ada) && !runsOn([8, 6], ada) && !runsOn([9, 0], ada));
    });
  });
});
