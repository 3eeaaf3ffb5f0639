import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inFolder } from "../inFolder.ts";

const root = join(import.meta.dirname, "..", "..");
const script = join(root, "scripts", "build-native.mjs");

/** A project with little to compile, whose addon has an entry `answer`. */
function project(dir: string): { copy: string; addon: string; native: string } {
  for (const folder of ["scripts", "native/cpu", "native/addon", "native/cuda"])
    mkdirSync(join(dir, folder), { recursive: true });
  for (const file of ["scripts/build-native.mjs", "scripts/compile.mjs", "package.json"])
    copyFileSync(join(root, file), join(dir, file));
  symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
  const native = join(dir, "native");
  writeFileSync(join(native, "nf4Tables.h"), "#pragma once\nconstexpr int kAnswer = 42;\n");
  writeFileSync(join(native, "cpu", "answer.cpp"), "namespace MLAB_ISA { int unused() { return 1; } }\n");
  writeFileSync(
    join(native, "addon", "addon.cpp"),
    `#include <node_api.h>
#include "../nf4Tables.h"
NAPI_MODULE_INIT() {
  napi_value answer;
  napi_create_int32(env, kAnswer, &answer);
  napi_set_named_property(env, exports, "answer", answer);
  return exports;
}
`,
  );
  const copy = join(dir, "scripts", "build-native.mjs");
  return { copy, addon: join(dir, "build", "native", "mistral-lab.node"), native };
}

const compilers = ["g++", "clang++"].filter((name) => spawnSync(name, ["--version"]).status === 0);

