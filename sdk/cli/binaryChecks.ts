/**
 * Checks of binaries that may not suit this machine. A child tries each: what kills the process that loads it must not
 * kill `doctor`.
 */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { addonPath, isaProblem } from "../backend/loadAddon.ts";
import { findTensorflow, TENSORFLOW_VERSION } from "../backend/tensorflow.ts";

export interface Check {
  name: string;
  /** "missing": the work can be done without it; "broken": it cannot. */
  status: "ok" | "missing" | "broken";
  detail: string;
  /** The next step. */
  todo?: string;
}

/** Loads the addon and multiplies with it: the CPU may lack an instruction. */
const TRY_ADDON = `
const addon = require(process.argv[1]);
const c = new Float32Array(1);
addon.matMul(1, 1, 1, 1, false, false, Float32Array.of(3), Float32Array.of(5), c);
if (c[0] !== 15) throw new Error("3 * 5 gave " + c[0]);
console.log(JSON.stringify(addon.info()));`;

/** @param canCompile whether `npm rebuild` could build it */
export function checkAddon(canCompile: boolean, path = addonPath()): Check {
  const name = "addon";
  if (process.env.MISTRAL_LAB_SKIP_NATIVE) {
    return {
      name,
      status: "missing",
      detail: "left out on purpose: MISTRAL_LAB_SKIP_NATIVE is set",
      todo: "unset MISTRAL_LAB_SKIP_NATIVE",
    };
  }
  if (!existsSync(path)) {
    const first = canCompile ? "" : "install a C++ compiler, then ";
    return {
      name,
      status: "missing",
      detail: `not built (${path})`,
      todo: `${first}npm rebuild mistral-lab`,
    };
  }
  const child = spawnSync(process.execPath, ["-e", TRY_ADDON, path], { encoding: "utf8", timeout: 20_000 });
  if (child.status !== 0) {
    const detail = `${path} ${howItDied(child)}`;
    return {
      name,
      status: "broken",
      detail,
      todo: "build it again on this machine: npm rebuild mistral-lab; until then MISTRAL_LAB_SKIP_NATIVE=1 works without it",
    };
  }
  const { isa, availableIsas, threads } = JSON.parse(child.stdout) as {
    isa: string;
    availableIsas: string[];
    threads: number;
  };
  const problem = isaProblem(availableIsas);
  if (problem) return { name, status: "broken", detail: problem, todo: "unset MISTRAL_LAB_ISA" };
  const detail = `${isa} of ${availableIsas.join(", ")}; ${threads} threads; ${path}`;
  return { name, status: "ok", detail };
}

function howItDied({ signal, stderr, error }: SpawnSyncReturns<string>): string {
  if (error) return `cannot be tried (${error.message})`;
  if (signal) return `kills the process that loads it (${signal})`;
  const line = stderr.split("\n").find((text) => /^\w*Error: /.test(text));
  return `cannot be loaded (${line?.trim() ?? "no message"})`;
}

/** Multiplies with TensorFlow. */
const TRY_TENSORFLOW = `
const tf = require(process.argv[1]);
const [value] = tf.matMul([[3]], [[5]]).dataSync();
if (value !== 15) throw new Error("3 * 5 gave " + value);
const { binding, isUsingGpuDevice } = tf.backend();
console.log(JSON.stringify({ version: binding.TF_Version, place: isUsingGpuDevice ? "GPU" : "CPU" }));`;

/**
 * TensorFlow's packages, where the project has one: nobody needs them.
 *
 * @param folders where they are looked for, as in `findTensorflow`
 */
export function* checkTensorflow(folders?: string[]): Generator<Check> {
  const env = { TF_CPP_MIN_LOG_LEVEL: "1", ...process.env };
  for (const { name: pkg, path } of findTensorflow(folders)) {
    const name = "tensorflow";
    const options = { encoding: "utf8", timeout: 60_000, env } as const;
    const child = spawnSync(process.execPath, ["-e", TRY_TENSORFLOW, path], options);
    if (child.status === 0) {
      const { version, place } = JSON.parse(child.stdout.trim().split("\n").at(-1)!) as Record<
        string,
        string
      >;
      yield {
        name,
        status: "ok",
        detail: `TensorFlow ${version} through ${pkg} (${place}): --device tensorflow`,
      };
    } else {
      const todo = `install it again (npm install ${pkg}@${TENSORFLOW_VERSION}), or remove it: no other device needs it`;
      yield { name, status: "missing", detail: `${pkg} ${howItDied(child)}`, todo };
    }
  }
}
