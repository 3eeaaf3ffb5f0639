// What an op costs besides its work: microseconds of one call on one element, through tfjs alone, through an op of ours,
// and with its gradient:
//   npx tsx bench/overhead.bench.ts
import * as tf from "@tensorflow/tfjs";
import { useDevice } from "../sdk/backend/device.ts";
import { addonProblem, loadAddon } from "../sdk/backend/loadAddon.ts";
import { rmsNorm } from "../sdk/ops/rmsNorm.ts";
import { swiglu } from "../sdk/ops/swiglu.ts";

/** Microseconds of one call: the best and the median of 15 trials of 500, after one that warms up. */
function time(call: () => void): { best: number; median: number } {
  const calls = 500;
  const trial = () => {
    const start = performance.now();
    for (let i = 0; i < calls; i++) call();
    return ((performance.now() - start) * 1000) / calls;
  };
  trial();
  const trials = Array.from({ length: 15 }, trial).sort((a, b) => a - b);
  return { best: trials[0], median: trials[7] };
}

const addon = loadAddon();
if (!addon) throw new Error(`no native addon: ${addonProblem()}`);
const { description } = await useDevice("native");
console.log(`${description}, Node ${process.version}`);
const x = tf.tensor2d([[2]]);
const gamma = tf.tensor1d([3]);
const raw = Float32Array.of(2);
const y = new Float32Array(1);
const inverse = new Float32Array(1);
const value = rmsNorm(x, gamma, 0);
// x / rms(x) * gamma of one element is gamma.
if (Math.abs((await value.data())[0] - 3) > 1e-6) throw new Error("rmsNorm of one element is wrong");
value.dispose();
const cases: [string, () => void][] = [
  ["the addon's function", () => addon.rmsNormForward(1, 1, 0, raw, Float32Array.of(3), y, inverse)],
  ["tfjs: add", () => tf.add(x, x).dispose()],
  ["rmsNorm", () => rmsNorm(x, gamma, 0).dispose()],
  ["swiglu", () => swiglu(x, x).dispose()],
  [
    "rmsNorm with its gradient",
    () => {
      const { value, grad } = tf.valueAndGrad((t) => rmsNorm(t as tf.Tensor2D, gamma, 0).asScalar())(x) as {
        value: tf.Tensor;
        grad: tf.Tensor;
      };
      tf.dispose([value, grad]);
    },
  ],
];
for (const [name, call] of cases) {
  const { best, median } = time(call);
  console.log(
    `  ${name.padEnd(28)} best ${best.toFixed(2).padStart(7)} us   median ${median.toFixed(2).padStart(7)} us`,
  );
}
