import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { addonProblem, loadAddon } from "../../sdk/backend/loadAddon.ts";

const root = join(import.meta.dirname, "..", "..");
const emulated = join(root, "build", "test", "amx", "mistral-lab.node");

describe("the instruction set amx", () => {
  const isas = loadAddon()?.info().availableIsas;

  it("multiplies like the others on emulated tiles: packing, edges and rounding", function () {
    this.timeout(300_000);
    const why = !isas ? addonProblem() : !isas.includes("avx512bf16") && "the processor has no AVX-512-BF16";
    if (why) {
      this.test!.title += `: skipped, ${why}`;
      this.skip();
    }
    const build = ["scripts/build-native.mjs", "--strict", "--emulate-amx"];
    const built = spawnSync(process.execPath, build, { cwd: root, encoding: "utf8" });
    assert.equal(built.status, 0, built.stdout + built.stderr);
    const files = ["linear", "matMul", "crossEntropy"].map((name) => `test/native/${name}.test.ts`);
    const mocha = [
      "node_modules/mocha/bin/mocha.js",
      "--no-config",
      "-n",
      "import=tsx",
      "-g",
      "on amx",
      ...files,
    ];
    const env = { ...process.env, MISTRAL_LAB_ADDON: emulated };
    const run = spawnSync(process.execPath, mocha, { cwd: root, encoding: "utf8", env });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    // A pattern that matches nothing passes too.
    assert.ok(Number(/(\d+) passing/.exec(run.stdout)?.[1]) >= 25, run.stdout);
  });
});
