import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { rope } from "../../sdk/ops/rope.ts";
import {
  assertNear,
  checkAgainstReference,
  checkForward,
  checkGradients,
  evaluate,
  type OpCase,
  onEveryBackend,
  randomValues,
  type Values64,
} from "./support.ts";

interface Sizes {
  tokens: number;
  heads: number;
  headDim: number;
}

function ropeCase({ tokens, heads, headDim }: Sizes, step: number): OpCase & { positions: Int32Array } {
  const shapes = { x: [tokens, heads * headDim] };
  const positions = Int32Array.from({ length: tokens }, (_, i) => i * step);
  const half = headDim / 2;
  const inverseFrequencies = Float32Array.from({ length: half }, (_, i) => 10000 ** (-i / half));
  return {
    shapes,
    positions,
    values: randomValues(shapes, tokens + headDim),
    run: ({ x }) => rope([x as tf.Tensor2D], { positions, headDim, inverseFrequencies })[0],
  };
}

function formula({ tokens, heads, headDim }: Sizes, positions: Int32Array) {
  const half = headDim / 2;
  return ({ x }: Values64) => {
    const y = new Float64Array(x.length);
    for (let t = 0; t < tokens; t++) {
      for (let i = 0; i < half; i++) {
        // The angle is a float32 product by definition, as in Hugging Face: at position 40000 its last bit is 0.002.
        const angle = Math.fround(positions[t] * Math.fround(10000 ** (-i / half)));
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        for (let head = 0; head < heads; head++) {
          const a = (t * heads + head) * headDim + i;
          y[a] = x[a] * c - x[a + half] * s;
          y[a + half] = x[a + half] * c + x[a] * s;
        }
      }
    }
    return y;
  };
}

const SIZES: Sizes[] = [
  { tokens: 1, heads: 1, headDim: 2 },
  { tokens: 3, heads: 2, headDim: 6 },
  { tokens: 17, heads: 1, headDim: 34 },
  { tokens: 5, heads: 3, headDim: 32 },
];

describe("rope", () => {
  onEveryBackend(() => {
    it("follows the formula and its derivative", () => {
      for (const sizes of SIZES) {
        const opCase = ropeCase(sizes, 1);
        checkForward(opCase, formula(sizes, opCase.positions));
        checkGradients(opCase, formula(sizes, opCase.positions));
      }
    });

    it("keeps its precision at far positions", () => {
      const sizes = { tokens: 33, heads: 1, headDim: 64 };
      const opCase = ropeCase(sizes, 1237);
      checkForward(opCase, formula(sizes, opCase.positions));
    });

    it("equals the reference over many rows and heads", async () => {
      await checkAgainstReference(ropeCase({ tokens: 130, heads: 9, headDim: 64 }, 1));
      await checkAgainstReference(ropeCase({ tokens: 3, heads: 40, headDim: 128 }, 1));
    });

    it("leaves position 0 as it is and keeps lengths", () => {
      const opCase = ropeCase({ tokens: 2, heads: 1, headDim: 8 }, 5);
      const { y } = evaluate(opCase);
      const { x } = opCase.values;
      assertNear(y.subarray(0, 8), x.subarray(0, 8), { what: "position 0" });
      const length = (v: Float32Array) => Float32Array.of(Math.hypot(...v.subarray(8)));
      assertNear(length(y), length(x), { rtol: 1e-6, what: "length" });
    });

    it("keeps NaN in its pair", () => {
      const sizes = { tokens: 3, heads: 2, headDim: 6 };
      const opCase = ropeCase(sizes, 3);
      opCase.values.x[14] = NaN;
      checkForward(opCase, formula(sizes, opCase.positions));
    });

    it("refuses what does not fit", () => {
      const x = tf.zeros([2, 6]) as tf.Tensor2D;
      const positions = new Int32Array(2);
      const inverseFrequencies = new Float32Array(2);
      assert.throws(() => rope([x], { positions, headDim: 4, inverseFrequencies }), {
        message: "rope: expected x [T, heads * headDim] with an even headDim, got x [2,6], headDim 4",
      });
      assert.throws(() => rope([x], { positions, headDim: 3, inverseFrequencies }), {
        message: "rope: expected x [T, heads * headDim] with an even headDim, got x [2,6], headDim 3",
      });
      assert.throws(() => rope([x], { positions, headDim: 6, inverseFrequencies }), {
        message: "rope: expected 2 positions and 3 inverseFrequencies, got 2 and 2",
      });
      x.dispose();
    });
  });
});
