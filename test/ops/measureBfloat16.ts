/**
 * Measures how far each op is off with activations in bfloat16, and writes test/ops/bfloat16.json, which bfloat16.test.ts
 * judges by. Of each op and seed one number: the largest difference from plain tfjs in float32 (itself good to 1e-6)
 * over outputs and gradients, over the largest value of the reference. Of the numbers of all seeds mean and
 * standard deviation.
 *
 *     npx tsx test/ops/measureBfloat16.ts [seeds, default 24]
 *
 * on a GPU, or on the emulator (test/gpu/README.md): the roundings are the same, sums differ by units of 2^-24.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { useDevice } from "../../sdk/backend/device.ts";
import { checkOps } from "../../sdk/ops/check.ts";

const seeds = Number(process.argv[2] ?? 24);
const { description } = await useDevice("cuda");
const found = new Map<string, number[]>();
for (let seed = 1; seed <= seeds; seed++) {
  for await (const { op, errors, problem } of checkOps(seed, ["bfloat16"])) {
    if (errors.bfloat16 === undefined) throw new Error(`${op}, seed ${seed}: ${problem}`);
    found.set(op, [...(found.get(op) ?? []), errors.bfloat16]);
  }
}
const ops = Object.fromEntries(
  [...found].map(([op, errors]) => {
    const mean = errors.reduce((sum, x) => sum + x, 0) / seeds;
    const sigma = Math.sqrt(errors.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (seeds - 1));
    return [op, { mean: +mean.toPrecision(4), sigma: +sigma.toPrecision(3) }];
  }),
);
for (const [op, errors] of found) {
  const { mean, sigma } = ops[op];
  console.log(`${op}: worst ${((Math.max(...errors) - mean) / sigma).toFixed(1)} sigma`);
}
const file = join(import.meta.dirname, "bfloat16.json");
writeFileSync(file, `${JSON.stringify({ device: description, seeds, ops }, null, 2)}\n`);
console.log(`${file}: ${found.size} ops, ${seeds} seeds`);
