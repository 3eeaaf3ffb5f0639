// Speed of the linear layers on the CPU addon, beside what the machine can do at best, measured in the same run:
//   npx tsx bench/linear.bench.ts [threads] [--rows]      --rows: one row only
// Every result is checked against a float64 product before it is timed. "256 rows" is training and prompt reading,
// in GFLOP/s of the largest rate seen from registers; "1 row" is generation, in GB/s of NF4 bytes really read, with
// enough copies of the weight that no cache holds them (cold) and with one (warm: what decoding alone allows). Its limit
// is what all threads read together, bytes over the time from start to end. "Added up" is the sum of the rates that each
// has by itself, which they need not have at the same time; "in such jobs" is what they reach when they only read as
// many bytes a job as the kernel does.
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import {
  type Addon,
  BFLOAT16_ROW_ISAS,
  type DecoderLayerArguments,
  type LinearArguments,
  type WeightArguments,
} from "../sdk/backend/addon.ts";
import { addonProblem, loadAddon } from "../sdk/backend/loadAddon.ts";
import { note } from "./summary.ts";

const sizes: [out: number, inn: number][] = [
  [576, 576],
  [1536, 576],
  [576, 1536],
  [4096, 4096],
];
/** What decoding reads as one job, for a model of hidden size 576: q, k and v; gate and up. */
const groups: [outs: number[], inn: number, name: string][] = [
  [[576, 192, 192], 576, "q, k, v"],
  [[1536, 1536], 576, "gate, up"],
];
const rows = 256;
/** Beyond the last-level cache of the machines that this runs on. */
const coldBytes = 128 * 2 ** 20;

interface Times {
  min: number;
  median: number;
}

/** Seconds of one call: three warm-up calls, then trials for about a fifth of a second, at least 7. */
function time(call: () => void, callsInside = 1): Times {
  for (let i = 0; i < 3; i++) call();
  const trials: number[] = [];
  const start = performance.now();
  while (trials.length < 7 || performance.now() - start < 200) {
    const before = performance.now();
    call();
    trials.push((performance.now() - before) / 1000 / callsInside);
  }
  trials.sort((a, b) => a - b);
  return { min: trials[0]!, median: trials[trials.length >> 1]! };
}

/** What one trial of a limit or of a cold kernel reads: short, so that on a shared machine some are not interrupted. */
const trialBytes = 16 * 2 ** 20;

