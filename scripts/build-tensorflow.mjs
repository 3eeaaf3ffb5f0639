// Builds the C++ part of @tensorflow/tfjs-node against the TensorFlow that a Python package brings. That package's own
// install downloads TensorFlow 2.9 (CUDA 11.2) from one host of Google; where that cannot be reached, or a newer
// TensorFlow is wanted, pip's wheel holds the same C interface. Linux only: the wheel's libraries are found by rpath.
//
//   npm install --no-save --ignore-scripts @tensorflow/tfjs-node@4.22.0
//   pip install --no-deps --target /opt/tensorflow tensorflow-cpu==2.21.0
//   node scripts/build-tensorflow.mjs /opt/tensorflow/tensorflow
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";

function stop(message) {
  console.error(`build-tensorflow: ${message}`);
  process.exit(1);
}

const folder = process.argv[2] && resolve(process.argv[2]);
if (!folder) stop("expected the folder of pip's tensorflow, such as /opt/tensorflow/tensorflow");
const libraries = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"].map((name) => join(folder, name));
for (const path of [...libraries, join(folder, "include/tensorflow/c/c_api.h")]) {
  if (!existsSync(path)) stop(`${path} is not there: is it the folder "tensorflow" of a wheel for Linux?`);
}

const require = createRequire(join(process.cwd(), "package.json"));
/** Not by require(): packages need not export their package.json. */
function packageFolder(name) {
  const found = (require.resolve.paths(name) ?? [])
    .map((dir) => join(dir, name))
    .find((dir) => existsSync(dir));
  return (
    found ??
    stop(`${name} is not installed in ${process.cwd()}: npm install --no-save --ignore-scripts ${name}`)
  );
}

const binding = packageFolder("@tensorflow/tfjs-node");
if (!existsSync(join(binding, "binding/tfjs_backend.cc"))) {
  stop(`${binding} holds no C++ sources: is another package installed under its name?`);
}
const headers = createRequire(import.meta.url).resolve("node-api-headers/package.json");
// The newest of Node's interfaces that the package knows, and so the one it looks for.
const api = 8;
const out = join(binding, `lib/napi-v${api}/tfjs_binding.node`);
mkdirSync(dirname(out), { recursive: true });
const flags = [
  ...["-std=c++17", "-O2", "-fPIC", "-shared", `-DNAPI_VERSION=${api}`],
  ...["-I", binding, "-I", join(folder, "include"), "-I", join(dirname(headers), "include")],
  ...["tfjs_backend.cc", "tfjs_binding.cc"].map((file) => join(binding, "binding", file)),
  ...[...libraries, `-Wl,-rpath,${folder}`, "-o", out],
];
const compiler = process.env.CXX ?? "c++";
const { status, error } = spawnSync(compiler, flags, { stdio: "inherit" });
if (status !== 0) stop(`${compiler} failed${error ? `: ${error.message}` : ""}`);
console.log(out);
