// tfjs' wasm backend with its threads, which tfjs switches off in Node (tensorflow/tfjs#3830): it starts its workers from
// the address of a blob, and Node's take files only; and it uses half of the cores at most. Here the same worker lies in
// a file, and the backend is told of twice the cores while it starts. Nothing else of it is changed.

import { mkdtempSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { getThreadsCount, setThreadsCount } from "@tensorflow/tfjs-backend-wasm";

const require = createRequire(import.meta.url);
const compiled = (file: string) =>
  require.resolve(`@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.${file}`);

/** The worker of Emscripten's threads, as a file that loads the compiled module from where it lies. */
function writeWorker(): string {
  const { wasmWorkerContents } = require(compiled("worker.js")) as { wasmWorkerContents: string };
  const path = join(mkdtempSync(join(os.tmpdir(), "mistral-lab-wasm-")), "worker.cjs");
  // tfjs escapes line ends in the same way before it makes the blob.
  const worker = wasmWorkerContents.replace(/\n/g, "\\n");
  writeFileSync(path, `URL.createObjectURL = () => ${JSON.stringify(compiled("js"))};\n${worker}`);
  return path;
}

/**
 * Makes wasm with SIMD and `threads` threads tfjs' backend. The first call of a process decides their number.
 *
 * @throws when the backend runs on another number of threads
 */
export async function useThreadedWasm(threads: number): Promise<void> {
  const { createObjectURL } = URL;
  const { cpus } = os;
  const worker = writeWorker();
  URL.createObjectURL = () => worker;
  os.cpus = () => [...cpus(), ...cpus()];
  try {
    tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", true);
    setThreadsCount(threads);
    await tf.setBackend("wasm");
  } finally {
    URL.createObjectURL = createObjectURL;
    os.cpus = cpus;
  }
  if (tf.getBackend() !== "wasm" || getThreadsCount() !== threads) {
    throw new Error(`wasm: expected ${threads} threads, got ${getThreadsCount()} on ${tf.getBackend()}`);
  }
}
