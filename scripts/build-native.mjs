// Builds the addon with the C++ compiler alone: no Python, no node-gyp, no CMake on the user's machine.
// Every file of native/cpu is compiled once for each instruction set; the addon chooses among them at run time.
// Where nvcc is installed, the GPU kernels of native/cuda are compiled too, one file an op, for the GPUs of this machine
// (MISTRAL_LAB_CUDA_ARCHS=80,90 builds for those). `--portable` builds them for all generations: `npm pack` does, so that
// a published package carries its kernels. Where there is no nvcc, those that the package came with stay; a card that they
// do not fit has them compiled by NVRTC at their first use (sdk/backend/cuda/nvrtc.ts).
// Where there is no compiler this says so in one line and succeeds: the SDK then runs on plain tfjs.
// `--emulate-amx` builds a second addon in build/test/amx whose tile registers are plain memory: a test build, for
// processors without AMX.
// `--strict` makes that, and a failed compilation, exit with 1. `--verbose` shows each command; `--force` ignores
// what is already built.
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const out = join(root, "build", "native");
const verbose = process.argv.includes("--verbose");
const force = process.argv.includes("--force");
const strict = process.argv.includes("--strict");
const emulateAmx = process.argv.includes("--emulate-amx");

/** Turing (float32 only), Ampere, Ada, Hopper. */
const ALL_ARCHS = ["75", "80", "86", "89", "90"];

/**
 * GPU generations that get machine code: those of this machine's GPUs, or all where it has none.
 * Newer ones compile the PTX of the last.
 */
function cudaArchs() {
  const chosen = process.env.MISTRAL_LAB_CUDA_ARCHS;
  if (chosen) return chosen.split(",");
  if (process.argv.includes("--portable")) return ALL_ARCHS;
  const query = ["--query-gpu=compute_cap", "--format=csv,noheader"];
  const { stdout, status } = spawnSync("nvidia-smi", query, { encoding: "utf8" });
  const found = status === 0 ? (stdout.match(/\d+\.\d+/g) ?? []) : [];
  const present = [...new Set(found.map((capability) => capability.replace(".", "")))].sort((a, b) => a - b);
  return present.length > 0 ? present : ALL_ARCHS;
}

const avx512 = ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mfma", "-mf16c"];
/** Instruction sets: name and compiler flags. The name is the C++ namespace of the kernels. */
const isaFlags =
  process.arch === "x64"
    ? {
        scalar: [],
        avx2: ["-mavx2", "-mfma", "-mf16c"],
        avx512,
        avx512bf16: [...avx512, "-mavx512bf16"],
        amx: [...avx512, "-mavx512bf16", "-mamx-tile", "-mamx-bf16"],
      }
    : { scalar: [] };

/** The instruction sets that this compiler knows: gcc 9 has no bfloat16, gcc 10 no AMX. */
function knownIsas(cxx) {
  const knows = (flags) =>
    spawnSync(cxx, [...flags, "-E", "-x", "c++", "-"], { input: "", stdio: ["pipe", "ignore", "ignore"] })
      .status === 0;
  return Object.entries(isaFlags).filter(([, flags]) => flags.length === 0 || knows(flags));
}

function findCompiler() {
  for (const candidate of [process.env.CXX, "c++", "g++", "clang++"]) {
    if (candidate && spawnSync(candidate, ["--version"], { stdio: "ignore" }).status === 0) return candidate;
  }
  return undefined;
}

/** Object file is up to date when it is newer than its source, every header, and this script. */
function newestHeader(extension) {
  const files = ["native", "native/cpu", "native/addon", "native/cuda"].flatMap((dir) =>
    readdirSync(join(root, dir))
      .filter((f) => f.endsWith(extension))
      .map((f) => join(root, dir, f)),
  );
  return Math.max(...[...files, fileURLToPath(import.meta.url)].map((f) => statSync(f).mtimeMs));
}

function run(command, args) {
  if (verbose) console.log([command, ...args].join(" "));
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    child.stdout.on("data", (d) => (text += d));
    child.stderr.on("data", (d) => (text += d));
    child.on("close", (code) => resolve({ code, text }));
  });
}

