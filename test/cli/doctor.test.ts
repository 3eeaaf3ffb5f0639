import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { checkAddon } from "../../sdk/cli/checks.ts";
import { inFolder } from "../inFolder.ts";
import { cli, expectExit, jsonLines } from "./support.ts";

const NAMES = ["device", "addon", "compiler", "gpu", "node", "packages", "memory", "disk", "model"];

describe("mistral-lab doctor", () => {
  it("checks everything, and its exit code says whether something is broken", async () => {
    const [told, shown] = await Promise.all([cli(["doctor", "--json"]), cli(["doctor"])]);
    const events = jsonLines(told);
    const checks = events.filter(({ type }) => type === "check");
    assert.deepEqual(
      checks.map(({ name }) => name),
      NAMES,
    );
    const broken = checks.filter(({ status }) => status === "broken");
    const last = events[events.length - 1];
    assert.equal(last.type, "done");
    assert.deepEqual(
      last.broken,
      broken.map(({ name }) => name),
    );
    for (const ended of [told, shown]) assert.equal(ended.code, broken.length > 0 ? 1 : 0);
    for (const name of NAMES)
      assert.match(shown.stdout, new RegExp(`^(ok|missing|broken) +${name} +\\S`, "m"));
    for (const { todo } of broken) assert.ok(shown.stdout.includes(`→ ${todo}`));
  });

  it("exits with 1 where something is broken, and says what to do: here an old Node.js", async () => {
    await inFolder(async (dir) => {
      const old = join(dir, "old.mjs");
      writeFileSync(
        old,
        'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.18.3" } });',
      );
      const env = { NODE_OPTIONS: `--import ${pathToFileURL(old).href}` };
      const { stdout } = await expectExit(1, ["doctor"], { env });
      assert.match(stdout, /^broken +node .*\(needs >=20\.19\)\n +→ install a newer Node\.js/m);
      assert.match(stdout, /To put right: node/);
    });
  });

  it("works without the addon, and says what to do", async () => {
    const { stdout } = await cli(["doctor", "--json"], { env: { MISTRAL_LAB_SKIP_NATIVE: "1" } });
    const [device, addon] = jsonLines({ code: 0, stdout, stderr: "" });
    assert.deepEqual([device.status, device.detail], ["ok", "cpu: plain tfjs on the CPU (slow)"]);
    assert.deepEqual([addon.status, addon.todo], ["missing", "unset MISTRAL_LAB_SKIP_NATIVE"]);
  });

  it("finds an addon that kills its process, and one that is none, without dying", async () => {
    await inFolder(async (dir) => {
      const killer = join(dir, "killer.js");
      writeFileSync(killer, 'process.kill(process.pid, "SIGILL"); setTimeout(() => {}, 5000);');
      const none = join(dir, "none.node");
      writeFileSync(none, "no library");
      const wrong = join(dir, "wrong.js");
      writeFileSync(wrong, "exports.matMul = () => {}; exports.info = () => ({});");
      const checks = [killer, none, wrong].map((path) => checkAddon(true, path));
      for (const { status, todo } of checks) {
        assert.equal(status, "broken");
        assert.match(todo ?? "", /npm rebuild mistral-lab; until then MISTRAL_LAB_SKIP_NATIVE=1/);
      }
      assert.match(checks[0].detail, /kills the process that loads it \(SIGILL\)/);
      assert.match(checks[1].detail, /cannot be loaded \(Error: /);
      assert.match(checks[2].detail, /3 \* 5 gave 0/);
      const missing = checkAddon(false, join(dir, "gone.node"));
      assert.deepEqual(
        [missing.status, missing.todo],
        ["missing", "install a C++ compiler, then npm rebuild mistral-lab"],
      );
    });
  });
});

describe("mistral-lab demo", () => {
  it("never overwrites a run that it did not make", async () => {
    await inFolder(async (dir) => {
      const run = join(dir, "run.json");
      writeFileSync(run, "{}");
      const { stderr } = await expectExit(1, ["demo", "--output-dir", dir]);
      assert.match(
        stderr,
        /holds a run that the demo did not make \(run\.json\)\. Move it away, or choose another folder: npx mistral-lab demo --output-dir demo-run\n$/,
      );
    });
  });
});
