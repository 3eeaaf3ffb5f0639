import assert from "node:assert/strict";
import { Random } from "../../sdk/data/random.ts";

const draw = (random: Random, count: number) => Array.from({ length: count }, () => random.next());

describe("Random", () => {
  it("repeats by seed and stream, and differs between them", () => {
    assert.deepEqual(draw(new Random(7), 20), draw(new Random(7), 20));
    const sequences = [
      new Random(7),
      new Random(8),
      new Random(-7),
      new Random(7, 1),
      new Random(7 + 2 ** 32),
    ];
    const firsts = sequences.map((random) => random.next());
    assert.equal(new Set(firsts).size, firsts.length);
  });

  it("continues from its state", () => {
    const random = new Random(3);
    draw(random, 5);
    random.normal();
    const copy = Random.fromState(random.state);
    assert.deepEqual(draw(copy, 10), draw(random, 10));
  });

  it("is uniform in [0, 1) and over whole numbers", () => {
    const random = new Random(1);
    const counts = new Array<number>(10).fill(0);
    for (const value of draw(random, 50_000)) {
      assert.ok(value >= 0 && value < 1);
      counts[Math.floor(value * 10)]++;
    }
    for (let i = 0; i < 50_000; i++) counts[random.int(10)]++;
    // Each bin is binomial with n = 100 000, p = 0.1: standard deviation 95, five of them are 475.
    for (const count of counts) assert.ok(Math.abs(count - 10_000) < 475, `bins ${counts}`);
  });

  it("shuffles in place into a permutation, every order equally often", () => {
    const random = new Random(5);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const array = ["a", "b", "c"];
      assert.equal(random.shuffle(array), array);
      counts.set(array.join(""), (counts.get(array.join("")) ?? 0) + 1);
    }
    assert.equal(counts.size, 6);
    // Binomial, n = 6000, p = 1/6: standard deviation 29, five of them are 145.
    for (const count of counts.values()) assert.ok(Math.abs(count - 1000) < 145, `${[...counts]}`);
  });

  it("gives standard normal numbers", () => {
    const random = new Random(11);
    const n = 100_000;
    const values = Array.from({ length: n }, () => random.normal());
    const moment = (k: number) => values.reduce((sum, v) => sum + v ** k, 0) / n;
    // Standard errors: mean 1/√n = 0.0032, variance √(2/n) = 0.0045, fourth moment √(96/n) = 0.031; five of each.
    assert.ok(Math.abs(moment(1)) < 0.016);
    assert.ok(Math.abs(moment(2) - 1) < 0.0225);
    assert.ok(Math.abs(moment(4) - 3) < 0.155);
    assert.ok(values.every(Number.isFinite));
  });

  it("refuses wrong arguments by name", () => {
    assert.throws(() => new Random(1.5), { message: "Random: seed must be a safe integer, got 1.5" });
    assert.throws(() => new Random(1, Number.NaN), {
      message: "Random: stream must be a safe integer, got NaN",
    });
    assert.throws(() => new Random(1).int(0), {
      message: "Random.int: n must be a positive safe integer, got 0",
    });
  });
});