async function build(cxx) {
  mkdirSync(out, { recursive: true });
  const require = createRequire(join(root, "package.json"));
  const includes = [
    require("node-api-headers").include_dir,
    dirname(require.resolve("node-addon-api/package.json")),
  ];
  const base = [
    "-std=c++17",
    "-O3",
    "-fPIC",
    "-fvisibility=hidden",
    "-pthread",
    "-Wall",
    "-Wextra",
    "-Wno-psabi",
  ];
  // No -ffast-math: NaN and Inf must stay visible. Fused multiply-add is wanted and does not hide them.
  base.push("-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math");
  const sources = (dir) => readdirSync(join(root, "native", dir)).filter((f) => f.endsWith(".cpp"));
  const jobs = [];
  const isas = knownIsas(cxx);
  const testOut = join(root, "build", "test", "amx");
  if (emulateAmx) mkdirSync(testOut, { recursive: true });
  for (const file of sources("cpu")) {
    // threads.cpp holds the one thread pool, dispatch.cpp the choice: both exist once.
    const once = file === "threads.cpp" || file === "dispatch.cpp";
    for (const [isa, flags] of once ? [["once", []]] : isas) {
      const defines = once ? isas.map(([i]) => `-DMLAB_HAS_${i.toUpperCase()}`) : [`-DMLAB_ISA=${isa}`];
      const emulated = emulateAmx && (file === "dispatch.cpp" || (isa === "amx" && file === "gemm.cpp"));
      if (emulated) defines.push("-DMLAB_EMULATE_TILES");
      jobs.push({
        source: join(root, "native/cpu", file),
        object: join(emulated ? testOut : out, `cpu-${isa}-${basename(file, ".cpp")}.o`),
        args: [...flags, ...defines],
      });
    }
  }
  for (const file of sources("cuda")) {
    jobs.push({
      source: join(root, "native/cuda", file),
      object: join(out, `cuda-${basename(file, ".cpp")}.o`),
      args: [],
    });
  }
  for (const file of sources("addon")) {
    const args = [
      "-DNAPI_VERSION=8",
      "-DNAPI_CPP_EXCEPTIONS",
      "-fexceptions",
      ...includes.map((i) => `-I${i}`),
    ];
    jobs.push({
      source: join(root, "native/addon", file),
      object: join(out, `addon-${basename(file, ".cpp")}.o`),
      args,
    });
  }
  const headers = newestHeader(".h");
  const stale = ({ object, source }) =>
    force || !existsSync(object) || statSync(object).mtimeMs < Math.max(headers, statSync(source).mtimeMs);
  const queue = jobs.filter(stale);
  const folder = emulateAmx ? testOut : out;
  const target = join(folder, "mistral-lab.node");
  const objects = jobs.map((j) => j.object);
  const manifest = objects.join("\n");
  const manifestFile = join(folder, "objects.txt");
  const same = existsSync(manifestFile) && readFileSync(manifestFile, "utf8") === manifest;
  const linked =
    existsSync(target) &&
    objects.every((o) => existsSync(o) && statSync(o).mtimeMs <= statSync(target).mtimeMs);
  if (queue.length === 0 && linked && same) return;

  const started = Date.now();
  const total = queue.length;
  let failure;
  const worker = async () => {
    for (let job = queue.shift(); job && !failure; job = queue.shift()) {
      const { object } = job;
      const { code, text } = await run(cxx, [...base, ...job.args, "-c", job.source, "-o", `${object}.tmp`]);
      if (code !== 0) failure = text;
      else {
        if (text.trim()) console.warn(text.trim());
        renameSync(`${object}.tmp`, object);
      }
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  if (failure) throw new Error(failure);
  const link = ["-shared", "-pthread", "-o", `${target}.tmp`, ...objects];
  if (process.platform === "linux") link.push("-ldl");
  if (process.platform === "darwin") link.push("-undefined", "dynamic_lookup");
  const { code, text } = await run(cxx, link);
  if (code !== 0) throw new Error(text);
  renameSync(`${target}.tmp`, target); // a process that has the old addon open keeps it
  writeFileSync(manifestFile, manifest);
  console.log(
    `mistral-lab: native addon built (${total} files, ${((Date.now() - started) / 1000).toFixed(0)} s)`,
  );
}

/** One fat binary a kernel file, loaded by the driver at the kernel's first use. */
async function buildKernels(nvcc) {
  const folder = join(out, "cuda");
  mkdirSync(folder, { recursive: true });
  const headers = Math.max(newestHeader(".cuh"), statSync(join(root, "native", "nf4Tables.h")).mtimeMs);
  const archs = cudaArchs();
  // Machine code for Hopper may use what its successors lack (wgmma); PTX may not.
  const own = (arch) => (arch === "90" ? "90a" : arch);
  const codes = archs.flatMap((arch) => ["-gencode", `arch=compute_${own(arch)},code=sm_${own(arch)}`]);
  const last = archs[archs.length - 1];
  codes.push("-gencode", `arch=compute_${last},code=compute_${last}`);
  const flags = ["-fatbin", "-std=c++17", "-O3", "-Xfatbin", "-compress-all", ...codes];
  const built = join(folder, "flags.txt");
  const same = existsSync(built) && readFileSync(built, "utf8") === flags.join(" ");
  const jobs = readdirSync(join(root, "native", "cuda"))
    .filter((file) => file.endsWith(".cu"))
    .map((file) => ({
      source: join(root, "native/cuda", file),
      target: join(folder, `${basename(file, ".cu")}.fatbin`),
    }));
  // What is no kernel any more must not be packed.
  const kept = new Set([built, ...jobs.map(({ target }) => target)]);
  for (const file of readdirSync(folder)) if (!kept.has(join(folder, file))) rmSync(join(folder, file));
  const queue = jobs.filter(
    ({ source, target }) =>
      force ||
      !same ||
      !existsSync(target) ||
      statSync(target).mtimeMs < Math.max(headers, statSync(source).mtimeMs),
  );
  if (queue.length === 0) return;
  const started = Date.now();
  const total = queue.length;
  let failure;
  const worker = async () => {
    for (let job = queue.shift(); job && !failure; job = queue.shift()) {
      const { code, text } = await run(nvcc, [...flags, job.source, "-o", `${job.target}.tmp`]);
      if (code !== 0) failure = text;
      else renameSync(`${job.target}.tmp`, job.target);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  if (failure) throw new Error(failure);
  writeFileSync(built, flags.join(" "));
  console.log(
    `mistral-lab: GPU kernels built (${total} files, ${((Date.now() - started) / 1000).toFixed(0)} s)`,
  );
}

function findNvcc() {
  for (const candidate of [process.env.NVCC, "nvcc", "/usr/local/cuda/bin/nvcc"]) {
    if (candidate && spawnSync(candidate, ["--version"], { stdio: "ignore" }).status === 0) return candidate;
  }
  return undefined;
}

const cxx = findCompiler();
if (process.env.MISTRAL_LAB_SKIP_NATIVE) {
  console.log(
    "mistral-lab: MISTRAL_LAB_SKIP_NATIVE is set; the native addon is not built and plain tfjs will be used.",
  );
} else if (!cxx) {
  console.log(
    "mistral-lab: no C++ compiler found; plain tfjs will be used (slower). Install g++ or clang++, then `npm rebuild`.",
  );
  if (strict) process.exitCode = 1;
} else {
  await build(cxx).catch((error) => {
    console.log(
      `mistral-lab: the native addon could not be built with ${cxx}; plain tfjs will be used (slower).`,
    );
    console.log(error.message.split("\n").slice(0, 20).join("\n"));
    if (strict) process.exitCode = 1;
  });
  const nvcc = emulateAmx ? undefined : findNvcc();
  if (!nvcc && process.argv.includes("--portable") && !existsSync(join(out, "cuda"))) {
    console.log(
      "mistral-lab: no nvcc found; the package will carry no GPU kernels, and NVRTC compiles them where it is used.",
    );
  }
  if (nvcc) {
    await buildKernels(nvcc).catch((error) => {
      console.log(
        `mistral-lab: the GPU kernels could not be built with ${nvcc}; a GPU is used where NVRTC can compile them.`,
      );
      console.log(error.message.split("\n").slice(0, 20).join("\n"));
      if (process.argv.includes("--strict")) process.exitCode = 1;
    });
  }
}
