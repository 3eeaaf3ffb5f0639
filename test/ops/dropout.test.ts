import assert from "node:assert/strict";
import { dropoutMask, seedFrom } from "../../sdk/ops/dropout.ts";
import { assertClose } from "../compare.ts";

/** The hash in arbitrary precision, where no 32-bit rule of JavaScript can be got wrong. */
function hash(seed: bigint, index: bigint): bigint {
  const wrap = (x: bigint) => x & 0xffffffffn;
  let h = wrap(seed + wrap(index * 0x9e3779b1n));
  h = wrap((h ^ (h >> 16n)) * 0x85ebca6bn);
  h = wrap((h ^ (h >> 13n)) * 0xc2b2ae35n);
  return h ^ (h >> 16n);
}

describe("dropoutMask", () => {
  it("keeps the elements that the hash keeps, scaled", () => {
    for (const [p, seed] of [
      [0.05, 0],
      [0.5, 1],
      [0.9, 4294967295],
    ]) {
      const threshold = BigInt(Math.floor(Math.fround(p) * 2 ** 32));
      const kept = Math.fround(1 / Math.fround(1 - Math.fround(p)));
      const expected = Array.from({ length: 1000 }, (_, i) =>
        hash(BigInt(seed), BigInt(i)) >= threshold ? kept : 0,
      );
      assertClose(dropoutMask(1000, p, seed), expected, { what: `p ${p}, seed ${seed}` });
    }
  });

  it("drops a share p, with mean 1, and differently for each seed", () => {
    const n = 100000;
    for (const p of [0.05, 0.3]) {
      const mask = dropoutMask(n, p, 11);
      const dropped = mask.filter((x) => x === 0).length / n;
      // Four standard deviations of a binomial share.
      assert.ok(Math.abs(dropped - p) < 4 * Math.sqrt((p * (1 - p)) / n), `${dropped}`);
      const other = dropoutMask(n, p, 12);
      const both = mask.filter((x, i) => x === 0 && other[i] === 0).length / n;
      assert.ok(Math.abs(both - p * p) < 4 * Math.sqrt((p * p) / n), `${both}`);
    }
  });

  it("goes on after a number of elements, past 2^32 too", () => {
    const mask = dropoutMask(200, 0.4, 4294967290);
    assert.deepEqual(dropoutMask(77, 0.4, seedFrom(4294967290, 123)), mask.slice(123));
    assert.deepEqual(dropoutMask(200, 0.4, seedFrom(4294967290, 2 ** 32)), mask);
  });

  it("keeps everything at p = 0", () => {
    assert.ok(dropoutMask(100, 0, 5).every((x) => x === 1));
  });
});
