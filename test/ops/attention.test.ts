import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { loadAddon } from "../../sdk/backend/loadAddon.ts";
import { type AttentionOptions, attention } from "../../sdk/ops/attention.ts";
import { assertClose } from "../compare.ts";
import { attendPacked } from "./attentionFormula.ts";
import {
  checkAgainstReference,
  checkForward,
  checkGradients,
  evaluate,
  type OpCase,
  onEveryBackend,
  randomValues,
  type Values64,
} from "./support.ts";

/** Options for sequences of these lengths. */
function options(lengths: number[], rest: Omit<AttentionOptions, "cuSeqlens">): AttentionOptions {
  const cuSeqlens = new Int32Array(lengths.length + 1);
  lengths.forEach((length, s) => {
    cuSeqlens[s + 1] = cuSeqlens[s] + length;
  });
  return { ...rest, cuSeqlens };
}

function attentionCase(opts: AttentionOptions): OpCase {
  const tokens = opts.cuSeqlens[opts.cuSeqlens.length - 1];
  const narrow = [tokens, opts.kvHeads * opts.headDim];
  const shapes = { q: [tokens, opts.heads * opts.headDim], k: narrow, v: narrow };
  return {
    shapes,
    values: randomValues(shapes, tokens + opts.headDim, 2),
    run: ({ q, k, v }) => attention(q as tf.Tensor2D, k as tf.Tensor2D, v as tf.Tensor2D, opts),
  };
}

const formula =
  (opts: AttentionOptions) =>
  ({ q, k, v }: Values64) =>
    attendPacked(q, k, v, opts, opts.cuSeqlens);

const SMALL: AttentionOptions[] = [
  options([1], { heads: 1, kvHeads: 1, headDim: 1, window: 0 }),
  options([3], { heads: 2, kvHeads: 1, headDim: 5, window: 0 }),
  options([1, 4, 1, 3], { heads: 2, kvHeads: 2, headDim: 4, window: 0 }),
  options([7, 0, 2], { heads: 4, kvHeads: 2, headDim: 3, window: 3 }),
  options([9], { heads: 3, kvHeads: 1, headDim: 2, window: 1 }),
  options([5], { heads: 1, kvHeads: 1, headDim: 4, window: 0, scale: 0.9 }),
];

// Lengths and windows around the tiles (96 queries, 64 keys), head sizes around the vectors.
const LARGE: AttentionOptions[] = [
  options([17, 33, 1, 64], { heads: 3, kvHeads: 1, headDim: 32, window: 0 }),
  options([193], { heads: 4, kvHeads: 2, headDim: 64, window: 0 }),
  options([97, 65], { heads: 2, kvHeads: 1, headDim: 128, window: 40 }),
  options([300], { heads: 1, kvHeads: 1, headDim: 33, window: 130 }),
  options([260], { heads: 2, kvHeads: 2, headDim: 17, window: 64 }),
];

/** Around the tiles of the GPU: 128 queries, 64 and 32 keys; heads of a group in one block, in two, in four. */
const GPU_TILES: AttentionOptions[] = [
  options([300], { heads: 4, kvHeads: 1, headDim: 128, window: 0 }),
  options([129, 0, 64, 200], { heads: 4, kvHeads: 2, headDim: 64, window: 70 }),
  options([257, 31], { heads: 2, kvHeads: 2, headDim: 32, window: 128 }),
  options(Array(150).fill(5), { heads: 4, kvHeads: 2, headDim: 32, window: 0 }),
  options(Array(100).fill(7), { heads: 4, kvHeads: 1, headDim: 64, window: 4 }),
  options([70], { heads: 2, kvHeads: 1, headDim: 64, window: 0, scale: -0.1 }),
  options([50, 20], { heads: 2, kvHeads: 1, headDim: 200, window: 0 }),
  options([140], { heads: 2, kvHeads: 1, headDim: 96, window: 0 }),
];

// Values reach 2, so dk and dv are sums over up to 300 queries of terms of size 1: 300 * 2^-24 = 2e-5, when all
// errors point one way.
const SUMS = { rtol: 1e-5, atol: 2e-5 };

