import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
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
