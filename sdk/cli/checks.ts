/** The checks of `doctor`, one function each. None of them changes anything. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { createRequire } from "node:module";
import { freemem, totalmem } from "node:os";
import { join } from "node:path";
import type { Cuda } from "../backend/cuda/cuda.ts";
import { cudaProblem } from "../backend/cuda/open.ts";
import { loadAddon } from "../backend/loadAddon.ts";
import { packageRoot } from "../backend/packageRoot.ts";
import { bytes } from "../views/numbers.ts";
import { type Check, checkAddon, checkTensorflow } from "./binaryChecks.ts";
import { messageOf } from "./errors.ts";
import { BUNDLED_MODEL } from "./folders.ts";

/** All checks in the order in which a person reads them. */
export async function* runChecks(): AsyncGenerator<Check> {
  const compiler = checkCompiler();
  const addon = checkAddon(compiler.status === "ok");
  yield await checkDevice(addon);
  yield addon;
  yield compiler;
  yield* checkGpu(addon);
  yield* checkTensorflow();
  yield checkNode();
  yield checkPackages();
  yield checkMemory();
  yield checkDisk();
  yield checkModel();
}

async function checkDevice(addon: Check): Promise<Check> {
  const name = "device";
  if (addon.status === "broken") {
    return { name, status: "broken", detail: "none: the addon is there and does not work", todo: addon.todo };
  }
  try {
    const { useDevice } = await import("../index.ts");
    const info = await useDevice("auto");
    return { name, status: "ok", detail: `${info.device}: ${info.description}` };
  } catch (error) {
    return { name, status: "broken", detail: messageOf(error), todo: "npm ci" };
  }
}

function checkCompiler(): Check {
  for (const candidate of [process.env.CXX, "c++", "g++", "clang++"]) {
    if (!candidate) continue;
    const { status, stdout } = spawnSync(candidate, ["--version"], { encoding: "utf8" });
    if (status === 0) return { name: "compiler", status: "ok", detail: `${candidate}: ${firstLine(stdout)}` };
  }
  return {
    name: "compiler",
    status: "missing",
    detail: "no C++ compiler: the CPU addon cannot be built",
    todo: "install g++ or clang++ (Debian, Ubuntu: apt install g++; macOS: xcode-select --install)",
  };
}

/** The card, cuBLASLt, the kernels, and each op's kernels at work; one line where there is no GPU. */
async function* checkGpu(addonCheck: Check): AsyncGenerator<Check> {
  const name = "gpu";
  const seen = findGpu();
  const addon = addonCheck.status === "ok" ? loadAddon() : undefined;
  const problem = addon ? cudaProblem(addon.cuda) : "the addon is needed to use it";
  if (problem !== undefined) {
    // Most machines have none, and that is no fault.
    const isAbsent = !seen && (!addon || problem.startsWith("no NVIDIA driver"));
    const detail = isAbsent ? "none (not needed)" : `cannot be used${seen ? `: ${seen}` : ""}`;
    yield { name, status: "missing", detail, ...(isAbsent ? {} : { todo: problem }) };
    return;
  }
  const cuda = await useGpu();
  const { name: card, computeCapability, driver, totalBytes } = cuda.device;
  const capability = computeCapability.join(".");
  const { free } = cuda.driver.memory();
  yield {
    name,
    status: "ok",
    detail: `${card}, compute capability ${capability}, driver for CUDA ${driver}; ${bytes(free)} free of ${bytes(totalBytes)}`,
  };
  yield checkCublasLt(cuda);
  yield { name: "kernels", status: "ok", detail: cuda.kernelOrigin };
  const { checkOps } = await import("../ops/check.ts");
  for await (const { op, errors, ok, problem: failure } of checkOps()) {
    const sizes = Object.entries(errors).map(([storage, error]) => `${error.toExponential(1)} in ${storage}`);
    const numbers = `off by ${sizes.join(", ")}`;
    const detail = `${op}: ${failure ?? numbers}`;
    yield ok
      ? { name: "kernel", status: "ok", detail }
      : { name: "kernel", status: "broken", detail, todo: REBUILD_KERNELS };
  }
}

const REBUILD_KERNELS =
  "build the kernels for this GPU (CUDA toolkit, then npm rebuild mistral-lab), or compute with --device native";

async function useGpu(): Promise<Cuda> {
  const [{ useDevice }, { activeCuda }] = await Promise.all([
    import("../index.ts"),
    import("../backend/cuda/backend.ts"),
  ]);
  await useDevice("cuda");
  return activeCuda()!;
}

