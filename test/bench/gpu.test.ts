import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HELP, readOptions } from "../../bench/gpu/options.ts";
import { measureLlamaCpp, measureQlora, qloraCurve } from "../../bench/gpu/peers.ts";
import type { Line } from "../../bench/gpu/report.ts";
import { skipWithoutGpu } from "../gpuHere.ts";
import { inFolder } from "../inFolder.ts";

/** Runs `work` with a program of these shell lines in the place of python3 and of llama-bench. */
async function withPeer(lines: string[], work: (program: string) => Promise<void>): Promise<void> {
  await inFolder(async (dir) => {
    const program = join(dir, "peer");
    writeFileSync(program, ["#!/bin/sh", ...lines].join("\n"));
    chmodSync(program, 0o755);
    const before = { ...process.env };
    Object.assign(process.env, { PYTHON: program, LLAMA_BENCH: program, LLAMA_MODEL: program });
    try {
      await work(program);
    } finally {
      for (const name of ["PYTHON", "LLAMA_BENCH", "LLAMA_MODEL"]) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
  });
}

const plan = { learningRate: 1e-4, steps: 3, cases: [] };

describe("bench:gpu, options", () => {
  it("has cases, time and peers by default, and reads all of them", () => {
    const { cases, seconds, peers, steps, shape, curve } = readOptions([])!;
    assert.equal(cases.length, 6);
    assert.deepEqual(cases[0], { size: "1x512", count: 1, length: 512, gib: 5.38 });
    assert.deepEqual(
      { seconds, peers, steps, shape, curve },
      { seconds: 540, peers: ["transformers", "llama.cpp"], steps: 24, shape: "7b", curve: undefined },
    );
    const words = "tiny --case 2x16 --steps 3 --peers llama.cpp --seconds 9 --dir here --profile".split(" ");
    const read = readOptions(words)!;
    assert.deepEqual(read.cases, [{ size: "2x16", count: 2, length: 16 }]);
    assert.deepEqual(
      [read.steps, read.peers, read.seconds, read.dir, read.profile],
      [3, ["llama.cpp"], 9, "here", true],
    );
    assert.deepEqual(readOptions(["--peers", "none"])!.peers, []);
    assert.equal(readOptions(["--curve", "100"])!.shape, "4x4096");
    assert.equal(readOptions(["--help"]), undefined);
    for (const option of ["dir", "case", "steps", "peers", "seconds", "profile", "curve"]) {
      assert.match(HELP, new RegExp(`^ {2}--${option}\\b`, "m"));
    }
  });

  for (const [words, says] of [
    ["8b", /^expected one of the shapes 7b, 4x4096, tiny, got "8b"$/],
    ["--steps 0", /^--steps: expected a whole number of at least 1, got "0"$/],
    ["--seconds soon", /^--seconds: expected a whole number of at least 1, got "soon"$/],
    ["--case 512", /^--case: expected ROWSxTOKENS or ROWSxTOKENS@GIB, such as 1x512@5\.38, got "512"$/],
    ["--peers torch", /^--peers: expected all, none, or some of transformers, llama\.cpp, got "torch"$/],
    ["--alone", /^Unknown option '--alone'/],
  ] as const) {
    it(`refuses ${words}`, () => {
      assert.throws(() => readOptions(words.split(" ")), { message: says });
    });
  }
});

describe("bench:gpu, a peer", () => {
  it("tells its lines as they come, and one that hangs is ended without losing them", async () => {
    const script = [
      'echo \'{"work":"versions"}\'',
      "echo noise",
      'echo \'{"work":"decode"}\'',
      "exec sleep 60",
    ];
    await withPeer(script, async () => {
      const lines: Line[] = [];
      const problem = await measureQlora("model", plan, 1, (line) => lines.push(line));
      assert.equal(problem, "stopped after 1 s: the run's time is over (--seconds)");
      assert.deepEqual(lines, [{ work: "versions" }, { work: "decode" }]);
      assert.match((await measureQlora("model", plan, 0, () => {}))!, /^left out: the run's time is over/);
    });
  });

  it("that fails says its last line, and keeps the losses that came", async () => {
    await withPeer(["echo '{\"loss\":2.5}'", "echo first >&2; echo why >&2", "exit 3"], async () => {
      assert.deepEqual(await qloraCurve("model", "adapter", plan, 60), {
        losses: [2.5],
        versions: undefined,
        problem: "why",
      });
    });
    await withPeer([], async (program) => {
      rmSync(program);
      assert.match((await measureQlora("model", plan, 60, () => {}))!, /^spawn .*peer ENOENT$/);
    });
  });

  it("llama.cpp is read from its own JSON lines, and is missing without its variables", async () => {
    const script = [
      'echo \'{"n_prompt":512,"n_gen":0,"avg_ts":9383.26}\'',
      'echo \'{"n_prompt":0,"n_gen":128,"avg_ts":282.71}\'',
    ];
    const lines: Line[] = [];
    await withPeer(script, async () => {
      assert.equal(await measureLlamaCpp(60, (line) => lines.push(line)), undefined);
    });
    assert.deepEqual(lines, [
      { work: "prefill 512", tokensPerSecond: 9383.3 },
      { work: "decode", tokensPerSecond: 282.7 },
    ]);
    await withPeer([], async (program) => {
      process.env.LLAMA_MODEL = "";
      assert.equal(await measureLlamaCpp(60, () => {}), "LLAMA_BENCH and LLAMA_MODEL are not set");
      process.env.LLAMA_MODEL = `${program}.gguf`;
      assert.equal(await measureLlamaCpp(60, () => {}), `${program}.gguf is not there`);
    });
  });
});

describe("bench:gpu on a GPU", function () {
  this.timeout(300_000); // an emulated GPU on a busy machine
  before(function () {
    skipWithoutGpu(this);
  });

  it("measures all of ours, says why a peer is missing, and ends with a table", () =>
    withPeer(["echo no torch here >&2", "exit 1"], () =>
      inFolder(async (dir) => {
        const words = ["tiny", "--case", "1x16,1x16@4", "--steps", "2", "--dir", join(dir, "model")];
        const args = ["--import", "tsx", "bench/gpu.ts", ...words, "--peers", "transformers"];
        const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
        assert.equal(status, 0, stdout + stderr);
        const printed = stdout.trim().split("\n");
        const lines = printed.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Line);
        assert.deepEqual(
          lines.map(({ work, problem }) => work ?? problem),
          [
            ...[
              "machine",
              "limits",
              "load and quantise",
              "train 1x16, whole card",
              "train 1x16, at most 4 GiB",
            ],
            ...["decode", "recorded step", "prefill 512", "no torch here"],
          ],
        );
        assert.ok(
          lines.every(({ error }) => error === undefined),
          stdout,
        );
        for (const { predictedGiB, peakGiB, growthBytes } of lines.slice(3, 5)) {
          assert.ok(Math.abs((predictedGiB as number) - (peakGiB as number)) <= 0.01, stdout);
          assert.equal(growthBytes, 0);
        }
        for (const line of lines.filter(({ tokensPerSecond }) => tokensPerSecond !== undefined)) {
          const [slowest, median, fastest] = [line.slowest, line.tokensPerSecond, line.fastest] as number[];
          assert.ok(slowest > 0 && slowest <= median && median <= fastest, JSON.stringify(line));
        }
        assert.match(printed.at(-6)!, /^load and quantise {2,}\d/);
        assert.match(printed.at(-1)!, /^prefill 512 {2,}\d/);
      }),
    ));
});
