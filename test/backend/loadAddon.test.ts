import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { loadAddon } from "../../sdk/backend/loadAddon.ts";
import { inFolder } from "../inFolder.ts";

/** What a process with these variables says about the addon, which is loaded once a process. */
function problemWith(env: Record<string, string>): string {
  const url = pathToFileURL(join(import.meta.dirname, "../../sdk/backend/loadAddon.ts")).href;
  const script = `import { addonProblem, loadAddon } from ${JSON.stringify(url)}; console.log(loadAddon() === undefined, addonProblem());`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--import", "tsx", "--input-type=module", "-e", script],
    { encoding: "utf8", env: { ...process.env, MISTRAL_LAB_SKIP_NATIVE: "", ...env } },
  );
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^true /);
  return stdout.slice("true ".length).trimEnd();
}

describe("loadAddon", () => {
  it("says why there is none, with the next step", () =>
    inFolder(async (dir) => {
      const at = (name: string) => join(dir, name);
      assert.equal(problemWith({ MISTRAL_LAB_SKIP_NATIVE: "1" }), "MISTRAL_LAB_SKIP_NATIVE is set");
      assert.equal(
        problemWith({ MISTRAL_LAB_ADDON: at("none.node") }),
        `${at("none.node")} is not there: install g++ or clang++ and run \`npm rebuild\` in the package folder`,
      );
      writeFileSync(at("broken.node"), "no library");
      assert.match(
        problemWith({ MISTRAL_LAB_ADDON: at("broken.node") }),
        /broken\.node cannot be loaded \(.*\): run `npm rebuild`$/,
      );
    }));

  it("refuses an instruction set that the processor has not, and takes an empty variable for none", () => {
    if (!loadAddon()) return;
    assert.match(
      problemWith({ MISTRAL_LAB_ISA: "avx1024", MISTRAL_LAB_ADDON: "" }),
      /^MISTRAL_LAB_ISA="avx1024": expected one of scalar, .*, which this processor has: choose one, or unset it$/,
    );
  });

  it("refuses one that was built from older sources, which lacks entries", () =>
    inFolder(async (dir) => {
      const old = join(dir, "old.cjs");
      writeFileSync(old, "exports.info = exports.matMul = () => {};");
      const problem = problemWith({ MISTRAL_LAB_ADDON: old });
      assert.ok(problem.startsWith(`${old} was built from older sources (it lacks cuda, setIsa, `), problem);
      assert.match(problem, /decodeLayers, .*\): run `npm rebuild`$/);
    }));
});
