// Builds the tests' emulator of a GPU (test/gpu/README.md) into build/test/gpu: the fake driver, cuBLASLt and NVRTC, and each
// file of native/cuda compiled for the CPU. A file that does not compile is named, and the others are built all the same
// (exit code 1). Arguments are stems of files to build, if not all; `--races` adds
// kernels that report each access to memory; `--force` ignores what is already built.
import { existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findCompiler, run } from "./compile.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const here = join(root, "test", "gpu");
const out = join(root, "build", "test", "gpu");
const races = process.argv.includes("--races");
const force = process.argv.includes("--force");
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));

const base = ["-std=c++17", "-march=native", "-fPIC", "-fvisibility=hidden", "-g1", "-Wall", "-Wextra"];
/** Kernels: what nvcc forgives or does itself, and checks of alignment and of indices into arrays. */
const kernelFlags = [
  "-O2",
  "-ffp-contract=fast",
  "-fno-math-errno",
  "-fno-trapping-math",
  "-fno-strict-aliasing",
  "-fsanitize=alignment,bounds",
  "-fno-sanitize-recover=all",
  "-Wno-unknown-pragmas",
  "-Wno-unused",
  "-Wno-sign-compare",
  "-Wno-psabi",
];

/** Of libemulator.so: what runs the kernels. */
const EMULATOR = ["emulator", "fibers", "threads", "products", "memory", "faults", "races"].map(
  (stem) => `${stem}.cpp`,
);

const raceFlags = ["-fsanitize=thread", "--param", "tsan-instrument-func-entry-exit=0"];

/** What the compiler printed. */
async function compile(cxx, args) {
  const { code, output, text } = await run(cxx, args);
  if (code !== 0) throw new Error(text);
  if (text.trim()) console.warn(text.trim());
  return output;
}

function files(folder, extension) {
  return readdirSync(folder)
    .filter((file) => file.endsWith(extension))
    .map((file) => join(folder, file));
}

const newest = (list) => Math.max(...list.map((file) => statSync(file).mtimeMs));

/** `extern "C" __global__ void __launch_bounds__(N) name(` in preprocessed text: names and bounds. */
function kernelsIn(text) {
  const pattern =
    /extern\s+"C"\s+__global__\s+void\s+(?:__launch_bounds__\s*\(((?:[^()]|\([^()]*\))*)\)\s*)?(\w+)\s*\(/g;
  const kernels = [...text.matchAll(pattern)].map(([, bounds, name]) => ({
    name,
    maxThreads: bounds?.split(",")[0] ?? "1024",
  }));
  const words = text.match(/\b__global__\b/g)?.length ?? 0;
  if (words !== kernels.length)
    throw new Error(`${words} kernels, but ${kernels.length} of the form extern "C" __global__ void name(`);
  return kernels;
}

/** The kernels of a file and the table by which the driver finds them, in one shared library. */
async function buildModule(cxx, source, target, flags) {
  const stem = basename(source, ".cu");
  const wrapper = target.replace(/so$/, "cpp");
  const include = `#include "${join(here, "host.h")}"\n#include "${join(here, "emulator.h")}"\n#include "${source}"\n`;
  const folders = [`-I${join(root, "native", "cuda")}`];
  const list = ["-E", "-P", "-DEMULATOR_LIST", "-include", join(here, "emulator.h"), "-x", "c++", source];
  const kernels = kernelsIn(await compile(cxx, ["-std=c++17", ...folders, ...list]));
  const entries = kernels.map(
    ({ name, maxThreads }) => `    emulator::Entry<&${name}>::kernel("${name}", ${maxThreads}),\n`,
  );
  writeFileSync(
    wrapper,
    `${include}
extern "C" unsigned char __attribute__((visibility("hidden"))) __bss_start[], _end[];
static const emulator::Kernel kernels[] = {
${entries.join("")}    {nullptr, 0, 0, nullptr, nullptr},
};
extern "C" EMULATOR_API const emulator::Module emulatorModule = {"${stem}.cu", kernels, __bss_start, _end};
`,
  );
  const object = target.replace(/so$/, "o");
  await compile(cxx, [...base, ...kernelFlags, ...flags, ...folders, "-c", wrapper, "-o", object]);
  // Without the compiler's own start files .bss holds the kernels' __shared__ arrays only.
  await compile(cxx, ["-shared", "-nostartfiles", object, ...linkEmulator, "-o", `${target}.tmp`]);
  renameSync(`${target}.tmp`, target);
}

const linkEmulator = [`-L${out}`, "-lemulator", "-Wl,-rpath,$ORIGIN", "-Wl,--no-undefined", "-lm"];

async function buildLibrary(cxx, args, target) {
  await compile(cxx, [...base, "-O3", "-pthread", ...args, "-o", `${target}.tmp`]);
  renameSync(`${target}.tmp`, target);
}

async function all(queue) {
  const failed = [];
  const worker = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) {
      await job.build().catch((error) => failed.push({ name: job.name, text: error.message }));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  for (const { name, text } of failed) console.error(`${name} does not compile:\n${text.trim()}\n`);
  return failed.length === 0;
}

async function main() {
  const started = Date.now();
  const cxx = findCompiler();
  if (!cxx) throw new Error("no C++ compiler found: install g++ or clang++");
  mkdirSync(out, { recursive: true });
  const script = fileURLToPath(import.meta.url);
  const own = files(here, ".h");
  const ofKernels = ["emulator.h", "instructions.h", "host.h"].map((name) => join(here, name));
  const stale = (target, sources) =>
    force || !existsSync(target) || statSync(target).mtimeMs < newest([script, ...sources]);
  const soname = (name) => ["-shared", `-Wl,-soname,${name}`];
  const library = (name, sources, args) => {
    const [paths, target] = [sources.map((source) => join(here, source)), join(out, name)];
    const build = () => buildLibrary(cxx, [...paths, ...soname(name), ...args, "-ldl"], target);
    return { name: sources[0], target, sources: [...paths, ...own], build };
  };
  const emulator = library("libemulator.so", EMULATOR, []);
  const headers = [...files(join(root, "native", "cuda"), ".cuh"), join(root, "native", "nf4Tables.h")];
  const kernels = [...files(join(root, "native", "cuda"), ".cu"), ...files(here, ".cu")]
    .filter((source) => wanted.length === 0 || wanted.includes(basename(source, ".cu")))
    .flatMap((source) =>
      Object.entries(races ? { so: [], "races.so": raceFlags } : { so: [] }).map(([ending, flags]) => {
        const target = join(out, `${basename(source, ".cu")}.${ending}`);
        const build = () => buildModule(cxx, source, target, flags);
        return { name: basename(source), target, sources: [source, ...ofKernels, ...headers], build };
      }),
    );
  const rest = [
    library("libcuda.so.1", ["driver.cpp", "launches.cpp"], linkEmulator),
    library("libcublasLt.so", ["blas.cpp"], linkEmulator),
    library("libnvrtc.so", ["nvrtc.cpp"], []),
    ...kernels,
  ];
  let ok = true;
  let built = 0;
  for (const stage of [[emulator], rest]) {
    const queue = stage.filter((job) => stale(job.target, job.sources));
    built += queue.length;
    ok = (await all(queue)) && ok;
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  console.log(`GPU emulator: ${built} files built, ${ok ? "all" : "not all"} compile (${seconds} s)`);
  if (!ok) process.exitCode = 1;
}

await main();
