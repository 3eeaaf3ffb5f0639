/**
 * The real NVRTC, which needs no card: every kernel file compiles, and has the kernels that its text names. For Hopper,
 * which has instructions of its own, all files; for the other generations those that take less than a second.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { CudaDeviceInfo } from "../../sdk/backend/cuda/driver.ts";
import { compileKernels, nvrtcTarget } from "../../sdk/backend/cuda/nvrtc.ts";
import { addonPath, addonProblem, loadAddon } from "../../sdk/backend/loadAddon.ts";
import { inFolder } from "../inFolder.ts";

const root = join(import.meta.dirname, "..", "..");
const native = join(root, "native");
const all = readdirSync(join(native, "cuda"))
  .filter((name) => name.endsWith(".cu"))
  .map((name) => basename(name, ".cu"));
/** A second or more each. */
const LONG = /^(adapter|attention(Cached|Exact|\w+Backward)|decodeLayers|few$|fewNf4)/;

describe("NVRTC", function () {
  this.timeout(600_000);
  const driver = loadAddon()?.cuda;
  const nvrtc = driver?.nvrtc();
  const problem = nvrtc?.version === "99.0" ? "that of the emulator compiles nothing" : nvrtc?.problem;
  if (!driver || !nvrtc?.targets || problem !== undefined) {
    it(`skipped, ${problem ?? addonProblem()}`);
    return;
  }

  before(() => {
    // Its tables name the kernels.
    const child = spawnSync(process.execPath, ["scripts/build-gpu-emulator.mjs"], {
      cwd: root,
      encoding: "utf8",
    });
    assert.equal(child.status, 0, child.stdout + child.stderr);
  });

  const kernelsOf = (stem: string) => {
    const table = readFileSync(join(root, "build", "test", "gpu", `${stem}.cpp`), "utf8");
    return [...table.matchAll(/::kernel\("(\w+)"/g)].map(([, name]) => name);
  };

  for (const name of ["9.0", "7.5", "8.0", "8.6", "8.9", "10.0", "12.0"]) {
    const [major, minor] = name.split(".").map(Number);
    // PTX for cards that are newer than this NVRTC.
    const target = nvrtcTarget([major, minor], nvrtc.targets);
    const stems = all.filter((stem) => target === "sm_90a" || !LONG.test(stem));
    it(`compiles ${stems.length} of ${all.length} kernel files for a card of ${name}: ${target}`, () =>
      inFolder(async (dir) => {
        mkdirSync(join(dir, "cuda"));
        const files = readdirSync(join(native, "cuda")).filter((name) => name.endsWith(".cuh"));
        for (const name of [...files, ...stems.map((stem) => `${stem}.cu`)])
          copyFileSync(join(native, "cuda", name), join(dir, "cuda", name));
        copyFileSync(join(native, "nf4Tables.h"), join(dir, "nf4Tables.h"));
        const device = { computeCapability: [major, minor] } as unknown as CudaDeviceInfo;
        const options = { sources: dir, cache: join(dir, "cache"), onProgress() {} };
        const { images, origin } = await compileKernels(driver, device, options);
        assert.match(origin, new RegExp(`^compiled by NVRTC [\\d.]+ \\(.*\\) for ${target};`));
        for (const stem of stems) {
          const image = Buffer.from(images.get(stem)!).toString("latin1");
          // A section of machine code a kernel, or an entry of PTX.
          const found = image.matchAll(/(?:\0\.text\.|\.entry )(\w+)/g);
          const expected = kernelsOf(stem).filter((name) => target === "sm_90a" || !name.includes("Hopper"));
          assert.deepEqual([...new Set([...found].map(([, name]) => name))].sort(), expected.sort(), stem);
        }
      }));
  }

  it("names file and line of what does not compile", async () => {
    const source = '#include "a.cuh"\nextern "C" __global__ void kernel(float* y) { *y = VALUE; }';
    assert.ok(
      (await driver.compile("--gpu-architecture=compute_80", "a.cu", source, "a.cuh", "#define VALUE 1"))
        .length > 0,
    );
    await assert.rejects(
      driver.compile("--gpu-architecture=sm_80", "a.cu", source, "a.cuh", "#define VALUE nothing"),
      /^Error: NVRTC_ERROR_COMPILATION\na\.cu\(2\): error: identifier "nothing" is undefined\n/,
    );
  });

  for (const [how, ending] of [
    ["with an error", 'throw new Error("the end")'],
    ["by process.exit()", 'console.error("the end"); process.exit(1)'],
  ]) {
    it(`is waited for by a process that ends ${how} meanwhile`, () => {
      const script = `
      const { cuda } = require(process.argv[1]);
      const kernels = Array.from({ length: 30 }, (_, i) => "extern \\"C\\" __global__ void k" + i + "(float* y) { for (int i = 0; i < 99; ++i) y[i] *= y[i + " + i + "]; }");
      for (let i = 0; i < 4; ++i) cuda.compile("--gpu-architecture=sm_90", "a.cu", kernels.join(""));
      setTimeout(() => { ${ending}; }, 50);`;
      const { status, stderr } = spawnSync(process.execPath, ["-e", script, addonPath()], {
        encoding: "utf8",
      });
      assert.equal(status, 1, stderr);
      assert.match(stderr, /the end/);
    });
  }
});
