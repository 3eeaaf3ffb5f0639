import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const script = join(import.meta.dirname, "..", "..", "scripts", "build-native.mjs");

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
});