/** Limits and kernels in turns, as the load of a shared machine changes within seconds: the best of each. */
function inTurns(limits: (() => number)[], calls: (() => void)[], callsInside = 1) {
  const best = limits.map(() => 0);
  const turns = Array.from({ length: 3 }, () => {
    for (const [i, limit] of limits.entries())
      best[i] = Math.max(best[i], ...Array.from({ length: 40 }, () => limit()));
    return calls.map((call) => time(call, callsInside));
  });
  const times = calls.map((_, i): Times => {
    const medians = turns.map((turn) => turn[i].median).sort((a, b) => a - b);
    return { min: Math.min(...turns.map((turn) => turn[i].min)), median: medians[1] };
  });
  return { limits: best, times };
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

/** An NF4 weight, and what it decodes to. */
function randomNf4(addon: Addon, out: number, inn: number) {
  const values = random(out * inn);
  const packed = new Uint8Array((out * inn) / 2);
  const absmax = new Float32Array((out * inn) / 64);
  const decoded = new Float32Array(out * inn);
  addon.quantizeNf4(values, packed, absmax);
  addon.dequantizeNf4(packed, absmax, decoded);
  return { values, packed, absmax, decoded };
}

const noLora = [null, null, 0, 0, 0, 0] as const;

function benchManyRows(addon: Addon, out: number, inn: number): void {
  const { values, packed, absmax, decoded } = randomNf4(addon, out, inn);
  const x = random(rows * inn);
  const y = new Float32Array(rows * out);
  const dx = new Float32Array(rows * inn);
  const flops = 2 * rows * out * inn;
  const aim = 0.5;
  const show = (label: string, call: () => void, aim?: number) => {
    const { limits, times: all } = inTurns([() => addon.peakFlops(0.001)], [call]);
    const [peak] = limits;
    const [times] = all;
    console.log(format(label, flops, times, peak, "GFLOP/s"));
    note({
      what: `${label}, ${out} x ${inn}, ${threadsOf(addon)}`,
      value: `${(flops / times.min / 1e9).toFixed(0)} GFLOP/s`,
      beside: `float32 peak ${(peak / 1e9).toFixed(0)}`,
      ratio: flops / times.min / peak,
      aim,
    });
  };
  const forward = (label: string, share: number, w: Float32Array, ...weight: WeightArguments) => {
    const call = () => addon.linearForward(rows, inn, x, out, ...weight, ...noLora, y, null);
    call();
    check(x, w, y, out, inn, share);
    show(label, call, aim);
  };
  // float32 sums stay far within 1e-5 of the absolute terms; bfloat16 inputs are off by 2^-9 each.
  forward("256 rows, fp32", 1e-5, values, values, null);
  forward("256 rows, NF4", 1e-5, decoded, packed, absmax);
  show("256 rows, NF4, dx", () =>
    addon.linearBackward(rows, out, inn, y, x, null, packed, absmax, ...noLora, dx, null, null),
  );
  addon.setComputeType("bfloat16");
  forward("256 rows, NF4, bfloat16", 2 ** -8, decoded, packed, absmax);
  addon.setComputeType("float32");
}

let part = 0;
/** As much of the buffer as a trial reads, each time another part. */
function nextPart(): Float32Array {
  const length = trialBytes / 4;
  part = (part + length) % buffer.length;
  return buffer.subarray(part, part + length);
}

/** Arithmetics of products with NF4 that this processor has, and how far they may be off (benchManyRows). */
const arithmetics = (addon: Addon) =>
  [["float32", 1e-5] as const, ["bfloat16", 2 ** -8] as const].filter(
    ([type]) => type === "float32" || BFLOAT16_ROW_ISAS.includes(addon.info().isa),
  );

function withType(addon: Addon, type: "float32" | "bfloat16", call: () => void): () => void {
  return () => {
    addon.setComputeType(type);
    call();
    addon.setComputeType("float32");
  };
}

const threadsOf = (addon: Addon) => {
  const { threads } = addon.info();
  return `${threads} thread${threads > 1 ? "s" : ""}`;
};

/** All threads together: one job, from its start to its end. */
const readTogether = (addon: Addon) => () => addon.readBandwidth(nextPart(), 1e-6, trialBytes / 4);

/** One row through the matrices of a group, which are one job: [outs[i], inn] each. */
function benchOneRow(addon: Addon, outs: number[], inn: number, name: string): void {
  const x = random(inn);
  const weights = outs.map((out) => ({ out, ...randomNf4(addon, out, inn), y: new Float32Array(out) }));
  const layer = (
    { out, y }: (typeof weights)[0],
    packed: Uint8Array,
    absmax: Float32Array,
  ): LinearArguments => [out, packed, absmax, ...noLora, y, null];
  type Call = Parameters<Addon["linearForward"]>;
  const copyOf = (): Call => {
    const layers = weights.map((weight) => layer(weight, weight.packed.slice(), weight.absmax.slice()));
    const [first, ...others] = layers;
    return [1, inn, x, ...first, ...others.flat()];
  };
  const call = (args: Call) => addon.linearForward(...args);
  const warm = copyOf();
  const types = arithmetics(addon);
  for (const [type, share] of types) {
    withType(addon, type, () => call(warm))();
    for (const { decoded, y, out } of weights) check(x, decoded, y, out, inn, share);
  }
  const bytes = weights.reduce((sum, { packed, absmax }) => sum + packed.byteLength + absmax.byteLength, 0);
  const copies = Array.from({ length: Math.ceil(coldBytes / bytes) }, copyOf);
  let next = 0;
  const perTrial = Math.max(1, Math.floor(trialBytes / bytes));
  const cold = () => {
    for (let n = 0; n < perTrial; n++) call(copies[next++ % copies.length]);
  };
  // The least time is one pass.
  const limit = (jobs: number) => () => addon.readBandwidth(nextPart(), 1e-6, jobs);
  const { limits, times } = inTurns(
    [readTogether(addon), limit(0), limit(Math.ceil(bytes / 4))],
    types.map(([type]) => withType(addon, type, cold)),
    perTrial,
  );
  const [together, addedUp, inJobs] = limits;
  const rate = (perSecond: number) => (perSecond / 1e9).toFixed(1);
  console.log(
    `1 row, ${name}, ${threadsOf(addon)}: read ${rate(together)} GB/s (added up ${rate(addedUp)}), in such jobs ${rate(inJobs)}`,
  );
  for (const [i, [type]] of types.entries()) {
    const repeated = () => {
      for (let n = 0; n < perTrial; n++) call(warm);
    };
    const decoding = time(withType(addon, type, repeated), perTrial);
    console.log(format(`NF4, ${type}, cold`, bytes, times[i], together, "GB/s   "));
    console.log(format(`NF4, ${type}, warm`, bytes, decoding, together, "GB/s   "));
    const most = Math.min(bytes / decoding.min, inJobs);
    if (most < 0.7 * together) {
      const why = most === inJobs ? "reading in such jobs" : "decoding from the first caches";
      console.log(`    70 % is out of reach: ${why} comes to ${((most / together) * 100).toFixed(0)} %`);
    }
    note({
      what: `1 row, NF4, ${type}, ${name}, ${threadsOf(addon)}`,
      value: `${rate(bytes / times[i].min)} GB/s`,
      beside: `read ${rate(together)}, in such jobs ${rate(inJobs)}, warm ${rate(bytes / decoding.min)}`,
      ratio: bytes / times[i].min / together,
      aim: 0.7,
    });
  }
}

/**
 * The same products inside a token: layers in one job of the threads (`decodeLayers`), without adapters, after a text of
 * 32 tokens. Norms, attention and SwiGLU are in the time; only the bytes of the matrices are counted.
 */
function benchToken(addon: Addon): void {
  const [hidden, intermediate, heads, kvHeads, headDim, past] = [576, 1536, 9, 3, 64, 32];
  const queries = heads * headDim;
  const keys = kvHeads * headDim;
  const sizes = [
    ...[queries, keys, keys].map((out) => [out, hidden]),
    ...[[hidden, queries], ...[intermediate, intermediate].map((out) => [out, hidden])],
    [hidden, intermediate],
  ];
  const weights = sizes.map(([out, inn]) => randomNf4(addon, out, inn));
  const norm = new Float32Array(hidden).fill(1);
  let bytes = 0;
  const layer = (): DecoderLayerArguments[number][] => {
    const cache = () => random((past + 1) * keys);
    const copies = weights.flatMap(({ packed, absmax }) => {
      bytes += packed.byteLength + absmax.byteLength;
      return [packed.slice(), absmax.slice(), ...noLora];
    });
    return [0, norm, norm, cache(), cache(), ...copies];
  };
  const tokens = Array.from({ length: Math.ceil(coldBytes / trialBytes) }, () =>
    Array.from({ length: 8 }, layer),
  );
  bytes /= tokens.length;
  const x = random(hidden);
  const stream = new Float32Array(hidden);
  const shape = [hidden, intermediate, heads, kvHeads, headDim, 1e-5, 1 / Math.sqrt(headDim)] as const;
  const frequencies = new Float32Array(headDim / 2).fill(0.1);
  const calls = tokens.map((layers) => {
    const args = layers.flat();
    return () => addon.decodeLayers(...shape, past, past + 1, frequencies, stream, ...args);
  });
  let next = 0;
  const call = () => {
    stream.set(x);
    calls[next++ % calls.length]();
  };
  call();
  if (!stream.every(Number.isFinite)) throw new Error("decodeLayers: a value is not finite");
  const types = arithmetics(addon);
  const { limits, times } = inTurns(
    [readTogether(addon)],
    types.map(([type]) => withType(addon, type, call)),
  );
  for (const [i, [type]] of types.entries()) {
    const what = `1 row, NF4, ${type}, inside a token of 8 layers, ${threadsOf(addon)}`;
    console.log(`${what}: ${((times[i].min / 8) * 1e6).toFixed(1)} us a layer`);
    console.log(format("NF4, in a token", bytes, times[i], limits[0], "GB/s   "));
    note({
      what,
      value: `${(bytes / times[i].min / 1e9).toFixed(1)} GB/s`,
      beside: `read ${(limits[0] / 1e9).toFixed(1)}`,
      ratio: bytes / times[i].min / limits[0],
    });
  }
}

const addon = loadAddon();
if (!addon) throw new Error(`no native addon: ${addonProblem()}`);
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { rows: { type: "boolean", default: false } },
});
if (positionals[0]) addon.setThreads(Number(positionals[0]));
const { isa, threads } = addon.info();
// Filled, because untouched pages are all one page of zeros, which any cache holds.
const buffer = new Float32Array(coldBytes / 4).fill(1);
console.log(`${cpus()[0]?.model.trim()}, ${isa}, ${threads} threads, Node ${process.version}`);
for (const [out, inn] of sizes) {
  if (!flags.rows) {
    console.log(`${out} x ${inn}`);
    benchManyRows(addon, out, inn);
  }
}
for (const [out, inn] of sizes) benchOneRow(addon, [out], inn, `${out} x ${inn}`);
for (const [outs, inn, name] of groups)
  benchOneRow(addon, outs, inn, `${outs.join(" + ")} x ${inn} (${name})`);
benchToken(addon);
