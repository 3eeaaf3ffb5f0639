// Builds the addon with the C++ compiler alone: no Python, no node-gyp, no CMake on the user's machine.
// Every file of native/cpu is compiled once for each instruction set; the addon chooses among them at run time.
// Where nvcc is installed, the GPU kernels of native/cuda are compiled too, one file an op, for the GPUs of this machine
// (MISTRAL_LAB_CUDA_ARCHS=80,90 builds for those, and an empty NVCC for none). `--portable` builds them for all
// generations: `npm pack` does, so that
// a published package carries its kernels. Where there is no nvcc, those that the package came with stay; a card that they
// do not fit has them compiled by NVRTC at their first use (sdk/backend/cuda/nvrtc.ts).
// Where there is no compiler this says so in one line and succeeds: the SDK then runs on plain tfjs.
// `--emulate-amx` builds a second addon in build/test/amx whose tile registers are plain memory: a test build, for
// processors without AMX.
// `--strict` makes that, a failed compilation, and an addon that cannot be loaded exit with 1. `--verbose` shows each
// command; `--force` ignores what is already built.
//
// An object file's name holds a hash of all that it is made of: source, headers, command, the compiler's version. So one
// that is there is the right one, whatever the clocks say, after a checkout or a change of compiler too.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findCompiler, findTool, onAllProcessors, removeLeftovers, replaceFile, run } from "./compile.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const out = join(root, "build", "native");
const FLAGS = ["--portable", "--emulate-amx", "--strict", "--verbose", "--force"];
const [portable, emulateAmx, strict, verbose, force] = FLAGS.map((flag) => process.argv.includes(flag));
const unknown = process.argv.slice(2).find((flag) => !FLAGS.includes(flag));
if (unknown) {
  console.error(`build-native: unknown flag "${unknown}"; there are ${FLAGS.join(", ")}`);
  process.exit(1);
}

/** Turing (float32 only), Ampere, Ada, Hopper. */
const ALL_ARCHS = ["75", "80", "86", "89", "90"];

/**
 * GPU generations that get machine code: those of this machine's GPUs, or all where it has none.
 * Newer ones compile the PTX of the last.
 */
