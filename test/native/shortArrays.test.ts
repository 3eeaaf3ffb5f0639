/** Every entry that works on arrays, called with one of them a value too short: refused, each time. Sizes are odd. */
import assert from "node:assert/strict";
import type { Addon } from "../../sdk/backend/addon.ts";
import { loadAddon } from "../../sdk/backend/loadAddon.ts";

const f = (n: number) => new Float32Array(n).fill(0.5);
const bytes = (n: number) => new Uint8Array(n);
const ints = (...values: number[]) => Int32Array.from(values);

/** A matrix in 4 bits. */
const nf4 = (out: number, inn: number) => [bytes(Math.ceil((out * inn) / 2)), f(Math.ceil((out * inn) / 64))];
const lora = (out: number, inn: number, r: number) => [f(r * inn), f(out * r), r, 1, 0, 0];

/** Arguments that are right. 3 tokens, 4 heads on 2 kv heads of 6 dimensions, rows of 5 and of 7. */
const CALLS: Partial<Record<keyof Addon, unknown[]>> = {
  matMul: [2, 3, 5, 7, false, true, f(42), f(70), f(30)],
  rmsNormForward: [3, 5, 1e-5, f(15), f(5), f(15), f(3)],
  rmsNormBackward: [3, 5, f(15), f(15), f(5), f(3), f(15), f(5)],
  rope: [3, 4, 6, false, f(72), ints(0, 1, 2), f(3), f(72)],
  swigluForward: [f(15), f(15), f(15)],
  swigluBackward: [f(15), f(15), f(15), f(15), f(15)],
  add: [f(15), f(15), f(15)],
  adamW: [1, 1, 1e-3, 0.9, 0.99, 1e-8, 0, f(15), f(15), f(15), f(15), f(15), f(15), f(15)],
  quantizeNf4: [f(65), bytes(33), f(2)],
  dequantizeNf4: [bytes(33), f(2), f(65)],
  quantizeNf4Scales: [f(257), 0, f(256), bytes(257), f(2)],
  linearForward: [
    3,
    5,
    f(15),
    7,
    f(35),
    null,
    ...lora(7, 5, 2),
    f(21),
    f(6),
    9,
    ...nf4(9, 5),
    ...lora(9, 5, 1),
    f(27),
    f(3),
  ],
  linearBackward: [3, 7, 5, f(21), f(15), f(6), ...nf4(7, 5), ...lora(7, 5, 2), f(15), f(10), f(14)],
  attentionForward: [3, 4, 2, 6, 1, 0, ints(0, 1, 3), f(72), f(36), f(36), f(72), f(12)],
  attentionBackward: [
    ...[3, 4, 2, 6, 1, 0, ints(0, 1, 3)],
    ...[f(72), f(72), f(36), f(36), f(72), f(12), f(72), f(36), f(36)],
  ],
  attentionCached: [3, 4, 2, 6, 1, 0, 2, 5, f(72), f(36), f(36), f(60), f(60), f(72)],
  crossEntropy: [3, 7, 5, f(15), f(35), null, ints(0, -1, 6), f(3), f(15), f(35)],
  embeddingForward: [7, 5, ...nf4(7, 5), ints(0, 6, 3), f(15)],
  embeddingBackward: [7, 5, f(15), ints(0, 6, 3), f(35)],
  decodeLayers: [
    ...[5, 7, 4, 2, 6, 1e-5, 1, 2, 3, f(3), f(5)],
    ...[0, f(5), f(5), f(36), f(36)],
    ...[
      [24, 5],
      [12, 5],
      [12, 5],
      [5, 24],
      [7, 5],
      [7, 5],
      [5, 7],
    ].flatMap(([out, inn]) => [...nf4(out, inn), ...lora(out, inn, 2)]),
  ],
};

describe("arrays that are too short", () => {
  const addon = loadAddon();
  if (!addon) return it("skipped: there is no native addon");

  for (const [name, right] of Object.entries(CALLS)) {
    it(`are refused by ${name}, each by its name`, () => {
      const entry = addon[name as keyof Addon] as (...values: unknown[]) => unknown;
      const arrays = right.flatMap((value, at) => (ArrayBuffer.isView(value) ? [at] : []));
      assert.ok(arrays.length >= 3);
      entry(...right);
      for (const at of arrays) {
        const wrong = right.with(at, (right[at] as Float32Array).slice(1));
        assert.throws(() => entry(...wrong), new RegExp(`^(Type|Range)Error: ${name}: `), `argument ${at}`);
      }
    });
  }

  it("are tried with every entry that takes arrays of one length", () => {
    // Any length is right for these, or they read files.
    const others = [
      "cuda",
      "info",
      "setIsa",
      "setThreads",
      "setComputeType",
      "sumSquares",
      "peakFlops",
      "readBandwidth",
    ];
    const files = ["readFile", "quantizeNf4File"];
    assert.deepEqual(Object.keys(addon).sort(), [...Object.keys(CALLS), ...others, ...files].sort());
  });
});
