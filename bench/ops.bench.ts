/**
 * Times each native op at the shapes of two small models, against the two limits of the machine: multiply-adds a
 * second and bytes a second, both measured right before. A result is checked against the scalar kernels first (which
 * the op tests check against float64). `npx tsx bench/ops.bench.ts [isa] [name part]`
 */
import { cpus } from "node:os";
import type { Addon } from "../sdk/backend/addon.ts";
import { addonProblem, loadAddon } from "../sdk/backend/loadAddon.ts";
import { assertClose } from "../test/compare.ts";
import { random } from "../test/ops/support.ts";

interface ModelShape {
  hidden: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  intermediate: number;
  vocab: number;
}

const SHAPES: ModelShape[] = [
  { hidden: 576, heads: 9, kvHeads: 3, headDim: 64, intermediate: 1536, vocab: 49152 },
  { hidden: 256, heads: 8, kvHeads: 4, headDim: 32, intermediate: 768, vocab: 4096 },
];
const TOKENS = 2048;
const CHECKED_TOKENS = 70;
const TRIALS = 5;

interface Work {
  name: string;
  /** Operations (a multiply-add is two) and bytes that the op cannot do without. */
  flops: number;
  bytes: number;
  outputs: Float32Array[];
  run(): void;
}

const floats = (n: number) => new Float32Array(n);
const bytesOf = (...arrays: Float32Array[]) => arrays.reduce((sum, array) => sum + array.byteLength, 0);

function attentionWorks(addon: Addon, shape: ModelShape, tokens: number): Work[] {
  const { heads, kvHeads, headDim } = shape;
  const [wide, narrow] = [tokens * heads * headDim, tokens * kvHeads * headDim];
  const [q, dO] = [random(wide, 1), random(wide, 2)];
  const [k, v] = [random(narrow, 3), random(narrow, 4)];
  const [o, logSumExp, dq] = [floats(wide), floats(heads * tokens), floats(wide)];
  const [dk, dv] = [floats(narrow), floats(narrow)];
  const args = (rows: number) => [rows, heads, kvHeads, headDim, 1 / Math.sqrt(headDim), 0] as const;
  const offsets = Int32Array.of(0, tokens);
  // Half of the square of scores, two products forward and five backward.
  const product = tokens * tokens * heads * headDim;
  const one = [
    q.subarray(0, heads * headDim),
    k.subarray(0, kvHeads * headDim),
    v.subarray(0, kvHeads * headDim),
  ];
  const [keys, values, answer] = [k.slice(), v.slice(), floats(heads * headDim)];
  return [
    {
      name: "attentionForward",
      flops: 2 * product,
      bytes: bytesOf(q, k, v, o),
      outputs: [o, logSumExp],
      run: () => addon.attentionForward(...args(tokens), offsets, q, k, v, o, logSumExp),
    },
    {
      name: "attentionBackward",
      flops: 5 * product,
      bytes: bytesOf(dO, q, k, v, o, dq, dk, dv),
      outputs: [dq, dk, dv],
      run: () => addon.attentionBackward(...args(tokens), offsets, dO, q, k, v, o, logSumExp, dq, dk, dv),
    },
    {
      name: `attentionCached, 1 token after ${tokens - 1}`,
      flops: 4 * tokens * heads * headDim,
      bytes: bytesOf(keys, values),
      outputs: [answer],
      run: () =>
        addon.attentionCached(...args(1), tokens - 1, tokens, one[0], one[1], one[2], keys, values, answer),
    },
  ];
}

function headWorks(addon: Addon, { hidden: dim, vocab }: ModelShape, tokens: number): Work[] {
  const [hidden, weight] = [random(tokens * dim, 1), random(vocab * dim, 2, 0.1)];
  const labels = Int32Array.from({ length: tokens }, (_, t) => (t * 31) % vocab);
  const [losses, dHidden, dWeight, y] = [tokens, tokens * dim, vocab * dim, tokens * dim].map(floats);
  const product = 2 * tokens * vocab * dim;
  const loss = (wanted: Float32Array | null, trained: Float32Array | null) => () =>
    addon.crossEntropy(tokens, vocab, dim, hidden, weight, null, labels, losses, wanted, trained);
  return [
    {
      name: "crossEntropy, loss",
      flops: product,
      bytes: bytesOf(hidden, weight),
      outputs: [losses],
      run: loss(null, null),
    },
    {
      name: "crossEntropy, frozen head",
      flops: 2 * product,
      bytes: bytesOf(hidden, weight, dHidden),
      outputs: [losses, dHidden],
      run: loss(dHidden, null),
    },
    {
      name: "crossEntropy, trained head",
      flops: 3 * product,
      bytes: bytesOf(hidden, weight, dHidden, dWeight),
      outputs: [losses, dHidden, dWeight],
      run: loss(dHidden, dWeight),
    },
    {
      name: "embeddingForward",
      flops: 0,
      bytes: 2 * bytesOf(y),
      outputs: [y],
      run: () => addon.embeddingForward(vocab, dim, weight, null, labels, y),
    },
    {
      name: "embeddingBackward",
      flops: 0,
      bytes: bytesOf(hidden, dWeight),
      outputs: [dWeight],
      run: () => addon.embeddingBackward(vocab, dim, hidden, labels, dWeight),
    },
  ];
}