function checkCublasLt({ driver }: Cuda): Check {
  const { version, path, problem } = driver.blas();
  const name = "cublasLt";
  return problem === undefined
    ? { name, status: "ok", detail: `version ${version}, ${path}` }
    : {
        name,
        status: "missing",
        detail: `${problem}; products run on this package's own kernels, slower`,
        todo: "install cuBLAS (pip install nvidia-cublas, which PyTorch brings too, or the CUDA toolkit), or name its libcublasLt.so in MISTRAL_LAB_CUBLASLT",
      };
}

/** What the system shows of a GPU, whether it can be used or not. */
function findGpu(): string | undefined {
  const fields = ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"];
  const smi = spawnSync("nvidia-smi", fields, { encoding: "utf8", timeout: 10_000 });
  if (smi.status === 0 && smi.stdout.trim() !== "") return smi.stdout.trim().split("\n").join("; ");
  return hasCudaLibrary() ? "libcuda.so.1 is there, nvidia-smi shows no GPU" : undefined;
}

function hasCudaLibrary(): boolean {
  const { stdout } = spawnSync("ldconfig", ["-p"], { encoding: "utf8" });
  if (stdout?.includes("libcuda.so.1")) return true;
  return ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib/wsl/lib"].some(
    (dir) => existsSync(join(dir, "libcuda.so.1")),
  );
}

function checkNode(): Check {
  const { engines } = readJson(join(packageRoot(), "package.json")) as { engines: { node: string } };
  const wanted = engines.node;
  const [needMajor, needMinor] = (wanted.match(/\d+/g) ?? []).map(Number);
  const [major, minor] = process.versions.node.split(".").map(Number);
  const enough = major > needMajor || (major === needMajor && minor >= needMinor);
  const detail = `${process.version} on ${process.platform} ${process.arch} (needs ${wanted})`;
  return enough
    ? { name: "node", status: "ok", detail }
    : { name: "node", status: "broken", detail, todo: "install a newer Node.js: https://nodejs.org" };
}

/** What the work cannot do without. */
const PACKAGES = ["@tensorflow/tfjs", "@huggingface/tokenizers", "@huggingface/jinja", "zod"];

function checkPackages(): Check {
  const { version } = readJson(join(packageRoot(), "package.json")) as { version: string };
  const require = createRequire(import.meta.url);
  const found = [`mistral-lab ${version}`];
  const lost: string[] = [];
  for (const name of PACKAGES) {
    // Not by require(): some packages do not export their package.json.
    const file = (require.resolve.paths(name) ?? [])
      .map((dir) => join(dir, name, "package.json"))
      .find((path) => existsSync(path));
    if (file) found.push(`${name} ${(readJson(file) as { version: string }).version}`);
    else lost.push(name);
  }
  const check = { name: "packages", detail: found.join(", ") };
  return lost.length === 0
    ? { ...check, status: "ok" }
    : { ...check, status: "broken", detail: `not installed: ${lost.join(", ")}`, todo: "npm ci" };
}

function checkMemory(): Check {
  // In a container the limit is its own; 0 or far beyond the machine means none.
  const limit = process.constrainedMemory?.() || totalmem();
  const total = Math.min(limit, totalmem());
  const free = Math.min(freemem(), total);
  const detail = `${bytes(free)} free of ${bytes(total)}`;
  return free >= 1e9
    ? { name: "memory", status: "ok", detail }
    : {
        name: "memory",
        status: "missing",
        detail: `${detail}; the demo takes about 0.4 GB, a larger model more`,
        todo: "close other programs, or lower --micro-batch-size and --max-seq-length",
      };
}

function checkDisk(): Check {
  const { bavail, bsize } = statfsSync(process.cwd());
  const free = bavail * bsize;
  const detail = `${bytes(free)} free in ${process.cwd()}`;
  return free >= 200e6
    ? { name: "disk", status: "ok", detail }
    : {
        name: "disk",
        status: "broken",
        detail,
        todo: "free some room: each checkpoint holds the adapter and AdamW's two averages of it",
      };
}

function checkModel(): Check {
  const dir = join(packageRoot(), BUNDLED_MODEL);
  const lost = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"].filter(
    (file) => !existsSync(join(dir, file)),
  );
  return lost.length === 0
    ? { name: "model", status: "ok", detail: `bundled model in ${dir}` }
    : {
        name: "model",
        status: "broken",
        detail: `the bundled model in ${dir} lacks ${lost.join(", ")}`,
        todo: "install the package again, or make the model: npm run pretrain",
      };
}

function firstLine(text: string): string {
  return text.split("\n")[0].trim();
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
