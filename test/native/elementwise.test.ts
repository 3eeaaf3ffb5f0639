import assert from "node:assert/strict";
import { assertClose } from "../compare.ts";
import { guarded, onEveryIsa, uniform } from "./support.ts";

const LENGTHS = [0, 1, 3, 15, 16, 17, 33, 8191, 8193, 70001];

onEveryIsa("elementwise", (addon) => {
  it("adds, exactly as one float32 addition", () => {
    for (const n of LENGTHS) {
      const [a, b] = [uniform(n, 1), uniform(n, 2)];
      const y = guarded(n);
      addon.add(a, b, y.values);
      const expected = a.map((value, i) => value + b[i]);
      assertClose(y.values, expected, { what: `${n} values` });
      y.check();
    }
  });

  it("sums squares in double precision, alike on any number of threads", () => {
    for (const n of LENGTHS) {
      const x = uniform(n, 3);
      const expected = x.reduce((sum, value) => sum + value * value, 0);
      const sums = [1, 3].map((threads) => {
        addon.setThreads(threads);
        return addon.sumSquares(x);
      });
      // Up to 70000 roundings of 2^-53, in another order.
      assertClose(sums, [expected, expected], { rtol: 1e-12, what: `${n} values` });
      assert.equal(sums[0], sums[1]);
    }
  });

  it("does not swallow NaN or an overflow of float32", () => {
    const x = new Float32Array(9000).fill(1);
    x[8999] = NaN;
    assert.ok(Number.isNaN(addon.sumSquares(x)));
    assertClose([addon.sumSquares(Float32Array.of(3e38, 4))], [9e76 + 16], {
      rtol: 1e-6,
      what: "3e38 squared",
    });
    const y = new Float32Array(2);
    addon.add(Float32Array.of(NaN, 1), Float32Array.of(1, Infinity), y);
    assertClose(y, [NaN, Infinity], { what: "sum" });
  });

  it("refuses arrays of another length or type", () => {
    const [a, b] = [new Float32Array(3), new Float32Array(2)];
    assert.throws(() => addon.add(a, b, a), {
      name: "TypeError",
      message: "add: argument b: expected Float32Array of length 3, got Float32Array of length 2",
    });
    const wrong: unknown = new Float64Array(2);
    assert.throws(() => addon.sumSquares(wrong as Float32Array), {
      name: "TypeError",
      message: "sumSquares: argument x: expected Float32Array, got Float64Array of length 2",
    });
  });
});
