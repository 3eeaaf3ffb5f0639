import assert from "node:assert/strict";
import type { LinearArguments, LoraArguments } from "../../sdk/backend/addon.ts";
import { assertClose } from "../compare.ts";
import { drop, evaluate, noLora, seed, weightOf } from "./linearSupport.ts";
import { onEveryIsa, quarters, uniform } from "./support.ts";

const outputs = ["y", "xa", "dx", "dA", "dB"] as const;

const sizes = [1, 3, 7, 15, 17, 33, 63, 64, 65, 128, 129, 192];
const shapes: [rows: number, out: number, inn: number][] = [
  ...sizes.map((s): [number, number, number] => [s, 19, 70]),
  ...sizes.map((s): [number, number, number] => [10, s, 64]),
  ...sizes.map((s): [number, number, number] => [11, 18, s]),
  ...sizes.map((s): [number, number, number] => [1, 21, s]),
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((rows): [number, number, number] => [rows, 33, 320]),
  [9, 150, 576], // not a whole number of lookup groups of any instruction set
  [8, 7, 577],
  [280, 40, 128],
];

onEveryIsa("linear", (addon) => {
  for (const kind of ["fp32", "bf16"]) {
    it(`equals the float64 result to the bit, ${kind} weight, with LoRA and dropout`, () => {
      shapes.forEach(([rows, out, inn], i) => {
        const r = [0, 1, 4, 8, 16, 5][i % 6]!;
        const dropout = r && i % 2 ? 0.5 : 0;
        const result = evaluate(addon, weightOf(kind, out, inn), { rows, out, inn, r, dropout }, quarters);
        for (const name of outputs) {
          // Exact: the inputs are quarters, and the scales 1/2 and 1/(1-p) = 2 are powers of two. dA and dB are
          // products of three such numbers, below 2^24 units of 2^-7 at these sizes.
          const what = `${name} of ${rows}x${inn} -> ${out}, r ${r}, dropout ${dropout}`;
          assertClose(result.got[name].values, result.expected[name], { what });
          result.got[name].check();
        }
      });
    });
  }

  it("is within rounding of decode-then-multiply, NF4 weight, with LoRA and dropout", () => {
    shapes.forEach(([rows, out, inn], i) => {
      const r = [8, 0, 4, 16][i % 4]!;
      const dropout = r ? [0, 0.05, 0.3][i % 3]! : 0;
      const weight = weightOf("nf4", out, inn, uniform(out * inn, i));
      const result = evaluate(addon, weight, { rows, out, inn, r, dropout }, uniform);
      for (const name of outputs) {
        // n terms cost at most n roundings of 2^-24 (Higham 2002, 3.1); sums nested in sums have theirs first.
        // Sums are kept lane by lane, in at least 4 lanes, so a quarter of the terms, and 16 to cover the rest.
        const depth = Math.max(rows, inn, out) / 4 + r + 16;
        const what = `${name} of ${rows}x${inn} -> ${out}, r ${r}, dropout ${dropout}`;
        assertClose(result.got[name].values, result.expected[name], {
          atol: 2 ** -24 * depth * result.magnitude[name],
          what,
        });
        result.got[name].check();
      }
    });
  });

  it("lets a NaN of an adapter into its own row only", () => {
    const [out, inn] = [40, 64];
    for (const r of [1, 3, 8, 16, 17]) {
      const weight = weightOf("nf4", out, inn, uniform(out * inn, 1));
      const b = uniform(out * r, 2);
      b[5 * r] = Number.NaN;
      const y = new Float32Array(out);
      const lora: LoraArguments = [uniform(r * inn, 3), b, r, 1, 0, 0];
      addon.linearForward(1, inn, uniform(inn, 4), out, ...weight.args, ...lora, y, new Float32Array(r));
      const bad = [...y.keys()].filter((j) => Number.isNaN(y[j]));
      if (String(bad) !== "5") throw new Error(`rank ${r}: expected NaN in row 5, got it in ${bad}`);
    }
  });

  describe("with bfloat16 products", () => {
    beforeEach(() => addon.setComputeType("bfloat16"));
    afterEach(() => addon.setComputeType("float32"));

    it("equals the float64 result to the bit where the inputs are bfloat16 already", () => {
      for (const [rows, out, inn] of shapes) {
        for (const kind of ["fp32", "bf16"]) {
          const result = evaluate(
            addon,
            weightOf(kind, out, inn),
            { rows, out, inn, r: 0, dropout: 0 },
            quarters,
          );
          for (const name of ["y", "dx"] as const) {
            // Exact: quarters have 4 significant bits, and their sums are exact in float32.
            assertClose(result.got[name].values, result.expected[name], {
              what: `${name} of ${rows}x${inn} -> ${out}`,
            });
            result.got[name].check();
          }
        }
      }
    });

    it("is within bfloat16 rounding of its inputs, with LoRA and dropout", () => {
      shapes.forEach(([rows, out, inn], i) => {
        const weight = weightOf("nf4", out, inn, uniform(out * inn, i));
        const result = evaluate(addon, weight, { rows, out, inn, r: 8, dropout: (i % 2) * 0.3 }, uniform);
        for (const name of outputs) {
          // Both factors of a term are off by up to 2^-9, so a term by 2^-8 and a little; xa and dxa are rounded
          // once more where they are factors, but are sums, whose errors cancel. That and the float32 sums add
          // less than the quarter allowed here.
          assertClose(result.got[name].values, result.expected[name], {
            atol: 1.25 * 2 ** -8 * result.magnitude[name],
            what: `${name} of ${rows}x${inn} -> ${out}`,
          });
          result.got[name].check();
        }
      });
    });

    it("rounds only on the instruction sets that have bfloat16 products", () => {
      const [rows, out, inn] = [20, 30, 64];
      const weight = weightOf("fp32", out, inn, uniform(out * inn, 1));
      const run = () => evaluate(addon, weight, { rows, out, inn, r: 0, dropout: 0 }, uniform).got.y.values;
      const rounded = run();
      addon.setComputeType("float32");
      const same = run().every((v, i) => v === rounded[i]);
      assert.equal(same, !["avx512bf16", "amx"].includes(addon.info().isa));
    });

    it("refuses another type", () => {
      assert.throws(() => addon.setComputeType("float16" as never), {
        message: 'setComputeType: type must be "float32" or "bfloat16", got "float16"',
      });
    });
  });

  it("skips the outputs that are null", () => {
    const [rows, out, inn, r] = [12, 20, 30, 4];
    const weight = weightOf("fp32", out, inn);
    const x = quarters(rows * inn, 1);
    const dy = quarters(rows * out, 2);
    const xa = quarters(rows * r, 3);
    const lora: LoraArguments = [quarters(r * inn, 4), quarters(out * r, 5), r, 0.5, 0.5, seed];
    const run = (dx: Float32Array | null, dA: Float32Array | null, dB: Float32Array | null) =>
      addon.linearBackward(rows, out, inn, dy, x, xa, ...weight.args, ...lora, dx, dA, dB);
    const [dx, dA, dB] = [rows * inn, r * inn, out * r].map((n) => new Float32Array(n)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    run(dx, dA, dB);
    for (const alone of [0, 1, 2]) {
      const all = [dx, dA, dB];
      const one = all.map((whole, i) => (i === alone ? new Float32Array(whole.length) : null));
      run(one[0]!, one[1]!, one[2]!);
      assertClose(one[alone]!, all[alone]!, { what: `output ${alone} alone` });
    }
    run(null, null, null);
  });

  it("drops the share it was asked to, and another share for another seed", () => {
    const n = 100_000;
    const share = (s: number) => drop(new Float32Array(n).fill(1), 0.3, s).filter((v) => v === 0).length / n;
    // Standard deviation sqrt(0.3 * 0.7 / n) = 0.00145; six of them.
    for (const s of [0, 1, 2, seed]) assertClose([share(s)], [0.3], { atol: 0.0087, what: `seed ${s}` });
    // The native mask is this one: through an identity A, xa is drop(x).
    const inn = 37;
    const identity = Float32Array.from({ length: inn * inn }, (_, i) => (i % (inn + 1) === 0 ? 1 : 0));
    for (const rows of [3, 50]) {
      const x = new Float32Array(rows * inn).fill(1);
      const xa = new Float32Array(rows * inn);
      const zeros = new Float32Array(inn);
      const y = new Float32Array(rows);
      addon.linearForward(rows, inn, x, 1, zeros, null, identity, zeros, inn, 1, 0.3, seed, y, xa);
      assertClose(xa, drop(x, 0.3, seed), { what: `mask of ${rows} rows` });
    }
  });

  it("gives the same bits on any number of threads", () => {
    for (const rows of [1, 4, 130]) {
      const [out, inn] = [700, 576];
      const weight = weightOf("nf4", out, inn, uniform(out * inn, 9));
      const x = uniform(rows * inn, 1);
      const [first, ...others] = [1, 2, 3, 8].map((threads) => {
        addon.setThreads(threads);
        const y = new Float32Array(rows * out);
        addon.linearForward(rows, inn, x, out, ...weight.args, ...noLora, y, null);
        return y;
      });
      for (const y of others) assertClose(y, first!, { what: `${rows} rows` });
    }
  });

  it("gives several layers on one x the bits that each has alone, on any number of threads", () => {
    // Odd outputs end in half a pair of rows; 576 columns are pairs of rows for 16 lanes, 70 are no whole blocks.
    for (const [rows, inn] of [
      [1, 576],
      [3, 576],
      [2, 512],
      [1, 70],
      [20, 576],
    ]) {
      const x = uniform(rows * inn, 1);
      // A thread begins inside the third.
      const layers = [64, 3, 701, 200].map((out, i) => {
        const weight = weightOf(i === 0 ? "bf16" : "nf4", out, inn, uniform(out * inn, 20 + i));
        const r = i === 1 ? 0 : 4;
        const lora: LoraArguments = r
          ? [uniform(r * inn, 30 + i), uniform(out * r, 40 + i), r, 0.5, 0, 0]
          : noLora;
        const make = (): LinearArguments => {
          const xa = r ? new Float32Array(rows * r) : null;
          return [out, ...weight.args, ...lora, new Float32Array(rows * out), xa];
        };
        const alone = make();
        addon.setThreads(1);
        addon.linearForward(rows, inn, x, ...alone);
        return { alone, make };
      });
      for (const threads of [1, 2, 3]) {
        addon.setThreads(threads);
        const [first, ...others] = layers.map(({ make }) => make());
        addon.linearForward(rows, inn, x, ...first, ...others.flat());
        [first, ...others].forEach((got, i) => {
          const { alone } = layers[i];
          const what = `${rows} x ${inn}, ${threads} threads, layer ${i}`;
          assertClose(got[9], alone[9], { what: `y, ${what}` });
          if (got[10] && alone[10]) assertClose(got[10], alone[10], { what: `xa, ${what}` });
        });
      }
    }
  });
});
