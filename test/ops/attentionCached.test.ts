import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { attentionCached, type CachedAttentionOptions } from "../../sdk/ops/attentionCached.ts";
import { assertClose } from "../compare.ts";
import { attend, type FormulaShape } from "./attentionFormula.ts";
import { FLOAT32, onEveryBackend, random } from "./support.ts";

const SHAPES: FormulaShape[] = [
  { heads: 1, kvHeads: 1, headDim: 1, window: 0 },
  { heads: 4, kvHeads: 2, headDim: 32, window: 0 },
  { heads: 9, kvHeads: 3, headDim: 64, window: 0 },
  { heads: 2, kvHeads: 1, headDim: 128, window: 7 },
  { heads: 3, kvHeads: 1, headDim: 19, window: 50 },
];

function emptyCache(capacity: number, { kvHeads, headDim }: FormulaShape) {
  const rows = () => new Float32Array(capacity * kvHeads * headDim).fill(NaN);
  return { keys: rows(), values: rows(), capacity };
}

/** Feeds the rows of a sequence in steps of the given sizes; returns all outputs and the cache. */
function feed(steps: number[], shape: FormulaShape, seed: number) {
  const total = steps.reduce((a, b) => a + b, 0);
  const [wide, narrow] = [shape.heads * shape.headDim, shape.kvHeads * shape.headDim];
  const q = random(total * wide, seed, 2);
  const k = random(total * narrow, seed + 1, 2);
  const v = random(total * narrow, seed + 2, 2);
  const cache = emptyCache(total + 1, shape);
  const o = new Float32Array(total * wide);
  let past = 0;
  for (const rows of steps) {
    const tensor = (x: Float32Array, width: number) =>
      tf.tensor2d(x.slice(past * width, (past + rows) * width), [rows, width]);
    const inputs = [tensor(q, wide), tensor(k, narrow), tensor(v, narrow)];
    const before = tf.memory().numTensors;
    const y = attentionCached(inputs[0], inputs[1], inputs[2], { ...shape, cache, past });
    assert.equal(tf.memory().numTensors, before + 1, "leaves its output and nothing else");
    o.set(y.dataSync<"float32">(), past * wide);
    tf.dispose([y, ...inputs]);
    past += rows;
  }
  return { q, k, v, o, cache };
}

const double = (x: Float32Array) => Float64Array.from(x);

describe("attentionCached", () => {
  onEveryBackend(() => {
    // One by one is decoding, 1 to 8 rows take the direct path, more take the tiles; 70 crosses a tile of keys.
    for (const steps of [
      [1, 1, 1, 1],
      [17, 1, 1, 3],
      [3, 8, 9, 1],
      [70, 1, 33, 1],
    ]) {
      it(`equals attention over the whole sequence, in steps of ${steps}`, () => {
        for (const shape of SHAPES) {
          const { q, k, v, o, cache } = feed(steps, shape, 3);
          const what = JSON.stringify(shape);
          assertClose(o, attend(double(q), double(k), double(v), shape), { ...FLOAT32, what });
          const room = new Float32Array(shape.kvHeads * shape.headDim).fill(NaN);
          assertClose(cache.keys, [...k, ...room], { what: `keys of ${what}` });
          assertClose(cache.values, [...v, ...room], { what: `values of ${what}` });
        }
      });
    }

    it("reaches a long context from one token", () => {
      const shape = { heads: 4, kvHeads: 2, headDim: 32, window: 0 };
      const { q, k, v, o } = feed([600, 1, 1], shape, 8);
      assertClose(o, attend(double(q), double(k), double(v), shape), { ...FLOAT32, what: "600 keys" });
    });

    it("passes a NaN in the cache on", () => {
      const shape = { heads: 2, kvHeads: 1, headDim: 4, window: 0 };
      for (const rows of [1, 20]) {
        const cache = emptyCache(40, shape);
        cache.keys.fill(1);
        cache.values.fill(1);
        cache.keys[2] = NaN;
        const [q, k] = [tf.ones([rows, 8]), tf.ones([rows, 4])] as tf.Tensor2D[];
        const y = attentionCached(q, k, k, { ...shape, cache, past: 3 });
        assertClose(y.dataSync<"float32">(), new Float32Array(rows * 8).fill(NaN), { what: `${rows} rows` });
        tf.dispose([q, k, y]);
      }
    });

    it("refuses what does not fit", () => {
      const shape = { heads: 2, kvHeads: 1, headDim: 4, window: 0 };
      const [q, k] = [tf.zeros([2, 8]), tf.zeros([2, 4])] as tf.Tensor2D[];
      const refuse = (change: Partial<CachedAttentionOptions>, message: string) =>
        assert.throws(
          () => attentionCached(q, k, k, { ...shape, cache: emptyCache(5, shape), past: 0, ...change }),
          {
            message,
          },
        );
      refuse({ past: 4 }, "attentionCached: 2 rows after 4 do not fit a cache of 5 rows");
      refuse({ past: -1 }, "attentionCached: 2 rows after -1 do not fit a cache of 5 rows");
      refuse(
        { cache: { ...emptyCache(5, shape), capacity: 6 } },
        "attentionCached: expected a cache of 24 keys and values (capacity 6), got 20 and 20",
      );
      refuse(
        { headDim: 8 },
        "attentionCached: expected q [T, 16] and k, v [T, 8], got q [2,8], k [2,4], v [2,4]",
      );
      tf.dispose([q, k]);
    });
  });
});
