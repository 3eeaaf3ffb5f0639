/** Runs the kernels of faults.cu on the emulator, in a process of its own, and prints what came of each as JSON. */
import type { CudaDriver } from "../../sdk/backend/cuda/driver.ts";
import { loadAddon } from "../../sdk/backend/loadAddon.ts";
import { quarters, uniform } from "../native/support.ts";

const driver: CudaDriver = loadAddon()!.cuda;
driver.open(0);

/** Loaded at their first use: none can be loaded while work is recorded. */
const kernels = new Map<string, number>();
const results: Record<string, unknown> = {};

/** The values of `body`, or its error. */
function record(name: string, body: () => ArrayLike<number>): void {
  try {
    results[name] = Array.from(body(), (value) => (Number.isNaN(value) ? "NaN" : value));
  } catch (error) {
    results[name] = (error as Error).message;
  }
}

function upload(values: Float32Array | Uint16Array): number {
  const address = driver.allocate(values.byteLength);
  driver.upload(address, values);
  return address;
}

function run(
  name: string,
  signature: string,
  args: number[],
  { blocks = 1, threads = 32, shared = 0, wait = true, cooperative = false } = {},
): void {
  const kernel = kernels.get(name) ?? driver.kernel("/build/native/cuda/faults.fatbin", name, signature);
  kernels.set(name, kernel);
  driver.arguments.set(args);
  driver.launch(kernel, blocks, 1, 1, threads, shared, false, cooperative);
  if (wait) driver.synchronize();
}

function download(address: number, length: number): Float32Array {
  const values = new Float32Array(length);
  driver.download(address, values);
  return values;
}

/** `values` floats that nobody has written. */
const fresh = (values: number) => driver.allocate(4 * values);
const x = uniform(1024, 1);
const input = upload(x);

for (const barrier of [1, 0]) {
  record(`reverse, barrier ${barrier}`, () => {
    const y = fresh(256);
    run("reverse", "ppi", [input, y, barrier], { blocks: 4, threads: 64 });
    return download(y, 256);
  });
}
for (const [warpSync, fence, blocks] of [
  [1, 0, 1],
  [0, 0, 1],
  [1, 0, 2],
  [1, 1, 2],
]) {
  record(`ordered, ${warpSync} ${fence}, ${blocks} blocks`, () => {
    const y = fresh(32);
    run("ordered", "pii", [y, warpSync, fence], { blocks });
    return download(y, 32);
  });
}
record("fresh memory", () => download(fresh(4), 4));
record("partial barrier", () => {
  run("partialBarrier", "i", [40], { threads: 64 });
  return [];
});
for (const [cooperative, given, blocks] of [
  [true, 1, 3],
  [true, 0, 3],
  [false, 1, 3],
  [true, 1, 1000],
] as const) {
  record(`wait for a block, ${cooperative}, ${given}, ${blocks} blocks`, () => {
    const y = fresh(1);
    run("waitForBlock", "ppi", [fresh(2), y, given], { blocks, cooperative });
    return download(y, 1);
  });
}
for (const [index, bytes] of [
  [4, 32],
  [2, 32],
  [4, 24],
]) {
  record(`prefetch ${bytes} at ${index}`, () => {
    run("prefetchAt", "pii", [input, index, bytes]);
    return [];
  });
}
record("parted warp", () => {
  run("partedWarp", "p", [fresh(32)]);
  return [];
});
for (const [values, index] of [
  [100, 100],
  [128, 128],
  [128, -1],
  [1024, 4000],
]) {
  record(`write at ${index} of ${values}`, () => {
    run("writeAt", "pi", [fresh(values), index]);
    return [];
  });
}
record("read at 128 of 128", () => {
  run("readAt", "ppi", [fresh(128), fresh(1), 128]);
  return [];
});
record("null", () => {
  run("writeAt", "pi", [0, 0]);
  return [];
});
for (const offset of [0, 8]) {
  record(`packs at ${offset}`, () => {
    const y = fresh(128);
    run("copyPacks", "pp", [input + offset, y]);
    return download(y, 128);
  });
}
for (const [bytes, shared] of [
  [100, 100],
  [101, 100],
  [1025, 1024],
  [60000, 60000],
]) {
  record(`fill ${bytes} of ${shared}`, () => {
    run("fillShared", "i", [bytes], { shared });
    return [];
  });
}
record("too much shared", () => {
  run("fillShared", "i", [0], { shared: 232449 });
  return [];
});
record("too many threads", () => {
  run("fillShared", "i", [0], { threads: 64 });
  return [];
});
record("index 32 of 32", () => {
  run("indexShared", "pi", [fresh(32), 32]);
  return [];
});
for (const pending of [0, 1, 2]) {
  record(`copies, ${pending} pending`, () => {
    const y = fresh(256);
    // Blocks differ in when their copies happen; all of these write the same.
    for (let i = 0; i < 4; i++) {
      run("copyThrough", "ppi", [input, y, pending], { shared: 1024 });
      const values = download(y, 256);
      if (values.some(Number.isNaN)) return values;
    }
    return download(y, 256);
  });
}
// Quarters are exact in bfloat16, and their products' sums in float32.
const [a, b] = [quarters(256, 5), quarters(128, 6)];
const upperHalves = (values: Float32Array) =>
  Uint16Array.from(new Uint32Array(values.buffer), (bits) => bits >>> 16);
for (const name of ["productByHand", "productByLoads"]) {
  record(name, () => {
    const d = fresh(128);
    run(name, "ppp", [upload(upperHalves(a)), upload(upperHalves(b)), d]);
    return download(d, 128);
  });
}
record("graph", () => {
  const y = fresh(64);
  driver.fill(y, 0, 64);
  driver.beginCapture();
  run("reverse", "ppi", [input, y, 1], { threads: 64, wait: false });
  const graph = driver.endCapture();
  const before = download(y, 64);
  driver.replay(graph);
  driver.freeGraph(graph);
  return [...before, ...download(y, 64)];
});
record("out of memory", () => [driver.allocate(2 ** 31)]);
record("wrong signature", () => [driver.kernel("faults.fatbin", "reverse", "pii")]);

console.log(JSON.stringify({ x: Array.from(x), a: Array.from(a), b: Array.from(b), results }));
