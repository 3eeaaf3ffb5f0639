import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { dropoutMask } from "../../sdk/ops/dropout.ts";
import { type LinearLora, linear, linears } from "../../sdk/ops/linear.ts";
import { DenseWeight, type FrozenWeight } from "../../sdk/weights/weight.ts";
import {
  checkAgainstReference,
  checkForward,
  checkGradients,
  evaluate,
  type OpCase,
  onEveryBackend,
  random,
  randomValues,
  type Values64,
} from "./support.ts";
import { everyStorage } from "./weights.ts";

interface Sizes {
  rows: number;
  inn: number;
  out: number;
  /** 0: no adapter. */
  r: number;
}
type Extras = Pick<LinearLora, "scale" | "dropout" | "seed">;

function linearCase({ rows, inn, out, r }: Sizes, extras: Extras, frozen?: FrozenWeight): OpCase {
  const shapes: Record<string, number[]> = { x: [rows, inn] };
  if (!frozen) shapes.weight = [out, inn];
  if (r > 0) {
    shapes.a = [r, inn];
    shapes.b = [out, r];
  }
  return {
    shapes,
    values: randomValues(shapes, rows + out),
    run({ x, weight, a, b }) {
      const lora = r > 0 ? { a: a as tf.Tensor2D, b: b as tf.Tensor2D, ...extras } : undefined;
      return linear(x as tf.Tensor2D, frozen ?? (weight as tf.Tensor2D), lora);
    },
  };
}

/** a [m, k] times the transpose of b [n, k]. */
function product(a: ArrayLike<number>, b: ArrayLike<number>, m: number, n: number, k: number): Float64Array {
  return Float64Array.from({ length: m * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    let sum = 0;
    for (let p = 0; p < k; p++) sum += a[i * k + p] * b[j * k + p];
    return sum;
  });
}

function formula(
  { rows, inn, out, r }: Sizes,
  { scale, dropout = 0, seed = 0 }: Extras,
  exact?: Float32Array,
) {
  const mask = dropoutMask(rows * inn, dropout, seed);
  return ({ x, weight, a, b }: Values64) => {
    const y = product(x, exact ?? weight, rows, out, inn);
    if (r === 0) return y;
    const dropped = x.map((value, i) => value * mask[i]);
    const update = product(product(dropped, a, rows, r, inn), b, rows, out, r);
    return y.map((value, i) => value + scale * update[i]);
  };
}

/** Layers that read the same x. */
interface Group {
  rows: number;
  inn: number;
  /** r 0: no adapter. */
  layers: ({ out: number; r: number } & Extras)[];
  residual?: boolean;
}

/** The outputs side by side. */
function groupCase({ rows, inn, layers, residual }: Group): OpCase {
  const shapes: Record<string, number[]> = { x: [rows, inn] };
  if (residual) shapes.residual = [rows, layers[0].out];
  for (const [i, { out, r }] of layers.entries()) {
    shapes[`w${i}`] = [out, inn];
    if (r > 0) Object.assign(shapes, { [`a${i}`]: [r, inn], [`b${i}`]: [out, r] });
  }
  return {
    shapes,
    values: randomValues(shapes, 17),
    run(t) {
      const matrix = (name: string) => t[name] as tf.Tensor2D;
      const given = layers.map(({ r, scale, dropout, seed }, i) => {
        const lora = { a: matrix(`a${i}`), b: matrix(`b${i}`), scale, dropout, seed };
        return { weight: matrix(`w${i}`), lora: r > 0 ? lora : undefined };
      });
      const ys = linears(matrix("x"), given, residual ? matrix("residual") : undefined);
      const all = tf.concat(ys, 1);
      tf.dispose(ys);
      return all;
    },
  };
}

function groupFormula({ rows, inn, layers, residual }: Group) {
  return (v: Values64) => {
    const ys = layers.map(({ out, r, ...extras }, i) => {
      const named = { x: v.x, weight: v[`w${i}`], a: v[`a${i}`], b: v[`b${i}`] };
      return formula({ rows, inn, out, r }, extras)(named);
    });
    if (residual) for (let j = 0; j < ys[0].length; j++) ys[0][j] += v.residual[j];
    const width = layers.reduce((sum, { out }) => sum + out, 0);
    return Float64Array.from({ length: rows * width }, (_, at) => {
      let column = at % width;
      let i = 0;
      while (column >= layers[i].out) column -= layers[i++].out;
      return ys[i][Math.floor(at / width) * layers[i].out + column];
    });
  };
}

const SMALL: [Sizes, Extras][] = [
  [{ rows: 1, inn: 1, out: 1, r: 0 }, { scale: 1 }],
  [{ rows: 3, inn: 17, out: 5, r: 0 }, { scale: 1 }],
  [{ rows: 1, inn: 33, out: 17, r: 2 }, { scale: 2 }],
  [
    { rows: 17, inn: 5, out: 3, r: 3 },
    { scale: 0.5, dropout: 0.4, seed: 4000000000 },
  ],
  [
    { rows: 33, inn: 7, out: 2, r: 1 },
    { scale: 2, dropout: 0.05, seed: 1 },
  ],
];

