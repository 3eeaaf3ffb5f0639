/** What the emulator must find, and that its matrix instructions follow the layouts of native/cuda/ptx.cuh. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { assertClose } from "../compare.ts";

const root = join(import.meta.dirname, "..", "..");
const built = join(root, "build", "test", "gpu");

function runNode(args: string[], env: NodeJS.ProcessEnv): string {
  const child = spawnSync(process.execPath, args, { cwd: root, env, encoding: "utf8" });
  if (child.status !== 0) throw new Error(`${args.join(" ")}: ${child.stdout}${child.stderr}`);
  return child.stdout;
}

interface Cases {
  x: number[];
  a: number[];
  b: number[];
  /** Values (NaN as text), or an error message. */
  results: Record<string, (number | "NaN")[] | string>;
}

const supported = process.platform === "linux" && !process.env.MISTRAL_LAB_SKIP_NATIVE;

(supported ? describe : describe.skip)("GPU emulator (Linux, with a C++ compiler)", function () {
  this.timeout(300_000);
  let cases: Cases;
  let raceCases: Cases;

  before(() => {
    runNode(["scripts/build-gpu-emulator.mjs", "faults", "--races"], process.env);
    const runCases = (env: NodeJS.ProcessEnv): Cases =>
      JSON.parse(
        runNode(["--import", "tsx", "test/gpu/cases.ts"], {
          ...process.env,
          MISTRAL_LAB_CUDA_DRIVER: join(built, "libcuda.so.1"),
          MISTRAL_LAB_CUBLASLT: join(built, "libcublasLt.so"),
          MISTRAL_LAB_EMULATOR_MEMORY: "1024",
          ...env,
        }),
      );
    cases = runCases({ MISTRAL_LAB_EMULATOR_RACES: "" });
    raceCases = runCases({ MISTRAL_LAB_EMULATOR_RACES: "1" });
  });

  const values = (name: string, { results } = cases): number[] => {
    const result = results[name];
    assert.ok(Array.isArray(result), `${name}: ${result}`);
    return result.map(Number);
  };
  const fails = (name: string, message: RegExp, { results } = cases) => {
    const result = results[name];
    assert.match(typeof result === "string" ? result : `no error, but ${result}`, message, name);
  };
  const reversed = (from: number[]) => from.map((_, i) => from[i - (i % 64) + 63 - (i % 64)]);

  it("runs the threads of a block up to each barrier, and shows one that is missing", () => {
    assertClose(values("reverse, barrier 1"), reversed(cases.x.slice(0, 256)), { what: "with a barrier" });
    const without = values("reverse, barrier 0");
    assert.ok(without.some(Number.isNaN), "shared memory is NaN until it is written");
  });

  it("gives NaN from memory that nobody has written", () => {
    assertClose(values("fresh memory"), [NaN, NaN, NaN, NaN], { what: "fresh memory" });
  });

  it("names kernel, block and threads of a deadlock", () => {
    fails("partial barrier", /LAUNCH_FAILED .*kernel partialBarrier, block \(0, 0, 0\): deadlock/);
    fails("partial barrier", /24 threads \(40 first\): ended/);
    fails("partial barrier", /40 threads \(0 first\): waits at __syncthreads \(faults\.cu:\d+\)/);
    fails("parted warp", /LAUNCH_FAILED .* is at __\w+_sync \(faults\.cu:\d+\) while other lanes .* wait at/);
  });

  it("runs the blocks of a cooperative launch in turn, and says where one waits for good", () => {
    assertClose(values("wait for a block, true, 1, 3 blocks"), [7], { what: "a block that waits" });
    const place =
      "kernel waitForBlock, block \\(0, 0, 0\\): deadlock.* waits at pause \\(faults\\.cu:\\d+\\)";
    fails("wait for a block, true, 0, 3 blocks", new RegExp(`LAUNCH_FAILED .*${place}`));
    fails(
      "wait for a block, false, 1, 3 blocks",
      new RegExp(`LAUNCH_FAILED .*${place}.*; the launch is not cooperative`),
    );
    fails("wait for a block, true, 1, 1000 blocks", /COOPERATIVE_LAUNCH_TOO_LARGE/);
  });

  it("finds what is written or read outside of device memory", () => {
    fails("write at 100 of 100", /ILLEGAL_ADDRESS .*kernel writeAt: wrote beyond device memory of 400 bytes/);
    fails("write at 128 of 128", /ILLEGAL_ADDRESS .*kernel writeAt, block \(0, 0, 0\), thread 0: writes to/);
    fails("write at 128 of 128", /512 bytes after the start of device memory of 512 bytes/);
    fails("write at -1 of 128", /ILLEGAL_ADDRESS .*kernel writeAt: wrote before device memory of 512 bytes/);
    fails("write at 4000 of 1024", /16000 bytes after the start of device memory of 4096 bytes/);
    fails("read at 128 of 128", /ILLEGAL_ADDRESS .*kernel readAt, .* reads from 512 bytes after the start/);
    fails("null", /ILLEGAL_ADDRESS .*writes to a null address/);
  });

  it("finds addresses that are not aligned", () => {
    assertClose(values("packs at 0"), cases.x.slice(0, 128), { what: "aligned" });
    fails(
      "packs at 8",
      /MISALIGNED_ADDRESS .*kernel copyPacks, .*thread \d+: uses the misaligned address .*:\d+\)/,
    );
  });

  it("finds prefetches that a GPU refuses", () => {
    assert.deepEqual(values("prefetch 32 at 4"), []);
    for (const name of ["prefetch 32 at 2", "prefetch 24 at 4"]) {
      fails(
        name,
        /MISALIGNED_ADDRESS .*kernel prefetchAt, .*: prefetchBytes with an address or a size that is/,
      );
    }
  });

  it("gives exactly the shared memory that was asked for, and refuses what no GPU has", () => {
    for (const name of ["fill 100 of 100", "fill 60000 of 60000"]) assert.deepEqual(values(name), [], name);
    fails("fill 101 of 100", /ILLEGAL_ADDRESS .*fillShared, .* wrote beside its 100 bytes of dynamic shared/);
    fails("fill 1025 of 1024", /writes to 1024 bytes after the start of 1024 bytes of dynamic shared memory/);
    fails("too much shared", /INVALID_VALUE/);
    fails("too many threads", /OUT_OF_RESOURCES .*64 threads, but its launch bounds say 32/);
    fails("index 32 of 32", /ILLEGAL_ADDRESS .*index 32 is outside of the array \(faults\.cu:\d+\)/);
  });

  it("copies as late as it may, so that a missing wait shows", () => {
    const whole = [...cases.x.slice(0, 252), 0, 0, 0, 0];
    const nan = new Array<number>(256).fill(NaN);
    assertClose(values("copies, 0 pending"), whole, { what: "all copies waited for" });
    assertClose(values("copies, 1 pending"), [...whole.slice(0, 128), ...nan.slice(128)], {
      what: "the first",
    });
    assertClose(values("copies, 2 pending"), nan, { what: "no copy waited for" });
  });

  it("finds, with kernels built for it, accesses in no defined order", () => {
    const inOrder = ["reverse, barrier 1", "ordered, 1 0, 1 blocks", "ordered, 1 1, 2 blocks"];
    for (const name of [...inOrder, "copies, 0 pending", "productByLoads"]) {
      assertClose(values(name, raceCases), values(name), { what: name });
    }
    const race = (place: string) => new RegExp(`LAUNCH_FAILED .*: race: ${place}`);
    const verb = "(reads|writes)";
    const line = "\\(faults\\.cu:\\d+\\)";
    fails(
      "reverse, barrier 0",
      race(`${verb} ${line} what thread \\d+ ${verb} ${line}, with no barrier`),
      raceCases,
    );
    fails(
      "ordered, 0 0, 1 blocks",
      race(`${verb} ${line} what thread \\d+ ${verb} ${line}, with no`),
      raceCases,
    );
    fails("ordered, 1 0, 2 blocks", race(`writes ${line} what another block writes ${line}`), raceCases);
  });

  it("multiplies fragments of the documented layouts", () => {
    const product = Array.from({ length: 128 }, (_, at) => {
      const [i, j] = [Math.floor(at / 8), at % 8];
      return Array.from({ length: 16 }, (_, k) => cases.a[16 * i + k] * cases.b[8 * k + j]).reduce(
        (s, v) => s + v,
      );
    });
    assertClose(values("productByHand"), product, { what: "mma16816" });
    assertClose(values("productByLoads"), product, { what: "loadMatrices and mma16816" });
  });

  it("records work in a capture and does it at the replay", () => {
    const expected = [...new Array<number>(64).fill(0), ...reversed(cases.x.slice(0, 64))];
    assertClose(values("graph"), expected, { what: "before and after the replay" });
  });

  it("has the memory that it was given, and knows the kernels' parameters", () => {
    fails("out of memory", /OUT_OF_MEMORY/);
    fails("wrong signature", /reverse: parameter 1 has 8 bytes/);
  });
});
