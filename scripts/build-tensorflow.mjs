// Builds the C++ part of @tensorflow/tfjs-node against the TensorFlow that a Python package brings. That package's own
// install downloads TensorFlow 2.9 (CUDA 11.2) from one host of Google; where that cannot be reached, or a newer
// TensorFlow is wanted, pip's wheel holds the same C interface. Linux only: the wheel's libraries are found by rpath.
//
//   pip install --no-deps --target /opt/tensorflow tensorflow-cpu==2.21.0
//   node scripts/build-tensorflow.mjs /opt/tensorflow/tensorflow
//
// The package goes to build/tensorflow of mistral-lab, where `--device tensorflow` finds it. Its own copies of tfjs are
// removed, so that it uses those of mistral-lab: two copies would have two registries of backends.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

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

const require = createRequire(import.meta.url);
const version = require("../package.json").dependencies["@tensorflow/tfjs"];
const place = join(dirname(fileURLToPath(import.meta.url)), "../build/tensorflow");
mkdirSync(place, { recursive: true });
writeFileSync(join(place, "package.json"), '{ "private": true }\n');
const npm = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
const installed = spawnSync("npm", [...npm, `@tensorflow/tfjs-node@${version}`], {
  cwd: place,
  stdio: ["ignore", "ignore", "inherit"],
});
if (installed.status !== 0) stop(`npm could not install @tensorflow/tfjs-node@${version}`);
const scope = join(place, "node_modules/@tensorflow");
for (const name of readdirSync(scope)) {
  if (name !== "tfjs-node") rmSync(join(scope, name), { recursive: true });
}

const binding = join(scope, "tfjs-node");
const headers = require.resolve("node-api-headers/package.json");
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
