import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";
import { checkAddon, checkTensorflow } from "../../sdk/cli/binaryChecks.ts";
import { skipWithoutGpu } from "../gpuHere.ts";
import { inFolder } from "../inFolder.ts";
import { cli, expectExit, jsonLines } from "./support.ts";

const NAMES = ["device", "addon", "compiler", "gpu", "node", "packages", "memory", "disk", "model"];
/** Only where there is a GPU that can be used, or TensorFlow. */
const OPTIONAL_NAMES = ["cublasLt", "kernels", "kernel", "tensorflow"];

describe("mistral-lab doctor", () => {
  it("checks everything, and its exit code says whether something is broken", async () => {
    const [told, shown] = await Promise.all([cli(["doctor", "--json"]), cli(["doctor"])]);
    const events = jsonLines(told);
    const checks = events.filter(({ type }) => type === "check");
    const names = checks.map(({ name }) => name as string);
    assert.deepEqual(
      names.filter((name) => !OPTIONAL_NAMES.includes(name)),
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

  it("compares the kernels of every op with plain tfjs where there is a GPU", async function () {
    skipWithoutGpu(this);
    const checks = jsonLines(await cli(["doctor", "--json"])).filter(({ type }) => type === "check");
    const details = (wanted: string) =>
      checks.filter(({ name }) => name === wanted).map(({ detail }) => detail as string);
    assert.match(details("gpu")[0], /, compute capability \d+\.\d, driver for CUDA [\d.]+; .* free of /);
    assert.match(details("kernels")[0], /(, built|compiled by NVRTC .*) for .*sm_\d+/);
    assert.equal(details("cublasLt").length, 1);
    const ops = new Set(details("kernel").map((detail) => detail.split(/[,:]| without/)[0]));
    const files = readdirSync(join(packageRoot(), "sdk", "ops"))
      .map((file) => basename(file, ".ts"))
      .filter(
        (name) =>
          ![
            "check",
            "checkCases",
            "cuda",
            "dropout",
            "gradientNorm",
            "matrix",
            "op",
            "remake",
            "tape",
          ].includes(name),
      );
    for (const file of [...files, "matMul", "NF4"]) assert.ok(ops.has(file), `${file} is not checked`);
    for (const detail of details("kernel"))
      assert.match(detail, /off by \d\.\de[+-]\d+ in float32, \d\.\de[+-]\d+ in bfloat16/);
    assert.deepEqual(
      checks.filter(({ name, status }) => name === "kernel" && status !== "ok"),
      [],
    );
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
      const killer = join(dir, "killer.cjs");
      writeFileSync(killer, 'process.kill(process.pid, "SIGILL"); setTimeout(() => {}, 5000);');
      const none = join(dir, "none.node");
      writeFileSync(none, "no library");
      const wrong = join(dir, "wrong.cjs");
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

  it("tries TensorFlow where a project has it, and says why it cannot be used", async () => {
    await inFolder(async (dir) => {
      assert.deepEqual([...checkTensorflow([dir])], []);
      const folder = join(dir, "node_modules/@tensorflow/tfjs-node");
      mkdirSync(folder, { recursive: true });
      const install = (code: string) => {
        writeFileSync(join(folder, "package.json"), '{"name":"@tensorflow/tfjs-node"}');
        writeFileSync(join(folder, "index.js"), code);
        return [...checkTensorflow([dir])];
      };
      const works = `
        exports.matMul = ([[a]], [[b]]) => ({ dataSync: () => [a * b] });
        exports.backend = () => ({ binding: { TF_Version: "2.9.1" }, isUsingGpuDevice: false });`;
      assert.deepEqual(install(works), [
        {
          name: "tensorflow",
          status: "ok",
          detail: "TensorFlow 2.9.1 through @tensorflow/tfjs-node (CPU): --device tensorflow",
        },
      ]);
      const [broken] = install('process.kill(process.pid, "SIGILL"); setTimeout(() => {}, 5000);');
      assert.deepEqual(broken, {
        name: "tensorflow",
        status: "missing",
        detail: "@tensorflow/tfjs-node kills the process that loads it (SIGILL)",
        todo: "install it again (npm install @tensorflow/tfjs-node@4.22.0), or remove it: no other device needs it",
      });
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