function elementWorks(addon: Addon, shape: ModelShape, tokens: number): Work[] {
  const { heads, headDim, intermediate } = shape;
  const n = tokens * intermediate;
  const [gate, up, dy] = [random(n, 1, 3), random(n, 2), random(n, 3)];
  const [y, dGate, dUp, z] = [floats(n), floats(n), floats(n), floats(n)];
  const x = random(tokens * heads * headDim, 4);
  const rotated = floats(x.length);
  const positions = Int32Array.from({ length: tokens }, (_, i) => i);
  const frequencies = Float32Array.from({ length: headDim / 2 }, (_, i) => 10000 ** ((-2 * i) / headDim));
  const square = floats(1);
  return [
    {
      name: "swigluForward",
      flops: 0,
      bytes: bytesOf(gate, up, y),
      outputs: [y],
      run: () => addon.swigluForward(gate, up, y),
    },
    {
      name: "swigluBackward",
      flops: 0,
      bytes: bytesOf(dy, gate, up, dGate, dUp),
      outputs: [dGate, dUp],
      run: () => addon.swigluBackward(dy, gate, up, dGate, dUp),
    },
    {
      name: "rope",
      flops: 0,
      bytes: bytesOf(x, rotated),
      outputs: [rotated],
      run: () => addon.rope(tokens, heads, headDim, false, x, positions, frequencies, rotated),
    },
    { name: "add", flops: 0, bytes: bytesOf(gate, up, z), outputs: [z], run: () => addon.add(gate, up, z) },
    {
      name: "adamW",
      flops: 0,
      bytes: bytesOf(gate, up, dy, dy, y, dGate, dUp),
      outputs: [y, dGate, dUp],
      run: () => addon.adamW(3, 1, 1e-3, 0.9, 0.999, 1e-8, 0.01, gate, up, dy, z, y, dGate, dUp),
    },
    {
      name: "sumSquares",
      flops: 0,
      bytes: bytesOf(gate),
      outputs: [square],
      run: () => {
        square[0] = addon.sumSquares(gate);
      },
    },
  ];
}

const MAKERS = [attentionWorks, headWorks, elementWorks];

/** The same work, smaller, on the scalar kernels and on `isa`. */
function check(addon: Addon, shape: ModelShape, isa: string): void {
  for (const make of MAKERS) {
    for (const work of make(addon, { ...shape, vocab: Math.min(shape.vocab, 3000) }, CHECKED_TOKENS)) {
      addon.setIsa("scalar");
      work.run();
      const expected = work.outputs.map((output) => output.slice());
      addon.setIsa(isa);
      work.run();
      work.outputs.forEach((output, i) => {
        // Float32 sums of up to 3000 terms in another order; the exact bounds are the op tests' business.
        assertClose(output, expected[i], { rtol: 1e-4, atol: 1e-4, what: `${work.name} output ${i}` });
      });
    }
  }
}

/** Best and median time in seconds; the first run, which also warms up, does not count. */
function time(run: () => void): { best: number; median: number } {
  run();
  const trials = Array.from({ length: TRIALS }, () => {
    const start = performance.now();
    let runs = 0;
    do {
      run();
      runs++;
    } while (performance.now() - start < 20);
    return (performance.now() - start) / runs / 1000;
  }).sort((a, b) => a - b);
  return { best: trials[0], median: trials[TRIALS >> 1] };
}

function main(addon: Addon): void {
  const [isa = addon.info().isa, part = ""] = process.argv.slice(2);
  addon.setIsa(isa);
  const { threads } = addon.info();
  console.log(`${cpus()[0].model}, ${threads} threads, ${isa}, Node ${process.versions.node}`);
  const buffer = new Float32Array(64 << 20).fill(1);
  for (const shape of SHAPES) {
    check(addon, shape, isa);
    console.log(`\nT = ${TOKENS}, ${JSON.stringify(shape)}; the results are checked`);
    console.log(
      "op                                 best ms  median ms   GFLOP/s  of peak      GB/s  of read",
    );
    for (const make of MAKERS) {
      for (const work of make(addon, shape, TOKENS)) {
        if (!work.name.includes(part)) continue;
        const [peak, bandwidth] = [addon.peakFlops(0.05), addon.readBandwidth(buffer, 0.05)];
        const { best, median } = time(() => work.run());
        const rate = (amount: number, limit: number) =>
          amount === 0
            ? "        -        -"
            : `${(amount / best / 1e9).toFixed(1).padStart(9)} ${`${((100 * amount) / best / limit).toFixed(0)} %`.padStart(8)}`;
        const ms = (seconds: number) => (seconds * 1000).toFixed(3).padStart(10);
        console.log(
          work.name.padEnd(32) + ms(best) + ms(median) + rate(work.flops, peak) + rate(work.bytes, bandwidth),
        );
      }
    }
  }
}

const addon = loadAddon();
if (addon) main(addon);
else throw new Error(addonProblem());