describe("build-native", () => {
  /** Without nvcc, which has nothing to do here. */
  const builds = (copy: string, env: Record<string, string> = {}) => {
    const child = spawn(process.execPath, [copy, "--strict"], { env: { ...process.env, NVCC: "", ...env } });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (text += data));
    return once(child, "close").then(([code]) => ({ code, text }));
  };
  const answer = (addon: string) =>
    spawnSync(process.execPath, ["-p", "require(process.argv[1]).answer", addon], { encoding: "utf8" });

  it("builds where the path has spaces, twice at once, and again after a change of a header or of the flags", function () {
    if (compilers.length === 0) {
      this.test!.title += ": skipped, there is no C++ compiler";
      this.skip();
    }
    return inFolder(async (parent) => {
      const { copy, addon, native } = project(join(parent, "a folder of (two) words"));
      for (const { code, text } of await Promise.all([builds(copy), builds(copy)]))
        assert.equal(code, 0, text);
      assert.equal(answer(addon).stdout, "42\n");
      const made = readdirSync(join(addon, ".."));
      assert.deepEqual(
        made.filter((file) => !/^(addon|cpu)-.*\.o$|^mistral-lab\.node$|^linked\.txt$|^cuda$/.test(file)),
        [],
      );
      assert.deepEqual(await builds(copy), { code: 0, text: "" }, "nothing to do");

      writeFileSync(join(native, "nf4Tables.h"), "#pragma once\nconstexpr int kAnswer = 43;\n");
      assert.match((await builds(copy)).text, /^mistral-lab: native addon built/);
      assert.equal(answer(addon).stdout, "43\n");

      // As another compiler would: it knows no instruction sets but the plain one.
      const plain = join(parent, "plain compiler");
      writeFileSync(
        plain,
        `#!/bin/sh\nfor word; do case $word in -mavx*) exit 1;; esac; done\nexec ${compilers[0]} "$@"\n`,
        { mode: 0o755 },
      );
      const { text, code } = await builds(copy, { CXX: plain });
      assert.match(text, /^mistral-lab: native addon built/);
      assert.equal(code, 0);
      const objects = readdirSync(join(addon, "..")).filter((file) => file.endsWith(".o"));
      assert.deepEqual(objects.map((file) => file.replace(/-\w+\.o$/, "")).sort(), [
        "addon-addon",
        "cpu-scalar-answer",
      ]);
    });
  });

  it("names a CXX that cannot be started, takes one of several words, and refuses unknown flags", function () {
    if (compilers.length === 0) {
      this.test!.title += ": skipped, there is no C++ compiler";
      this.skip();
    }
    return inFolder(async (dir) => {
      const { copy } = project(dir);
      const { text, code } = await builds(copy, { CXX: "no-such-compiler" });
      assert.match(
        text,
        /^mistral-lab: CXX="no-such-compiler" cannot be started; another compiler is looked for\nmistral-lab: native addon built/,
      );
      assert.equal(code, 0);
      assert.match(
        (await builds(copy, { CXX: `env ${compilers[0]}` })).text,
        /^mistral-lab: native addon built/,
      );
      const { stderr, status } = spawnSync(process.execPath, [copy, "--strickt"], { encoding: "utf8" });
      assert.deepEqual(
        [stderr, status],
        [
          'build-native: unknown flag "--strickt"; there are --portable, --emulate-amx, --strict, --verbose, --force\n',
          1,
        ],
      );
    });
  });

  it("says when this Node cannot load what was built, when the compiler is killed, and where nothing can be written", function () {
    if (compilers.length === 0) {
      this.test!.title += ": skipped, there is no C++ compiler";
      this.skip();
    }
    return inFolder(async (dir) => {
      const { copy, native } = project(dir);
      const source = join(native, "addon", "other.cpp");
      writeFileSync(
        source,
        'extern "C" int nowhere(); __attribute__((visibility("default"))) int x = nowhere();\n',
      );
      const lacking = await builds(copy);
      assert.match(lacking.text, /this Node cannot load it, .* \(slower\): .*undefined symbol: nowhere/);
      assert.equal(lacking.code, 1);
      rmSync(source);

      const killed = join(dir, "killed");
      writeFileSync(killed, '#!/bin/sh\n[ "$1" = --version ] && exit 0\nkill -9 $$\n', { mode: 0o755 });
      const { text, code } = await builds(copy, { CXX: killed });
      assert.ok(
        text.endsWith(
          `plain tfjs will be used (slower).\n${killed} was killed (SIGKILL): was there enough memory?\n`,
        ),
        text,
      );
      assert.equal(code, 1);

      rmSync(join(dir, "build"), { recursive: true });
      writeFileSync(join(dir, "build"), "");
      const refused = await builds(copy);
      assert.match(refused.text, /could not be built .*\n(ENOTDIR|EEXIST): .*build/);
      assert.equal(refused.code, 1);
    });
  });

  for (const { words, code } of [
    { words: [], code: 0 },
    { words: ["--strict"], code: 1 },
  ]) {
    it(`says that there is no compiler and ends with ${code}: ${words.join(" ") || "no flag"}`, () => {
      const { status, stdout } = spawnSync(process.execPath, [script, ...words], {
        encoding: "utf8",
        env: { PATH: "" },
      });
      assert.equal(
        stdout,
        "mistral-lab: no C++ compiler found; plain tfjs will be used (slower). Install g++ or clang++, then `npm rebuild`.\n",
      );
      assert.equal(status, code);
    });
  }

  it("leaves no compiled kernels behind whose file is gone", () =>
    inFolder(async (dir) => {
      const { copy, addon } = project(dir);
      for (const file of ["common.cuh", "rope.cu"]) writeFileSync(join(dir, "native", "cuda", file), "");
      const kernels = join(addon, "..", "cuda");
      mkdirSync(kernels, { recursive: true });
      for (const file of ["gone.fatbin", "gone.fatbin.tmp"]) writeFileSync(join(kernels, file), "");
      // Writes an empty file where it is asked for one.
      const compiler = join(dir, "compiler");
      writeFileSync(
        compiler,
        '#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" = -o ] && : >"$2"; shift; done\nexit 0\n',
        { mode: 0o755 },
      );
      const env = { ...process.env, CXX: compiler, NVCC: compiler, MISTRAL_LAB_CUDA_ARCHS: "90" };
      const { status, stdout, stderr } = spawnSync(process.execPath, [copy], { encoding: "utf8", env });
      assert.equal(status, 0, stdout + stderr);
      assert.deepEqual(readdirSync(kernels).sort(), ["flags.txt", "rope.fatbin"]);
    }));

  it("has its GPU kernels in the package that npm makes", () =>
    inFolder(async (dir) => {
      copyFileSync(join(root, "package.json"), join(dir, "package.json"));
      // As in the repository, where git ignores what is built.
      writeFileSync(join(dir, ".gitignore"), "build/\n");
      const kernels = join(dir, "build", "native", "cuda");
      mkdirSync(kernels, { recursive: true });
      for (const file of ["rope.fatbin", "flags.txt"]) writeFileSync(join(kernels, file), file);
      writeFileSync(join(dir, "build", "native", "mistral-lab.node"), "built anew where it is installed");
      const { stdout, stderr } = spawnSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
        cwd: dir,
        encoding: "utf8",
      });
      assert.ok(stdout, stderr);
      const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
      const built = files.map(({ path }) => path).filter((path) => path.startsWith("build/"));
      assert.deepEqual(built.sort(), ["build/native/cuda/flags.txt", "build/native/cuda/rope.fatbin"]);
    }));
});
