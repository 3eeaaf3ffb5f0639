import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

describe("the thread pool", () => {
  it("does every item of every job and phase exactly once, in order, jobs of many sizes following one another", function () {
    this.timeout(60_000);
    const cxx = process.env.CXX ?? "c++";
    if (spawnSync(cxx, ["--version"]).status !== 0) {
      this.test!.title += ": skipped, there is no C++ compiler";
      this.skip();
    }
    const dir = mkdtempSync(join(tmpdir(), "threads-"));
    try {
      const program = join(dir, "stress");
      const sources = ["threadsStress.cpp", "../../native/cpu/threads.cpp"];
      const files = sources.map((file) => join(import.meta.dirname, file));
      const built = spawnSync(cxx, ["-std=c++17", "-O2", "-pthread", ...files, "-o", program]);
      assert.equal(built.status, 0, String(built.stderr));
      const run = spawnSync(program, ["3"], { timeout: 30_000 });
      assert.equal(run.status, 0, `${run.stdout}${run.signal ? "it did not end" : ""}`);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
