/** A few rows times an NF4 weight with bfloat16 products (native/cpu/nf4Arithmetic.h), against float64. */
import assert from "node:assert/strict";
import type { Addon, LinearArguments, LoraArguments, WeightArguments } from "../../sdk/backend/addon.ts";
import { BFLOAT16_ROW_ISAS } from "../../sdk/backend/addon.ts";
import { assertClose } from "../compare.ts";
import { codebook, dequantize, quantize } from "./nf4Reference.ts";
import { guarded, onEveryIsa, product, quarters, toBfloat16, uniform } from "./support.ts";

const noLora: LoraArguments = [null, null, 0, 0, 0, 0];

/**
 * An NF4 weight [out, inn], and its product with x as it should come: the codebook rounded to bfloat16, and x, but not
 * absmax. Two rows share a vector where a row ends in half of one; of an odd number the last has no other, and stays
 * float32.
 */
function caseOf(x: Float32Array, rows: number, out: number, inn: number, scales?: (i: number) => number) {
  const values = uniform(out * inn, 2);
  const { packed, absmax } = quantize(values);
  if (scales) absmax.set(absmax.map((_, i) => scales(i)));
  const seen = (codes: Float32Array) => dequantize(packed, absmax, values.length, codes);
  const times = (from: Float32Array, weights: Float32Array) =>
    product(from, weights, rows, out, inn, false, true);
  const rounded = times(toBfloat16(x), seen(toBfloat16(codebook)));
  const exact = times(x, seen(codebook));
  const isAlone = (j: number) => inn % 128 !== 0 && out % 2 === 1 && j === out - 1;
  const want = rounded.values.map((v, i) => (isAlone(i % out) ? exact.values[i] : v));
  return { args: [packed, absmax] as WeightArguments, want, magnitude: rounded.magnitude };
}

function forward(addon: Addon, x: Float32Array, rows: number, out: number, args: WeightArguments) {
  const y = guarded(rows * out);
  addon.linearForward(rows, x.length / rows, x, out, ...args, ...noLora, y.values, null);
  y.check();
  return y.values;
}

/** Whole groups of 128 values, and rows that end in half a one; runs of eight rows, of four, and rest. */
const shapes: [rows: number, out: number, inn: number][] = [
  ...[64, 128, 192, 320, 576, 1536].map((inn): [number, number, number] => [1, 37, inn]),
  ...[1, 2, 6, 8, 15, 16, 64].map((out): [number, number, number] => [1, out, 576]),
  ...[2, 3, 4, 5, 6, 7, 8].flatMap((rows): [number, number, number][] => [
    [rows, 18, 320],
    [rows, 19, 384],
  ]),
  [1, 11, 4224], // too long for runs of eight rows
];

onEveryIsa("NF4 rows with bfloat16 products", (addon, isa) => {
  const areThere = BFLOAT16_ROW_ISAS.includes(isa);
  beforeEach(() => addon.setComputeType("bfloat16"));
  afterEach(() => addon.setComputeType("float32"));

  it("are float32 products where the instruction set has none, or a row is no whole number of blocks", () => {
    for (const inn of [576, 70]) {
      const x = uniform(inn, 5);
      const { args } = caseOf(x, 1, 33, inn);
      const got = forward(addon, x, 1, 33, args);
      addon.setComputeType("float32");
      const same = forward(addon, x, 1, 33, args).every((v, i) => v === got[i]);
      addon.setComputeType("bfloat16");
      assert.equal(same, !areThere || inn === 70);
    }
  });

  if (!areThere) return;

  it("equal the float64 result to the bit where x is bfloat16 already", () => {
    for (const [rows, out, inn] of shapes.filter(
      ([, out, inn]) => inn <= 1536 && (out % 2 === 0 || inn % 128 === 0),
    )) {
      const x = quarters(rows * inn, 1);
      const { args, want, magnitude } = caseOf(x, rows, out, inn, (i) => [0.5, 1, 0.25][i % 3]);
      // Exact: the rounded codebook has multiples of 2^-11, so terms are multiples of 2^-15, and the sums of the
      // absolute terms stay below 2^24 of these.
      assert.ok(magnitude < 2 ** 9);
      assertClose(forward(addon, x, rows, out, args), want, { what: `${rows}x${inn} -> ${out}` });
    }
  });

  it("round x to the nearest bfloat16, and sum in float32", () => {
    for (const [rows, out, inn] of shapes) {
      const x = uniform(rows * inn, 3);
      const { args, want, magnitude } = caseOf(x, rows, out, inn);
      // Sums of 16 lanes: n / 16 terms one after the other at most, and 16 for the lanes and the scales; 2^-24 each.
      const atol = 2 ** -24 * (inn / 16 + 16) * magnitude;
      assertClose(forward(addon, x, rows, out, args), want, { atol, what: `${rows}x${inn} -> ${out}` });
    }
  });

  it("let a NaN of x into all outputs, and one of absmax into its own row only", () => {
    const x = uniform(576, 7);
    const { args } = caseOf(x, 1, 20, 576);
    const absmax = args[1] as Float32Array;
    absmax[(7 * 576) / 64] = Number.NaN;
    const y = forward(addon, x, 1, 20, args);
    assert.deepEqual(
      [...y.keys()].filter((j) => Number.isNaN(y[j])),
      [7],
    );
    x[575] = Number.NaN;
    assert.ok(forward(addon, x, 1, 20, args).every(Number.isNaN));
  });

  it("have the same bits in a list of layers, on any number of threads", () => {
    for (const rows of [1, 3]) {
      const x = uniform(rows * 576, 9);
      const layers = [64, 3, 701, 200].map((out, i) => {
        const { packed, absmax } = quantize(uniform(out * 576, 10 + i));
        const args: WeightArguments = [packed, absmax];
        const lora: LoraArguments = [uniform(4 * 576, 20 + i), uniform(out * 4, 30 + i), 4, 0.5, 0, 0];
        return (): LinearArguments => [
          ...([out, ...args, ...lora] as const),
          ...([new Float32Array(rows * out), new Float32Array(rows * 4)] as const),
        ];
      });
      addon.setThreads(1);
      const alone = layers.map((make) => {
        const layer = make();
        addon.linearForward(rows, 576, x, ...layer);
        return layer[9];
      });
      for (const threads of [1, 2, 3]) {
        addon.setThreads(threads);
        const [first, ...others] = layers.map((make) => make());
        addon.linearForward(rows, 576, x, ...first, ...others.flat());
        for (const [i, layer] of [first, ...others].entries()) {
          assertClose(layer[9], alone[i], { what: `${rows} rows, ${threads} threads, layer ${i}` });
        }
      }
    }
  });
});