function cudaArchs() {
  const chosen = process.env.MISTRAL_LAB_CUDA_ARCHS;
  if (chosen) return chosen.split(",");
  if (portable) return ALL_ARCHS;
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
function knownIsas([command, ...words]) {
  const rest = ["-E", "-x", "c++", "-"];
  const knows = (flags) =>
    spawnSync(command, [...words, ...flags, ...rest], { input: "", stdio: ["pipe", "ignore", "ignore"] })
      .status === 0;
  return Object.entries(isaFlags).filter(([, flags]) => flags.length === 0 || knows(flags));
}

/** Files of these folders of native/ that end so. */
function files(folders, extension) {
  return folders.flatMap((folder) =>
    readdirSync(join(root, "native", folder))
      .filter((file) => file.endsWith(extension))
      .map((file) => join(root, "native", folder, file)),
  );
}

/** Where the headers lie that the files of a folder may include. */
const HEADERS = { cpu: ["", "cpu"], cuda: ["", "cuda"], addon: ["", "cpu", "cuda", "addon"] };

/** Gives the hash of an object file; `common` is what all have in common. */
function hashing(common) {
  const text = (file) => readFileSync(file, "utf8");
  const headers = Object.fromEntries(
    Object.entries(HEADERS).map(([folder, folders]) => [folder, files(folders, ".h").map(text)]),
  );
  return (folder, source, args) =>
    createHash("sha256")
      .update(JSON.stringify([common, headers[folder], text(source), args]))
      .digest("hex")
      .slice(0, 12);
}

async function build(cxx) {
  mkdirSync(out, { recursive: true });
  const require = createRequire(join(root, "package.json"));
  const packages = ["node-api-headers", "node-addon-api"].map((name) =>
    require.resolve(`${name}/package.json`),
  );
  const includes = [require("node-api-headers").include_dir, dirname(packages[1])];
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
  const { stdout: version } = spawnSync(cxx[0], [...cxx.slice(1), "--version"], { encoding: "utf8" });
  const hash = hashing([cxx, version, base, ...packages.map((file) => require(file).version)]);
  const jobs = [];
  const addJob = (folder, source, args, { prefix = folder, to = out, includes = [] } = {}) => {
    const object = join(to, `${prefix}-${basename(source, ".cpp")}-${hash(folder, source, args)}.o`);
    jobs.push({ source, object, args: [...args, ...includes] });
  };
  const isas = knownIsas(cxx);
  const testOut = join(root, "build", "test", "amx");
  if (emulateAmx) mkdirSync(testOut, { recursive: true });
  for (const source of files(["cpu"], ".cpp")) {
    const file = basename(source);
    // threads.cpp holds the one thread pool, dispatch.cpp the choice: both exist once.
    const once = file === "threads.cpp" || file === "dispatch.cpp";
    for (const [isa, flags] of once ? [["once", []]] : isas) {
      const defines = once ? isas.map(([i]) => `-DMLAB_HAS_${i.toUpperCase()}`) : [`-DMLAB_ISA=${isa}`];
      const emulated = emulateAmx && (file === "dispatch.cpp" || (isa === "amx" && file === "gemm.cpp"));
      if (emulated) defines.push("-DMLAB_EMULATE_TILES");
      addJob("cpu", source, [...flags, ...defines], { prefix: `cpu-${isa}`, to: emulated ? testOut : out });
    }
  }
  for (const source of files(["cuda"], ".cpp")) addJob("cuda", source, []);
  const addonFlags = [
    "-DNAPI_VERSION=8",
    "-DNAPI_CPP_EXCEPTIONS",
    // An error of C++, no memory above all, is one of JavaScript too, and not the end of the process;
    "-DNODE_ADDON_API_CPP_EXCEPTIONS_ALL",
    // nor is one that nobody can be told of, because the worker thread is being terminated.
    "-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
  ];
  for (const source of files(["addon"], ".cpp"))
    addJob("addon", source, [...addonFlags, "-fexceptions"], {
      includes: includes.map((path) => `-I${path}`),
    });
  const queue = jobs.filter(({ object }) => force || !existsSync(object));
  const folder = emulateAmx ? testOut : out;
  const target = join(folder, "mistral-lab.node");
  const objects = jobs.map((j) => j.object);
  const link = ["-shared", "-pthread", ...objects];
  // nodelete: a worker thread that ends takes its addons out of memory, and the pool's threads would run on in nothing.
  // now: a function that is missing is an error of loading, not the end of the process that calls it.
  if (process.platform === "linux") link.push("-ldl", "-Wl,-z,nodelete,-z,now");
  if (process.platform === "darwin") link.push("-undefined", "dynamic_lookup");
  const manifest = link.join("\n");
  const manifestFile = join(folder, "linked.txt");
  const same = existsSync(manifestFile) && readFileSync(manifestFile, "utf8") === manifest;
  if (queue.length === 0 && existsSync(target) && same) return;

  const started = Date.now();
  removeLeftovers(out);
  await onAllProcessors(queue, ({ source, args, object }) =>
    replaceFile(object, out, async (path) => {
      const { code, text } = await run(cxx, [...base, ...args, "-c", source, "-o", path], verbose);
      if (code !== 0) throw new Error(text);
      if (text.trim()) console.warn(text.trim());
    }),
  );
  let problem;
  await replaceFile(target, out, async (path) => {
    const { code, text } = await run(cxx, [...link, "-o", path], verbose);
    if (code !== 0) throw new Error(text);
    problem = loadProblem(path);
  });
  writeFileSync(manifestFile, manifest);
  // Objects of files that are gone, or of another compiler.
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".o")))
    if (!objects.includes(join(folder, file))) rmSync(join(folder, file), { force: true });
  console.log(
    `mistral-lab: native addon built (${queue.length} files, ${((Date.now() - started) / 1000).toFixed(0)} s)`,
  );
  if (!problem) return;
  // It may have been built for another machine.
  console.log(`mistral-lab: this Node cannot load it, so that plain tfjs will be used (slower): ${problem}`);
  if (strict) process.exitCode = 1;
}

