// Speed of the linear layers on the CPU addon, beside what the machine can do at best, measured in the same run:
//   npx tsx bench/linear.bench.ts [threads]
// Every result is checked against a float64 product before it is timed. "256 rows" is training and prompt reading,
// in GFLOP/s of the largest rate seen from registers; "1 row" is generation, in GB/s of NF4 bytes really read, with
// enough copies of the weight that no cache holds them (cold) and with one (warm).
import { cpus } from "node:os";
import type { Addon, WeightArguments } from "../sdk/backend/addon.ts";
import { addonProblem, loadAddon } from "../sdk/backend/loadAddon.ts";

const sizes: [out: number, inn: number][] = [
  [576, 576],
  [1536, 576],
  [576, 1536],
  [4096, 4096],
];
const rows = 256;
/** Beyond the last-level cache of the machines that this runs on. */
const coldBytes = 128 * 2 ** 20;

interface Times {
  min: number;
  median: number;
}

/** Seconds of one call: three warm-up calls, then trials for about half a second, at least 7. */
function time(call: () => void, callsInside = 1): Times {
  for (let i = 0; i < 3; i++) call();
  const trials: number[] = [];
  const start = performance.now();
  while (trials.length < 7 || performance.now() - start < 500) {
    const before = performance.now();
    call();
    trials.push((performance.now() - before) / 1000 / callsInside);
  }
  trials.sort((a, b) => a - b);
  return { min: trials[0]!, median: trials[trials.length >> 1]! };
}

function random(n: number): Float32Array {
  return Float32Array.from({ length: n }, () => Math.random() - 0.5);
}

/** Throws unless some entries of y equal x W^T within `share` of the sum of absolute terms. */
function check(
  x: Float32Array,
  w: Float32Array,
  y: Float32Array,
  out: number,
  inn: number,
  share: number,
): void {
  for (let n = 0; n < 64; n++) {
    const row = (n * 37) % (y.length / out);
    const column = (n * 101) % out;
    let sum = 0;
    let absolute = 0;
    for (let i = 0; i < inn; i++) {
      const term = x[row * inn + i]! * w[column * inn + i]!;
      sum += term;
      absolute += Math.abs(term);
    }
    const got = y[row * out + column]!;
    if (!(Math.abs(got - sum) <= share * absolute)) {
      throw new Error(`wrong result at row ${row}, column ${column}: got ${got}, expected ${sum}`);
    }
  }
}

function format(label: string, work: number, times: Times, best: number, unit: string): string {
  const part = (seconds: number) =>
    `${(work / seconds / 1e9).toFixed(1).padStart(8)} ${unit} ${((work / seconds / best) * 100).toFixed(0).padStart(4)} %`;
  return `  ${label.padEnd(24)} best ${part(times.min)}   median ${part(times.median)}`;
}

function benchSize(addon: Addon, out: number, inn: number, peak: number, bandwidth: number): void {
  const values = random(out * inn);
  const packed = new Uint8Array((out * inn) / 2);
  const absmax = new Float32Array((out * inn) / 64);
  addon.quantizeNf4(values, packed, absmax);
  const decoded = new Float32Array(out * inn);
  addon.dequantizeNf4(packed, absmax, decoded);
  const x = random(rows * inn);
  const y = new Float32Array(rows * out);
  const dx = new Float32Array(rows * inn);
  const none = [null, null, 0, 0, 0, 0] as const;
  const forward = (count: number, ...weight: WeightArguments) =>
    addon.linearForward(
      count,
      inn,
      x.subarray(0, count * inn),
      out,
      ...weight,
      ...none,
      y.subarray(0, count * out),
      null,
    );
  const flops = 2 * rows * out * inn;
  console.log(`${out} x ${inn}`);
  const many = (label: string, share: number, w: Float32Array, ...weight: WeightArguments) => {
    forward(rows, ...weight);
    check(x, w, y, out, inn, share);
    console.log(
      format(
        label,
        flops,
        time(() => forward(rows, ...weight)),
        peak,
        "GFLOP/s",
      ),
    );
  };
  // float32 sums stay far within 1e-5 of the absolute terms; bfloat16 inputs are off by 2^-9 each.
  many("256 rows, fp32", 1e-5, values, values, null);
  many("256 rows, NF4", 1e-5, decoded, packed, absmax);
  const backward = () =>
    addon.linearBackward(rows, out, inn, y, x, null, packed, absmax, ...none, dx, null, null);
  console.log(format("256 rows, NF4, dx", flops, time(backward), peak, "GFLOP/s"));
  addon.setComputeType("bfloat16");
  many("256 rows, NF4, bfloat16", 2 ** -8, decoded, packed, absmax);
  addon.setComputeType("float32");

  const bytes = packed.byteLength + absmax.byteLength;
  forward(1, packed, absmax);
  check(x, decoded, y.subarray(0, out), out, inn, 1e-5);
  const copies = Array.from(
    { length: Math.ceil(coldBytes / bytes) },
    () => [packed.slice(), absmax.slice()] as const,
  );
  const cold = time(() => {
    for (const [p, a] of copies) forward(1, p, a);
  }, copies.length);
  console.log(format("1 row, NF4, cold", bytes, cold, bandwidth, "GB/s   "));
  console.log(
    format(
      "1 row, NF4, warm",
      bytes,
      time(() => forward(1, packed, absmax)),
      bandwidth,
      "GB/s   ",
    ),
  );
}

const addon = loadAddon();
if (!addon) throw new Error(`no native addon: ${addonProblem()}`);
if (process.argv[2]) addon.setThreads(Number(process.argv[2]));
const { isa, threads } = addon.info();
// Filled, because untouched pages are all one page of zeros, which any cache holds.
const buffer = new Float32Array(coldBytes / 2).fill(1);
const peak = Math.max(...Array.from({ length: 20 }, () => addon.peakFlops(0.02)));
const bandwidth = Math.max(...Array.from({ length: 10 }, () => addon.readBandwidth(buffer, 0.05)));
console.log(`${cpus()[0]?.model.trim()}, ${isa}, ${threads} threads, Node ${process.version}`);
console.log(`peak ${(peak / 1e9).toFixed(1)} GFLOP/s float32, read ${(bandwidth / 1e9).toFixed(1)} GB/s`);
for (const [out, inn] of sizes) benchSize(addon, out, inn, peak, bandwidth);
