import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inFolder } from "../inFolder.ts";

const root = join(import.meta.dirname, "..", "..");
const script = join(root, "scripts", "build-native.mjs");

describe("build-native", () => {
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
      for (const folder of ["scripts", "native/cpu", "native/addon", "native/cuda", "build/native/cuda"])
        mkdirSync(join(dir, folder), { recursive: true });
      const copy = join(dir, "scripts", "build-native.mjs");
      copyFileSync(script, copy);
      copyFileSync(join(root, "package.json"), join(dir, "package.json"));
      symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
      for (const file of ["nf4Tables.h", "cuda/common.cuh", "cuda/rope.cu"])
        writeFileSync(join(dir, "native", file), "");
      const kernels = join(dir, "build", "native", "cuda");
      for (const file of ["gone.fatbin", "gone.fatbin.tmp"]) writeFileSync(join(kernels, file), "");
      // Writes an empty file where it is asked for one.
      const compiler = join(dir, "compiler");
      writeFileSync(
        compiler,
        '#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" = -o ] && : >"$2"; shift; done\nexit 0\n',
        { mode: 0o755 },
      );
      const env = { ...process.env, CXX: compiler, NVCC: compiler, MISTRAL_LAB_CUDA_ARCHS: "90" };
      const { status, stdout, stderr } = spawnSync(process.execPath, [copy, "--strict"], {
        encoding: "utf8",
        env,
      });
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
