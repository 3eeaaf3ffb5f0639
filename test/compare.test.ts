import assert from "node:assert/strict";
import { assertClose } from "./compare.ts";

describe("assertClose", () => {
  const exact = { what: "y" };

  it("accepts equal values, NaN and infinities in their places, and both zeros", () => {
    assertClose([1, NaN, Infinity, -Infinity, -0], Float32Array.of(1, NaN, Infinity, -Infinity, 0), exact);
    assertClose([], [], exact);
  });

  it("accepts what the tolerances allow, and no more", () => {
    assertClose([1.5, 110], [1, 100], { rtol: 0.1, atol: 0.5, what: "y" });
    assert.throws(
      () => assertClose([1.75], [1], { rtol: 0.1, atol: 0.5, what: "y" }),
      /1 of 1 elements differ/,
    );
  });

  it("names the worst element and both values", () => {
    assert.throws(() => assertClose([1, 2.5, 3.25], [1, 2, 3], exact), {
      message: "y: 2 of 3 elements differ; worst at 1: got 2.5, expected 2 (rtol 0, atol 0)",
    });
  });

  it("refuses different lengths", () => {
    assert.throws(() => assertClose([1, 2], [1], exact), { message: "y: expected 1 elements, got 2" });
  });

  const loose = { rtol: 1e9, atol: 1e9, what: "y" };
  for (const [actual, expected] of [
    [NaN, 1],
    [1, NaN],
    [NaN, Infinity],
    [Infinity, NaN],
    [Infinity, 1],
    [1, Infinity],
    [Infinity, -Infinity],
  ] as const) {
    it(`refuses ${actual} for ${expected} whatever the tolerance`, () => {
      assert.throws(() => assertClose([actual], [expected], loose), {
        message: `y: 1 of 1 elements differ; worst at 0: got ${actual}, expected ${expected} (rtol 1000000000, atol 1000000000)`,
      });
    });
  }

  it("refuses tolerances that are no numbers", () => {
    assert.throws(
      () => assertClose([1], [1], { rtol: NaN, what: "y" }),
      /rtol and atol must be >= 0, got NaN and 0/,
    );
  });
});
