/** What the addon's entries refuse by themselves: a wrong call must never read or write outside of an array. */
import assert from "node:assert/strict";
import { loadAddon } from "../../sdk/backend/loadAddon.ts";

const f = (n: number) => new Float32Array(n);
const i = (...values: number[]) => Int32Array.from(values);

describe("arguments of the op entries", () => {
  const addon = loadAddon();
  if (!addon) return it("skipped: there is no native addon");
  const refuse = (call: () => unknown, name: "TypeError" | "RangeError", message: string) =>
    assert.throws(call, { name, message });

  it("whose sizes have a product beyond 2^63, which would be 0", () => {
    const most = "9223372036854775807";
    for (const [call, what] of [
      [
        () => addon.matMul(1, 2 ** 32, 2 ** 32, 2 ** 32, false, false, f(0), f(0), f(0)),
        "matMul: argument a",
      ],
      [() => addon.rmsNormForward(2 ** 32, 2 ** 32, 1, f(0), f(0), f(0), f(0)), "rmsNormForward: argument x"],
      [() => addon.rope(2 ** 22, 2 ** 21, 2 ** 21, false, f(0), i(0), f(0), f(0)), "rope: argument x"],
    ] as const) {
      refuse(
        call,
        "TypeError",
        `${what}: expected Float32Array of length ${most}, got Float32Array of length 0`,
      );
    }
    refuse(
      () => addon.embeddingForward(2 ** 32, 2 ** 32, new Uint8Array(0), f(0), i(0), f(0)),
      "TypeError",
      "embeddingForward: argument weight: expected Uint8Array of length 4611686018427387904, got Uint8Array of length 0",
    );
  });

  it("of no type at all, without a call of their toString", () => {
    const loud = { toString: () => assert.fail("called") };
    for (const [value, got] of [
      [Symbol("x"), "a symbol"],
      [Object.create(null), "an object"],
      [loud, "an object"],
      [new Proxy(f(1), {}), "an object"],
      [[1], "an array"],
      [() => 1, "a function"],
      ["x".repeat(41), `${"x".repeat(40)}...`],
      [1n, "1"],
      [undefined, "undefined"],
      [new BigInt64Array(2), "BigInt64Array of length 2"],
    ] as const)
      refuse(
        () => addon.add(value as never, f(1), f(1)),
        "TypeError",
        `add: argument a: expected Float32Array, got ${got}`,
      );
    for (const rows of [NaN, Infinity, -1, 0.5, 2 ** 53])
      refuse(
        () => addon.rmsNormForward(rows, 1, 1, f(0), f(1), f(0), f(0)),
        "TypeError",
        `rmsNormForward: argument rows: expected a whole number >= 0, got ${rows}`,
      );
  });

  it("whose memory has gone to another thread, or is its too", () => {
    const gone = f(4);
    structuredClone(gone, { transfer: [gone.buffer] });
    refuse(
      () => addon.add(f(4), gone, f(4)),
      "TypeError",
      "add: argument b: expected Float32Array of length 4, got Float32Array of length 0",
    );
    const shared = new Int32Array(new SharedArrayBuffer(8)) as unknown as Int32Array<ArrayBuffer>;
    refuse(
      () => addon.embeddingForward(2, 1, f(2), null, shared, f(2)),
      "TypeError",
      "embeddingForward: argument ids: expected an Int32Array that no other thread can change, got one over a SharedArrayBuffer",
    );
    refuse(
      () => addon.crossEntropy(2, 3, 1, f(2), f(3), null, shared, f(2), null, null),
      "TypeError",
      "crossEntropy: argument labels: expected an Int32Array that no other thread can change, got one over a SharedArrayBuffer",
    );
    const sum = f(2);
    addon.add(new Float32Array(new SharedArrayBuffer(8)).fill(1), new Float32Array(2).fill(2), sum);
    assert.deepEqual([...sum], [3, 3]); // values may be shared
  });

  it("rope", () => {
    refuse(
      () => addon.rope(2, 1, 3, false, f(6), i(0, 1), f(1), f(6)),
      "RangeError",
      "rope: headDim must be even",
    );
    refuse(
      () => addon.rope(2, 1, 4, false, f(8), i(0), f(2), f(8)),
      "TypeError",
      "rope: argument positions: expected Int32Array of length 2, got Int32Array of length 1",
    );
  });

  it("attention", () => {
    const forward = (kvHeads: number, offsets: Int32Array, q = f(8)) =>
      addon.attentionForward(2, 2, kvHeads, 2, 1, 0, offsets, q, f(4 * kvHeads), f(4 * kvHeads), f(8), f(4));
    forward(1, i(0, 2));
    const what = "attentionForward:";
    refuse(() => forward(3, i(0, 2)), "RangeError", `${what} heads must be a multiple of kvHeads`);
    refuse(
      () => forward(1, i(0, 3)),
      "RangeError",
      `${what} cuSeqlens must begin with 0 and end with the number of tokens`,
    );
    refuse(() => forward(1, i(0, 5, 2)), "RangeError", `${what} cuSeqlens must not fall (at sequence 1)`);
    refuse(() => forward(1, i()), "RangeError", `${what} cuSeqlens needs at least one offset`);
    refuse(
      () => forward(1, i(0, 2), f(7)),
      "TypeError",
      `${what} argument q: expected Float32Array of length 8, got Float32Array of length 7`,
    );
    refuse(
      () => addon.attentionCached(2, 1, 1, 2, 1, 0, 3, 4, f(4), f(4), f(4), f(8), f(8), f(4)),
      "RangeError",
      "attentionCached: the cache has room for 4 tokens, needed are 5",
    );
  });

  it("crossEntropy", () => {
    refuse(
      () => addon.crossEntropy(2, 3, 1, f(2), f(3), null, i(0, 3), f(2), null, null),
      "RangeError",
      "crossEntropy: label 3 at row 1 is not below the vocabulary size 3",
    );
    refuse(
      () => addon.crossEntropy(2, 3, 1, f(2), f(3), null, i(0, 1), f(2), f(3), null),
      "TypeError",
      "crossEntropy: argument dHidden: expected Float32Array of length 2, got Float32Array of length 3",
    );
  });

  it("embedding", () => {
    refuse(
      () => addon.embeddingForward(2, 1, f(2), null, i(0, 2), f(2)),
      "RangeError",
      "embeddingForward: id 2 at index 1 is not in [0, 2)",
    );
    refuse(
      () => addon.embeddingBackward(2, 1, f(3), i(0, 1), f(2)),
      "RangeError",
      "embeddingBackward: dy has 3 values, 2 ids of dimension 1 need 2",
    );
  });

  it("adamW", () => {
    const step = (count: number, beta: number) =>
      addon.adamW(count, 1, 1, beta, 0.9, 1e-8, 0, f(2), f(2), f(2), f(2), f(2), f(2), f(2));
    refuse(() => step(1, 1), "RangeError", "adamW: beta1 and beta2 must be in [0, 1)");
    refuse(() => step(0, 0.9), "TypeError", "adamW: argument step: expected a whole number >= 1, got 0");
  });

  it("swiglu", () => {
    refuse(
      () => addon.swigluForward(f(2), f(3), f(2)),
      "TypeError",
      "swigluForward: argument up: expected Float32Array of length 2, got Float32Array of length 3",
    );
  });

  it("readBandwidth", () => {
    for (const jobValues of [0, 300, 1024]) {
      const rate = addon.readBandwidth(f(1024), 1e-4, jobValues);
      assert.ok(rate > 0 && Number.isFinite(rate), `${rate} bytes a second in jobs of ${jobValues}`);
    }
    refuse(
      () => addon.readBandwidth(f(4), 1e-4, 5),
      "RangeError",
      "readBandwidth: jobValues must be at most the buffer's length",
    );
    refuse(
      () => addon.readBandwidth(f(4), 0),
      "RangeError",
      "readBandwidth: seconds must be above 0 and at most 60",
    );
  });
});
