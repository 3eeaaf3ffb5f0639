import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cudaKernel } from "../../../sdk/backend/cuda/kernel.ts";
import { addonPath } from "../../../sdk/backend/loadAddon.ts";
import { inFolder } from "../../inFolder.ts";
import { random } from "../../ops/support.ts";
import { download, onCuda, upload } from "./support.ts";

const ADD = cudaKernel("elementwise", "add_float32", "pppi");

/** Lines that the script prints in a process of its own, which a fault would kill; its argument is the addon. */
function output(script: string): string[] {
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, ["-e", script, addonPath()], {
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.deepEqual({ status, signal }, { status: 0, signal: null }, stderr);
  return stdout.trim().split("\n");
}

onCuda("the driver's entries", (cuda) => {
  it("tell of work that the driver refused where it is waited for, drop what was queued behind it, and go on", () => {
    const values = random(64, 1);
    const [x, y, z] = [values, values, new Float32Array(64)].map((array) => upload(cuda(), array));
    const args = [x.address, y.address, z.address, 64];
    cuda().launch(ADD, 1, 4096, args); // no GPU has so many threads in a block
    try {
      cuda().launch(ADD, 1, 256, args);
    } catch (error) {
      assert.match((error as Error).message, /^cuda launch: CUDA_ERROR_INVALID_VALUE/);
      cuda().launch(ADD, 1, 4096, args);
    }
    assert.throws(() => cuda().driver.synchronize(), /^Error: cuda launch: CUDA_ERROR_INVALID_VALUE/);
    assert.deepEqual(download(cuda(), z), new Float32Array(64));
    cuda().launch(ADD, 1, 256, args);
    assert.deepEqual(
      download(cuda(), z),
      values.map((value) => value + value),
    );
  });

  it("do thousands of launches in their order, with copies and fills between them", () => {
    const [sum, one, copy] = [0, 1, 0].map((value) => upload(cuda(), new Float32Array(64).fill(value)));
    for (let i = 1; i <= 3000; i++) {
      cuda().launch(ADD, 1, 256, [sum.address, one.address, sum.address, 64]);
      if (i === 1000) cuda().driver.copy(copy.address, sum.address, 256);
      if (i === 2000) cuda().driver.fill(sum.address, 0, 64);
    }
    assert.deepEqual([download(cuda(), sum)[63], download(cuda(), copy)[63]], [1000, 1000]);
  });

  it("refuse an image that is none, and arguments of other types", () => {
    const { driver } = cuda();
    assert.throws(() => driver.load("none", new Uint8Array(0)), /^RangeError: cuda load: image is empty$/);
    const text = new TextEncoder().encode("no image\0");
    assert.throws(() => driver.load("none", text), /^Error: cuda load: CUDA_ERROR_/);
    assert.throws(
      () => driver.load("none", "text" as never),
      /^TypeError: cuda load: argument image: expected Uint8Array, got text$/,
    );
    assert.throws(
      () => driver.compile("sm_90", "a.cu", "", "a.cuh"),
      /^TypeError: cuda compile: argument header's text: expected a string, got undefined$/,
    );
  });

  it("refuse what is no typed array, and give no download to one that is gone when it comes", async () => {
    const { driver } = cuda();
    const { address } = upload(cuda(), random(64, 1));
    for (const entry of ["upload", "download", "downloadAsync"] as const)
      assert.throws(
        () => driver[entry](address, new ArrayBuffer(8) as never),
        new RegExp(
          `^TypeError: cuda ${entry}: argument (source|target): expected a typed array, got an object$`,
        ),
      );
    const target = new Float32Array(64);
    const download = driver.downloadAsync(address, target);
    structuredClone(target, { transfer: [target.buffer] });
    await assert.rejects(
      download,
      /^Error: cuda downloadAsync: the target has 0 bytes now; it had 256 when the download began$/,
    );
  });

  it("belong to the thread that opened the device, and outlive it", async () => {
    const script = `
      const { Worker } = require("node:worker_threads");
      const { cuda } = require(process.argv[1]);
      const inWorker = (text) => new Promise((resolve, reject) => {
        const worker = new Worker("const { cuda } = require(require('node:worker_threads').workerData);" + text, { eval: true, workerData: process.argv[1] });
        worker.on("error", (error) => resolve(error.message));
        worker.on("exit", () => resolve("done"));
      });
      (async () => {
        console.log(await inWorker("cuda.open(0); cuda.fill(cuda.allocate(4096), 1, 1024);"));
        for (const text of ["cuda.synchronize()", "cuda.open(0)"]) {
          try { eval(text); } catch ({ message }) { console.log(message); }
        }
        console.log(await inWorker("cuda.launch(0, 1, 1, 1, 1, 0, false, false)"));
      })();`;
    assert.deepEqual(output(script), [
      "done",
      "cuda synchronize: another thread of this process has opened the GPU",
      "cuda open: another thread of this process has opened a device; a process opens one, once: use it there, or in a process of its own (child_process)",
      "cuda launch: another thread of this process has opened the GPU",
    ]);
  });

  it("let a worker be terminated in the middle of its compilations", () => {
    const script = `
      const { Worker } = require("node:worker_threads");
      const work = "const { parentPort, workerData } = require('node:worker_threads');" +
        "const { cuda } = require(workerData);" +
        "for (let i = 0; i < 4; i++) cuda.compile('--gpu-architecture=sm_90a', 'a.cu', 'int a;').catch(() => {});" +
        "parentPort.postMessage('compiling');";
      (async () => {
        for (let i = 0; i < 10; i++) {
          const worker = new Worker(work, { eval: true, workerData: process.argv[1] });
          await new Promise((resolve) => worker.once("message", resolve));
          await worker.terminate();
        }
        console.log("fine");
      })();`;
    assert.deepEqual(output(script), ["fine"]);
  });

  it("name a file that is gone, or shorter than its header said", async () => {
    await inFolder(async (dir) => {
      const path = join(dir, "model.safetensors");
      const target = cuda().allocate([1024], "float32");
      assert.throws(
        () => cuda().driver.uploadFile(target.address, path, 0, 4096),
        new RegExp(`^Error: ${path}: cannot be opened: No such file or directory$`),
      );
      writeFileSync(path, new Uint8Array(3000));
      assert.throws(
        () => cuda().driver.uploadFile(target.address, path, 8, 4096),
        new RegExp(`^Error: ${path}: became shorter while it was read: expected 4104 bytes$`),
      );
    });
  });
});
