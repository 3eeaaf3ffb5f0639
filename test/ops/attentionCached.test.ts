import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import {
  AttentionCache,
  attentionCached,
  type CachedAttentionOptions,
} from "../../sdk/ops/attentionCached.ts";
import { assertClose } from "../compare.ts";
import { attend, type FormulaShape } from "./attentionFormula.ts";
import { assertNear, cudaBytes, FLOAT32, onEveryBackend, random } from "./support.ts";

const SHAPES: FormulaShape[] = [
  { heads: 1, kvHeads: 1, headDim: 1, window: 0 },
  { heads: 4, kvHeads: 2, headDim: 32, window: 0 },
  { heads: 9, kvHeads: 3, headDim: 64, window: 0 },
  { heads: 2, kvHeads: 1, headDim: 128, window: 7 },
  { heads: 3, kvHeads: 1, headDim: 19, window: 50 },
];

function emptyCache(capacity: number, { kvHeads, headDim }: FormulaShape): AttentionCache {
  return new AttentionCache(capacity, kvHeads * headDim);
}

/** Feeds the rows of a sequence in steps of the given sizes; returns inputs and all outputs. */
function feed(steps: number[], shape: FormulaShape, seed: number) {
  const total = steps.reduce((a, b) => a + b, 0);
  const [wide, narrow] = [shape.heads * shape.headDim, shape.kvHeads * shape.headDim];
  const q = random(total * wide, seed, 2);
  const k = random(total * narrow, seed + 1, 2);
  const v = random(total * narrow, seed + 2, 2);
  const cache = emptyCache(total + 1, shape);
  // Rows past those in use must not matter: all hold NaN at first.
  const nothing = new Float32Array((total + 1) * wide).fill(NaN);
  step(nothing, nothing.subarray(0, (total + 1) * narrow), nothing.subarray(0, (total + 1) * narrow), 0);
  const o = new Float32Array(total * wide);
  let past = 0;
  for (const rows of steps) {
    const cut = (x: Float32Array, width: number) => x.slice(past * width, (past + rows) * width);
    o.set(step(cut(q, wide), cut(k, narrow), cut(v, narrow), past), past * wide);
    past += rows;
  }
  const bytes = cudaBytes();
  cache.dispose();
  if (bytes > 0) assert.ok(cudaBytes() < bytes, "a cache gives its memory back");
  return { q, k, v, o };

  function step(q: Float32Array, k: Float32Array, v: Float32Array, past: number): Float32Array {
    const inputs = [q, k, v].map((x, i) => {
      const width = i === 0 ? wide : narrow;
      return tf.tensor2d(x, [x.length / width, width]);
    });
    const before = tf.memory().numTensors;
    const y = attentionCached(inputs[0], inputs[1], inputs[2], { ...shape, cache, past });
    assert.equal(tf.memory().numTensors, before + 1, "leaves its output and nothing else");
    const values = y.dataSync<"float32">().slice();
    tf.dispose([y, ...inputs]);
    return values;
  }
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
          const { q, k, v, o } = feed(steps, shape, 3);
          const what = JSON.stringify(shape);
          assertNear(o, attend(double(q), double(k), double(v), shape), { ...FLOAT32, what });
        }
      });
    }

    it("reaches a long context from one token", () => {
      for (const shape of [
        { heads: 4, kvHeads: 2, headDim: 32, window: 0 },
        { heads: 2, kvHeads: 1, headDim: 128, window: 500 },
      ]) {
        const { q, k, v, o } = feed([600, 1, 1, 3], shape, 8);
        const what = `600 keys, ${JSON.stringify(shape)}`;
        assertNear(o, attend(double(q), double(k), double(v), shape), { ...FLOAT32, what });
      }
    });

    it("attends several sequences in turn", () => {
      const shape = { heads: 4, kvHeads: 2, headDim: 32, window: 0 };
      const [a, b] = [emptyCache(20, shape), emptyCache(200, shape)];
      const rows = (n: number, columns: number, seed: number) => random(n * columns, seed, 2);
      const [q, k, v] = [rows(20, 128, 1), rows(20, 64, 2), rows(20, 64, 3)];
      const expected = attend(double(q), double(k), double(v), shape);
      for (let past = 0; past < 20; past++) {
        for (const cache of [a, b]) {
          const row = (x: Float32Array, n: number) => tf.tensor2d(x.slice(past * n, (past + 1) * n), [1, n]);
          const inputs = [row(q, 128), row(k, 64), row(v, 64)];
          const y = attentionCached(inputs[0], inputs[1], inputs[2], { ...shape, cache, past });
          const want = expected.subarray(past * 128, (past + 1) * 128);
          assertNear(y.dataSync<"float32">(), want, { ...FLOAT32, what: `token ${past}` });
          tf.dispose([y, ...inputs]);
        }
      }
      a.dispose();
      b.dispose();
    });

    it("passes a NaN in the cache on", () => {
      const shape = { heads: 2, kvHeads: 1, headDim: 4, window: 0 };
      for (const rows of [1, 20]) {
        const cache = emptyCache(40, shape);
        const [q, k] = [tf.ones([rows, 8]), tf.ones([rows, 4])] as tf.Tensor2D[];
        const first = [
          tf.ones([3, 8]),
          tf.tensor2d([1, 1, NaN, ...Array(9).fill(1)], [3, 4]),
        ] as tf.Tensor2D[];
        const before = attentionCached(first[0], first[1], first[1], { ...shape, cache, past: 0 });
        const y = attentionCached(q, k, k, { ...shape, cache, past: 3 });
        assertClose(y.dataSync<"float32">(), new Float32Array(rows * 8).fill(NaN), { what: `${rows} rows` });
        tf.dispose([q, k, y, before, ...first]);
        cache.dispose();
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
      refuse({ cache: new AttentionCache(5, 8) }, "attentionCached: expected a cache of 4 columns, got 8");
      refuse(
        { headDim: 8 },
        "attentionCached: expected q [T, 16] and k, v [T, 8], got q [2,8], k [2,4], v [2,4]",
      );
      tf.dispose([q, k]);
    });
  });
});
