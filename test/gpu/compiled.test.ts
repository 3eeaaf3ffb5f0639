/** The road of a card without built kernels, on the emulator and its NVRTC: real processes, one cache. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { CudaDriver } from "../../sdk/backend/cuda/driver.ts";
import type { DeviceInfo } from "../../sdk/backend/device.ts";
import { addonPath } from "../../sdk/backend/loadAddon.ts";
import { inFolder } from "../inFolder.ts";

const root = join(import.meta.dirname, "..", "..");
const built = join(root, "build", "test", "gpu");
const supported = process.platform === "linux" && !process.env.MISTRAL_LAB_SKIP_NATIVE;

const run = promisify(execFile);

/** What a process with the emulated card prints as JSON. */
async function onCard<T>(args: string[], capability: string): Promise<T> {
  const env = {
    ...process.env,
    MISTRAL_LAB_CUDA_DRIVER: join(built, "libcuda.so.1"),
    MISTRAL_LAB_CUBLASLT: join(built, "libcublasLt.so"),
    MISTRAL_LAB_NVRTC: join(built, "libnvrtc.so"),
    MISTRAL_LAB_EMULATOR_CAPABILITY: capability,
    MISTRAL_LAB_EMULATOR_MEMORY: "256",
    MISTRAL_LAB_EMULATOR_RACES: "",
  };
  const { stdout } = await run(process.execPath, ["--import", "tsx", ...args], { cwd: root, env });
  return JSON.parse(stdout) as T;
}

const open = (cache: string, capability = "9.0") =>
  onCard<{ sum: number[]; origin: string; said: string[] }>(["test/gpu/compiledCard.ts", cache], capability);

(supported ? describe : describe.skip)(
  "GPU kernels compiled at their first use (emulated; Linux, with a C++ compiler)",
  function () {
    this.timeout(300_000);
    const files = readdirSync(join(root, "native", "cuda")).filter((name) => name.endsWith(".cu")).length;

    before(() => {
      const child = spawnSync(process.execPath, ["scripts/build-gpu-emulator.mjs"], {
        cwd: root,
        encoding: "utf8",
      });
      assert.equal(child.status, 0, child.stdout + child.stderr);
    });

    it("run, and come from the cache the next time, also when two processes began at once", () =>
      inFolder(async (dir) => {
        const cache = join(dir, "kernels");
        const first = await Promise.all([open(cache), open(cache)]);
        const last = await open(cache);
        for (const { sum } of [...first, last]) assert.deepEqual(sum, [11, 22, 33]);
        const path = join(built, "libnvrtc.so");
        const origin = `compiled by NVRTC 99.0 (${path}) for sm_90a; cache ${cache}`;
        assert.equal(last.origin, `${origin}, ${files} of ${files} were there`);
        assert.deepEqual(last.said, []);
        const told = first.flatMap(({ said }) => said.slice(-1));
        assert.ok(told.length > 0, "the one that came first had to compile");
        for (const line of told)
          assert.match(line, /^compiling GPU kernels for sm_90a with NVRTC 99\.0, once: (\d+) of \1$/);
        assert.equal(readdirSync(cache).length, files, "one file a kernel, and nothing beside them");
      }));

    it("are compiled by the library that pip has put beside a folder of PATH", function () {
      return inFolder(async (dir) => {
        const script = "console.log(JSON.stringify(require(process.argv[1]).cuda.nvrtc()))";
        const find = (env: NodeJS.ProcessEnv): ReturnType<CudaDriver["nvrtc"]> => {
          const child = spawnSync(process.execPath, ["-e", script, addonPath()], {
            encoding: "utf8",
            env: { ...process.env, MISTRAL_LAB_CUDA_DRIVER: "/no/driver", MISTRAL_LAB_NVRTC: "", ...env },
          });
          return JSON.parse(child.stdout);
        };
        assert.equal(
          find({ MISTRAL_LAB_NVRTC: "/no/libnvrtc.so" }).problem,
          "MISTRAL_LAB_NVRTC=/no/libnvrtc.so cannot be loaded",
        );
        const { problem, path } = find({ PATH: "/usr/bin" });
        if (problem === undefined) {
          assert.ok(path);
          this.skip(); // a real one is where the loader looks, and comes first
        }
        assert.equal(
          problem,
          "libnvrtc.so of CUDA 12 to 13 is neither where the loader looks, nor in /usr/local/cuda, nor beside a folder of PATH (lib, or a Python's nvidia/*/lib)",
        );
        const library = join(
          dir,
          "lib",
          "python3.12",
          "site-packages",
          "nvidia",
          "cu13",
          "lib",
          "libnvrtc.so.13",
        );
        mkdirSync(dirname(library), { recursive: true });
        copyFileSync(join(built, "libnvrtc.so"), library);
        const found = find({ PATH: `/usr/bin:${dir}/bin/` });
        assert.deepEqual([found.version, found.path], ["99.0", library]);
      });
    });

    it("are not asked for by auto on a card that is too old: it takes the CPU and says why", async () => {
      const script = `
        import { useDevice } from "./sdk/backend/device.ts";
        console.log(JSON.stringify(await useDevice("auto")));`;
      const { device, note } = await onCard<DeviceInfo>(["--input-type=module", "-e", script], "7.0");
      assert.equal(device, "native");
      assert.match(
        note ?? "",
        /^Emulated GPU has compute capability 7\.0, which CUDA 13 does not compile for/,
      );
    });

    it("are PTX for a card that is newer than NVRTC", () =>
      inFolder(async (dir) => {
        const { sum, origin } = await open(join(dir, "kernels"), "12.1");
        assert.deepEqual(sum, [11, 22, 33]);
        assert.match(origin, / for compute_120; /);
      }));
  },
);