/** Why the addon cannot be loaded here, found out by a process that it may kill; undefined where it can. */
function loadProblem(path) {
  const script =
    "try { process.dlopen({ exports: {} }, process.argv[1]) } catch (error) { console.log(error.message) }";
  const { stdout, signal } = spawnSync(process.execPath, ["-e", script, path], { encoding: "utf8" });
  return signal ? `it kills the process (${signal})` : stdout.trim() || undefined;
}

/** One fat binary a kernel file, loaded by the driver at the kernel's first use. */
async function buildKernels(nvcc) {
  const folder = join(out, "cuda");
  mkdirSync(folder, { recursive: true });
  // As clocks say, because the images bear their kernels' names; flags.txt tells of other flags.
  const newest = (...paths) => Math.max(...paths.map((path) => statSync(path).mtimeMs));
  const headers = newest(...files(["", "cuda"], ".cuh"), join(root, "native", "nf4Tables.h"));
  const archs = cudaArchs();
  // Machine code for Hopper may use what its successors lack (wgmma); PTX may not.
  const own = (arch) => (arch === "90" ? "90a" : arch);
  const codes = archs.flatMap((arch) => ["-gencode", `arch=compute_${own(arch)},code=sm_${own(arch)}`]);
  const last = archs[archs.length - 1];
  codes.push("-gencode", `arch=compute_${last},code=compute_${last}`);
  const flags = ["-fatbin", "-std=c++17", "-O3", "-Xfatbin", "-compress-all", ...codes];
  const built = join(folder, "flags.txt");
  const same = existsSync(built) && readFileSync(built, "utf8") === flags.join(" ");
  const jobs = files(["cuda"], ".cu").map((source) => ({
    source,
    target: join(folder, `${basename(source, ".cu")}.fatbin`),
  }));
  // What is no kernel any more must not be packed.
  const kept = new Set([built, ...jobs.map(({ target }) => target)]);
  for (const file of readdirSync(folder)) if (!kept.has(join(folder, file))) rmSync(join(folder, file));
  const queue = jobs.filter(
    ({ source, target }) =>
      force || !same || !existsSync(target) || newest(target) < Math.max(headers, newest(source)),
  );
  if (queue.length === 0) return;
  const started = Date.now();
  // Not in `folder`: what lies there is packed.
  await onAllProcessors(queue, ({ source, target }) =>
    replaceFile(target, out, async (path) => {
      const { code, text } = await run(nvcc, [...flags, source, "-o", path], verbose);
      if (code !== 0) throw new Error(text);
    }),
  );
  writeFileSync(built, flags.join(" "));
  console.log(
    `mistral-lab: GPU kernels built (${queue.length} files, ${((Date.now() - started) / 1000).toFixed(0)} s)`,
  );
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
      `mistral-lab: the native addon could not be built with ${cxx.join(" ")}; plain tfjs will be used (slower).`,
    );
    console.log(error.message.split("\n").slice(0, 20).join("\n"));
    if (strict) process.exitCode = 1;
  });
  // An empty variable: none is wanted, as the kernels of all generations take a while.
  const nvcc =
    emulateAmx || process.env.NVCC === ""
      ? undefined
      : findTool("NVCC", ["nvcc", "/usr/local/cuda/bin/nvcc"]);
  if (!nvcc && portable && !existsSync(join(out, "cuda"))) {
    console.log(
      "mistral-lab: no nvcc found; the package will carry no GPU kernels, and NVRTC compiles them where it is used.",
    );
  }
  if (nvcc) {
    await buildKernels(nvcc).catch((error) => {
      console.log(
        `mistral-lab: the GPU kernels could not be built with ${nvcc.join(" ")}; a GPU is used where NVRTC can compile them.`,
      );
      console.log(error.message.split("\n").slice(0, 20).join("\n"));
      if (strict) process.exitCode = 1;
    });
  }
}
