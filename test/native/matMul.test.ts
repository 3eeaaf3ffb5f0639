import assert from "node:assert/strict";
import { assertClose } from "../compare.ts";
import { guarded, onEveryIsa, product, quarters, uniform } from "./support.ts";

const sizes = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 47, 49, 63, 64, 65, 129];
const shapes: [m: number, n: number, k: number][] = [
  ...sizes.map((s): [number, number, number] => [s, 17, 33]),
  ...sizes.map((s): [number, number, number] => [17, s, 33]),
  ...sizes.map((s): [number, number, number] => [17, 50, s]),
  ...sizes.map((s): [number, number, number] => [s, 1, 37]),
  ...sizes.map((s): [number, number, number] => [1, s, s]),
  [300, 60, 130], // several tiles down
  [30, 400, 300], // several tiles across, several blocks deep
  [8, 300, 257],
  [9, 13, 1030],
];

onEveryIsa("matMul", (addon) => {
  afterEach(() => addon.setComputeType("float32"));

  for (const type of ["float32", "bfloat16"] as const) {
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        it(`equals the float64 product, transposes ${transposeA} ${transposeB}, ${type}`, () => {
          addon.setComputeType(type);
          for (const [m, n, k] of shapes) {
            const a = quarters(m * k, m + k);
            const b = quarters(k * n, n + 3);
            const c = guarded(m * n);
            addon.matMul(1, m, n, k, transposeA, transposeB, a, b, c.values);
            // Exact: see quarters(); as bfloat16 they are the same.
            const expected = product(a, b, m, n, k, transposeA, transposeB).values;
            assertClose(c.values, expected, { what: `[${m},${k}] x [${k},${n}]` });
            c.check();
          }
        });
      }
    }
  }

  it("multiplies each entry of a batch, on one thread and on three", () => {
    for (const threads of [1, 3]) {
      addon.setThreads(threads);
      for (const [batch, m, n, k] of [
        [5, 19, 21, 35],
        [3, 2, 70, 40],
        [4, 40, 1, 33],
        [7, 1, 1, 5],
      ] as const) {
        for (const transposeB of [false, true]) {
          const a = quarters(batch * m * k, 5);
          const b = quarters(batch * k * n, 6);
          const c = guarded(batch * m * n);
          addon.matMul(batch, m, n, k, false, transposeB, a, b, c.values);
          for (let e = 0; e < batch; e++) {
            const left = a.subarray(e * m * k, (e + 1) * m * k);
            const right = b.subarray(e * k * n, (e + 1) * k * n);
            const expected = product(left, right, m, n, k, false, transposeB).values;
            assertClose(c.values.subarray(e * m * n, (e + 1) * m * n), expected, { what: `entry ${e}` });
          }
          c.check();
        }
      }
    }
  });

  it("rounds no worse than float32 sums must", () => {
    const [m, n, k] = [33, 65, 700];
    const a = uniform(m * k, 1);
    const b = uniform(k * n, 2);
    const c = new Float32Array(m * n);
    addon.matMul(1, m, n, k, false, false, a, b, c);
    const { values, magnitude } = product(a, b, m, n, k);
    // Each of k terms is rounded at most k times on its way into the sum (Higham 2002, 3.1): k 2^-24 sum |a b|.
    assertClose(c, values, { atol: k * 2 ** -24 * magnitude, what: "c" });
  });

  it("gives zeros for an empty sum and nothing for an empty result", () => {
    for (const m of [1, 20]) {
      const c = new Float32Array(m * 3).fill(7);
      addon.matMul(1, m, 3, 0, false, true, new Float32Array(0), new Float32Array(0), c);
      assertClose(c, new Float32Array(m * 3), { what: "c" });
    }
    const none = new Float32Array(0);
    addon.matMul(1, 0, 3, 2, false, false, none, new Float32Array(6), none);
    addon.matMul(1, 2, 0, 3, false, true, new Float32Array(6), none, none);
    addon.matMul(0, 2, 2, 2, false, false, none, none, none);
  });

  it("carries NaN and infinity", () => {
    for (const m of [1, 12]) {
      const a = new Float32Array(m * 20).fill(1);
      a[3] = NaN;
      const b = new Float32Array(20 * 20).fill(1);
      b[5 * 20 + 7] = Infinity;
      for (const transposeB of [false, true]) {
        const c = new Float32Array(m * 20);
        addon.matMul(1, m, 20, 20, false, transposeB, a, b, c);
        assertClose(c, product(a, b, m, 20, 20, false, transposeB).values, { what: `m ${m}` });
      }
    }
  });

  it("refuses wrong arguments", () => {
    const f = (n: number) => new Float32Array(n);
    assert.throws(() => addon.matMul(1, 2, 3, 4, false, false, f(7), f(12), f(6)), {
      message: "matMul: argument a: expected Float32Array of length 8, got Float32Array of length 7",
    });
    assert.throws(() => addon.matMul(1, 2, 3, 4, false, false, f(8), new Int32Array(12) as never, f(6)), {
      message: "matMul: argument b: expected Float32Array of length 12, got Int32Array of length 12",
    });
    assert.throws(() => addon.matMul(1, 2, 3, 4, false, false, f(8), f(12), f(5)), {
      message: "matMul: argument c: expected Float32Array of length 6, got Float32Array of length 5",
    });
    assert.throws(() => addon.matMul(1, 2, 3, 4, 1 as never, false, f(8), f(12), f(6)), {
      message: "matMul: argument transposeA: expected a boolean, got 1",
    });
    assert.throws(() => addon.matMul(1, -2, 3, 4, false, false, f(8), f(12), f(6)), {
      message: "matMul: argument m: expected a whole number >= 0, got -2",
    });
  });
});