describe("attention", () => {
  onEveryBackend((backend) => {
    it("follows the formula and its derivative", () => {
      for (const opts of SMALL) {
        const what = JSON.stringify(opts);
        checkForward(attentionCase(opts), formula(opts), { what });
        checkGradients(attentionCase(opts), formula(opts), { ...SUMS, what });
      }
    });

    it("follows the formula over several tiles", () => {
      for (const opts of LARGE)
        checkForward(attentionCase(opts), formula(opts), { what: JSON.stringify(opts) });
    });

    if (backend === "native") {
      it("equals the reference over several tiles, on any number of threads", async () => {
        const addon = loadAddon()!;
        const { threads } = addon.info();
        for (const opts of LARGE) {
          for (const n of [1, 5]) {
            addon.setThreads(n);
            await checkAgainstReference(attentionCase(opts), { ...SUMS, what: JSON.stringify(opts) });
          }
        }
        addon.setThreads(threads);
      });

      it("shares out one long head among threads and gives the same gradient", async () => {
        const addon = loadAddon()!;
        const { threads } = addon.info();
        const opts = options([900], { heads: 1, kvHeads: 1, headDim: 16, window: 0 });
        addon.setThreads(4);
        // 900 queries: three times the sums above.
        await checkAgainstReference(attentionCase(opts), { rtol: 1e-5, atol: 6e-5 });
        addon.setThreads(threads);
      });
    }

    if (backend === "cuda") {
      for (const [n, opts] of [...LARGE, ...GPU_TILES].entries()) {
        const { heads, kvHeads, headDim, window } = opts;
        it(`equals the reference (${n}: ${heads}/${kvHeads} heads x ${headDim}, window ${window})`, async () => {
          await checkAgainstReference(attentionCase(opts), { ...SUMS, what: JSON.stringify(opts) });
        });
      }

      it("gives the same values and gradients again", () => {
        const opCase = attentionCase(GPU_TILES[1]);
        const dy = opCase.values.q;
        assert.deepEqual(evaluate(opCase, dy), evaluate(opCase, dy));
      });
    }

    it("does not look across sequences or ahead", () => {
      const opts = options([4, 5], { heads: 1, kvHeads: 1, headDim: 8, window: 0 });
      const opCase = attentionCase(opts);
      const { y } = evaluate(opCase);
      opCase.values.k.fill(7, 3 * 8, 4 * 8); // the last key of the first sequence
      opCase.values.v.fill(7, 3 * 8, 4 * 8);
      const changed = evaluate(opCase).y;
      assertClose(changed.subarray(0, 24), y.subarray(0, 24), { what: "before" });
      assertClose(changed.subarray(32), y.subarray(32), { what: "the next sequence" });
      assert.notDeepEqual(changed.subarray(24, 32), y.subarray(24, 32));
    });

    it("survives scores of any size", () => {
      const opts = options([40], { heads: 1, kvHeads: 1, headDim: 4, window: 0 });
      const opCase = attentionCase(opts);
      for (let i = 0; i < opCase.values.q.length; i++) opCase.values.q[i] *= 1000;
      // Scores reach 1e4, whose float32 rounding of 5e-4 is the relative error of the weights.
      checkForward(opCase, formula(opts), { rtol: 2e-3, atol: 2e-3 });
    });

    it("makes NaN of every row that sees a NaN, and of no other", () => {
      const opts = options([40, 30], { heads: 2, kvHeads: 1, headDim: 8, window: 20 });
      for (const [name, index] of [
        ["q", 5 * 16 + 3],
        ["k", 43 * 8],
      ] as const) {
        const opCase = attentionCase(opts);
        opCase.values[name][index] = NaN;
        checkForward(opCase, formula(opts), { what: name });
      }
    });

    // In the first row only: for an earlier one, weight 0 times NaN may be NaN, in the reference as in the kernel.
    it("passes a NaN value on to every row that sees it", () => {
      const opts = options([40], { heads: 1, kvHeads: 1, headDim: 8, window: 0 });
      const opCase = attentionCase(opts);
      opCase.values.v[1] = NaN;
      checkForward(opCase, formula(opts));
    });

    it("refuses what does not fit", () => {
      const [q, k] = [tf.zeros([4, 8]), tf.zeros([4, 4])] as tf.Tensor2D[];
      const good = options([4], { heads: 2, kvHeads: 1, headDim: 4, window: 0 });
      const refuse = (change: Partial<AttentionOptions>, message: string, key = k) =>
        assert.throws(() => attention(q, key, k, { ...good, ...change }), { message });
      const shape =
        "attention: expected heads, kvHeads, headDim >= 1, kvHeads dividing heads and a whole window >= 0, ";
      refuse({ kvHeads: 3 }, `${shape}got heads 2, kvHeads 3, headDim 4, window 0`);
      refuse({ window: -1 }, `${shape}got heads 2, kvHeads 1, headDim 4, window -1`);
      const fit = "attention: expected q [T, 8] and k, v [T, 4], got";
      refuse({}, `${fit} q [4,8], k [4,8], v [4,4]`, q);
      const rise = "attention: expected cuSeqlens to rise from 0 to 4, got";
      refuse({ cuSeqlens: Int32Array.of(0, 3) }, `${rise} [0,3]`);
      refuse({ cuSeqlens: Int32Array.of(0, 3, 2, 4) }, `${rise} [0,3,2,4]`);
      refuse({ cuSeqlens: Int32Array.of() }, `${rise} []`);
      tf.dispose([q, k]);
    });
  });
});
