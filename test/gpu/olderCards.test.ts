/** Cards before Hopper: the emulator pretends to be one, in a process of its own, and every kernel is checked there. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
const built = join(root, "build", "test", "gpu");
const supported = process.platform === "linux" && !process.env.MISTRAL_LAB_SKIP_NATIVE;

interface Card {
  note?: string;
  description: string;
  activation: string;
  ops: { op: string; ok: boolean; problem?: string }[];
  kernels: string[];
}

function onCard(capability: string): Card {
  const child = spawnSync(process.execPath, ["--import", "tsx", "test/gpu/card.ts"], {
    cwd: root,
    encoding: "utf8",
    env: {
      ...process.env,
      MISTRAL_LAB_CUDA_DRIVER: join(built, "libcuda.so.1"),
      MISTRAL_LAB_CUBLASLT: join(built, "libcublasLt.so"),
      // Where nvcc has built for newer cards only.
      MISTRAL_LAB_NVRTC: join(built, "libnvrtc.so"),
      XDG_CACHE_HOME: join(built, "cache"),
      MISTRAL_LAB_EMULATOR_CAPABILITY: capability,
      MISTRAL_LAB_EMULATOR_MEMORY: "1024",
      MISTRAL_LAB_EMULATOR_RACES: "",
    },
  });
  if (child.status !== 0) throw new Error(`${capability}: ${child.stdout}${child.stderr}`);
  return JSON.parse(child.stdout.trim().split("\n").at(-1)!);
}

(supported ? describe : describe.skip)(
  "cards before Hopper (emulated; Linux, with a C++ compiler)",
  function () {
    this.timeout(600_000);
    before(() => {
      const child = spawnSync(process.execPath, ["scripts/build-gpu-emulator.mjs"], {
        cwd: root,
        encoding: "utf8",
      });
      assert.equal(child.status, 0, child.stdout + child.stderr);
    });

    const attentionOf = ({ kernels }: Card) =>
      kernels.filter((name) => /^attention(For|Back)ward/.test(name));

    it("9.0 has products of warpgroups", () => {
      const card = onCard("9.0");
      assert.deepEqual(
        card.ops.filter(({ ok }) => !ok),
        [],
      );
      assert.deepEqual(attentionOf(card), [
        "attentionForwardHopper128_bfloat16",
        "attentionBackwardQueriesHopper128_bfloat16",
        "attentionBackwardKeysHopper128_bfloat16",
      ]);
    });

    it("8.0 computes in bfloat16 with products of warps", () => {
      const card = onCard("8.0");
      assert.equal(card.note, undefined);
      assert.equal(card.activation, "bfloat16");
      assert.deepEqual(
        card.ops.filter(({ ok }) => !ok),
        [],
      );
      assert.deepEqual(attentionOf(card), [
        "attentionForward128_bfloat16",
        "attentionBackwardQueries128_bfloat16",
        "attentionBackwardKeys128_bfloat16",
      ]);
    });

    it("7.5 has no bfloat16, computes in float32 and says so", () => {
      const card = onCard("7.5");
      assert.equal(
        card.note,
        "Emulated GPU has compute capability 7.5, without bfloat16 (8.0, Ampere): it computes in float32, which is slower and takes twice the memory",
      );
      assert.equal(card.activation, "float32");
      assert.match(card.description, /float32\)$/);
      assert.deepEqual(
        card.ops.filter(({ ok }) => !ok),
        [],
      );
      // In tiles that 64 KB of shared memory hold.
      assert.deepEqual(attentionOf(card), [
        "attentionForwardExact8Small_float32",
        "attentionBackwardQueriesExact8Small_float32",
        "attentionBackwardKeysExact8Small_float32",
      ]);
    });
  },
);
