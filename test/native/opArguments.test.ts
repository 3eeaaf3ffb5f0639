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
    refuse(
      () => step(0, 0.9),
      "TypeError",
      "adamW: argument step: expected a whole number >= 1, got 0.000000",
    );
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