describe("linear", () => {
  onEveryBackend((backend) => {
    it("follows the formula and its derivative with a trainable weight, with and without LoRA", () => {
      for (const [sizes, extras] of SMALL) {
        const what = JSON.stringify({ ...sizes, ...extras });
        checkForward(linearCase(sizes, extras), formula(sizes, extras), { what });
        checkGradients(linearCase(sizes, extras), formula(sizes, extras), { what, atol: 1e-5 });
      }
    });

    it("runs several layers on one x and adds a residual to the first", () => {
      const extras = { scale: 0.5, dropout: 0.3 };
      const group: Group = {
        rows: 5,
        inn: 9,
        layers: [
          { out: 7, r: 2, ...extras, seed: 0 },
          { out: 3, r: 0, ...extras },
          { out: 4, r: 2, ...extras, seed: 2 },
        ],
        residual: true,
      };
      checkForward(groupCase(group), groupFormula(group));
      checkGradients(groupCase(group), groupFormula(group), { atol: 1e-5 });
    });

    it("reads every storage of a frozen weight", () => {
      for (const [sizes, extras] of SMALL.slice(1)) {
        for (const { name, weight, exact } of everyStorage(random(sizes.out * sizes.inn, 6), [
          sizes.out,
          sizes.inn,
        ])) {
          const what = `${name} ${JSON.stringify(sizes)}`;
          checkForward(linearCase(sizes, extras, weight), formula(sizes, extras, exact), { what });
          checkGradients(linearCase(sizes, extras, weight), formula(sizes, extras, exact), {
            what,
            atol: 1e-5,
          });
        }
      }
    });

    if (backend !== "cpu") {
      it("equals the reference at sizes with several tiles", async () => {
        const sizes = { rows: 70, inn: 200, out: 130, r: 8 };
        const extras = { scale: 2, dropout: 0.1, seed: 7 };
        // Sums of 200 terms that reach 1, twice through A and B: 1e-4 is 200 * 2^-24 * 8 adapters' worth of scale.
        const tolerance = { rtol: 1e-5, atol: 1e-4 };
        await checkAgainstReference(linearCase(sizes, extras), tolerance);
        for (const { name, weight } of everyStorage(random(130 * 200, 8), [130, 200])) {
          await checkAgainstReference(linearCase(sizes, extras, weight), { ...tolerance, what: name });
        }
      });
    }

    if (backend === "cuda") {
      // Kernels of their own where sizes are multiples of 8 and r is at most 16, products of cuBLASLt elsewhere; 8 rows
      // are the most that are taken one by one, 64 outputs and more make several blocks of every kind.
      for (const sizes of [
        { rows: 9, inn: 64, out: 72, r: 8 },
        { rows: 1100, inn: 24, out: 1032, r: 8 },
        { rows: 150, inn: 1032, out: 8, r: 3 },
        { rows: 17, inn: 8, out: 520, r: 1 },
        { rows: 260, inn: 96, out: 40, r: 16 },
        { rows: 33, inn: 72, out: 64, r: 11 },
        { rows: 33, inn: 72, out: 64, r: 17 },
      ]) {
        it(`equals the reference with an adapter at ${JSON.stringify(sizes)}`, async () => {
          const tolerance = { rtol: 1e-5, atol: 1e-3 };
          await checkAgainstReference(linearCase(sizes, { scale: 0.5 }), tolerance);
          await checkAgainstReference(linearCase(sizes, { scale: 2, dropout: 0.3, seed: 5 }), tolerance);
        });
      }

      // Up to three adapters of r 8 are one launch, and others one each; 32 rows and 512 columns are one block.
      const plain = { scale: 0.5 };
      const dropped = (seed: number) => ({ scale: 2, dropout: 0.3, seed });
      const GROUPS: Record<string, Group> = {
        "three adapters, a residual": {
          rows: 75,
          inn: 616,
          layers: [
            { out: 520, r: 8, ...dropped(1) },
            { out: 24, r: 3, ...dropped(2) },
            { out: 8, r: 8, ...plain },
          ],
          residual: true,
        },
        "more row blocks than fit": {
          rows: 4300,
          inn: 296,
          layers: [
            { out: 16, r: 4, ...dropped(3) },
            { out: 8, r: 7, ...dropped(4) },
          ],
        },
        "layers without adapters between others": {
          rows: 40,
          inn: 264,
          layers: [
            { out: 16, r: 0, ...plain },
            { out: 536, r: 8, ...dropped(5) },
            { out: 8, r: 0, ...plain },
            { out: 24, r: 5, ...dropped(6) },
          ],
          residual: true,
        },
        "ranks of every road": {
          rows: 50,
          inn: 40,
          layers: [
            { out: 16, r: 12, ...dropped(7) },
            { out: 8, r: 8, ...plain },
            { out: 24, r: 20, ...dropped(8) },
            { out: 8, r: 2, ...dropped(9) },
            { out: 8, r: 16, ...dropped(10) },
            { out: 8, r: 1, ...dropped(11) },
          ],
          residual: true,
        },
        "a residual beside the general road": {
          rows: 33,
          inn: 20,
          layers: [
            { out: 16, r: 3, ...dropped(12) },
            { out: 8, r: 3, ...plain },
          ],
          residual: true,
        },
        "no adapters": { rows: 20, inn: 24, layers: [16, 8].map((out) => ({ out, r: 0, ...plain })) },
        "a few rows": {
          rows: 4,
          inn: 64,
          layers: [
            { out: 16, r: 3, ...dropped(13) },
            { out: 8, r: 0, ...plain },
          ],
          residual: true,
        },
      };
      for (const [what, group] of Object.entries(GROUPS)) {
        it(`equals the reference for several layers: ${what}`, async () => {
          await checkAgainstReference(groupCase(group), { rtol: 1e-5, atol: 1e-3 });
        });
      }

      it("gives the same bits each time", () => {
        const opCase = groupCase(GROUPS["three adapters, a residual"]);
        const dy = random(opCase.shapes.x[0] * (520 + 24 + 8), 3);
        assert.deepEqual(evaluate(opCase, dy), evaluate(opCase, dy));
      });

      it("equals the reference for a few rows, in every storage of the weight", async () => {
        const tolerance = { rtol: 1e-5, atol: 2e-4 };
        for (const sizes of [
          { rows: 1, inn: 64, out: 16, r: 0 },
          { rows: 1, inn: 2048 + 512, out: 40, r: 8 },
          { rows: 3, inn: 200, out: 50, r: 4 },
          { rows: 8, inn: 2048 + 256, out: 24, r: 16 },
          { rows: 5, inn: 256, out: 900, r: 0 },
        ]) {
          const values = random(sizes.out * sizes.inn, 12);
          for (const { name, weight } of everyStorage(values, [sizes.out, sizes.inn])) {
            const opCase = linearCase(sizes, { scale: 0.5, dropout: 0.2, seed: 9 }, weight);
            await checkAgainstReference(opCase, { ...tolerance, what: `${name} ${JSON.stringify(sizes)}` });
          }
        }
      });
    }

    it("is the frozen layer exactly while B is zero", () => {
      const sizes = { rows: 4, inn: 20, out: 9, r: 2 };
      const opCase = linearCase(sizes, { scale: 16, dropout: 0.5, seed: 3 });
      const bare = linearCase({ ...sizes, r: 0 }, { scale: 1 });
      opCase.values.b.fill(0);
      const tensors = Object.entries(opCase.values).map(([name, v]) =>
        tf.tensor(v.slice(), opCase.shapes[name]),
      );
      const [x, weight] = tensors;
      const y = opCase.run(
        Object.fromEntries(Object.keys(opCase.values).map((name, i) => [name, tensors[i]])),
      );
      const expected = bare.run({ x, weight });
      assert.deepEqual(y.dataSync(), expected.dataSync());
      tf.dispose([y, expected, ...tensors]);
    });

    it("makes exactly the rows with a NaN NaN", () => {
      const sizes = { rows: 5, inn: 9, out: 18, r: 2 };
      const opCase = linearCase(sizes, { scale: 1 });
      opCase.values.x[10] = NaN;
      opCase.values.weight[3] = NaN;
      checkForward(opCase, formula(sizes, { scale: 1 }));
    });

    it("refuses what does not fit", () => {
      const x = tf.zeros([2, 3]) as tf.Tensor2D;
      const weight = new DenseWeight([4, 3], new Float32Array(12));
      const [a, b] = [tf.zeros([2, 3]), tf.zeros([4, 2])] as tf.Tensor2D[];
      const refuse = (call: () => unknown, message: string) => assert.throws(call, { message });
      refuse(() => linear(b, weight), "linear: expected x [T, 3] for a weight [4,3], got x [4,2]");
      refuse(
        () => linear(x, weight, { a, b: a, scale: 1 }),
        "linear: expected lora a [r, 3] and b [4, r] for a weight [4,3], got a [2,3] and b [2,3]",
      );
      refuse(
        () => linear(x, weight, { a, b, scale: 1, dropout: 1 }),
        "linear: dropout must be in [0, 1), got 1",
      );
      refuse(
        () => linear(x, weight, { a, b, scale: 1, seed: -1 }),
        "linear: seed must be an unsigned 32-bit integer, got -1",
      );
      tf.dispose([x, a, b]);
    });
  });
});
