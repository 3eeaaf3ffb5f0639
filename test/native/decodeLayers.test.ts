/** A token's layers as one job of the threads, beside its formula in float64: each instruction set, weight, number of threads. */
import assert from "node:assert/strict";
import {
  type Addon,
  BFLOAT16_ROW_ISAS,
  type DecoderLayerArguments,
  type LoraArguments,
  type WeightArguments,
} from "../../sdk/backend/addon.ts";
import { loadAddon } from "../../sdk/backend/loadAddon.ts";
import { codebook, dequantize, quantize } from "./nf4Reference.ts";
import { guarded, onEveryIsa, toBfloat16, uniform } from "./support.ts";

interface Shape {
  hidden: number;
  intermediate: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  past: number;
  window: number;
  /** Of the adapters of q, k, v, o, gate, up, down; 0: none. */
  ranks: number[];
  layers: number;
}

/** Large enough for two threads; what has fewer values than 2^19 in a layer is done by one. */
const base: Shape = {
  ...{ hidden: 256, intermediate: 512, heads: 4, kvHeads: 2, headDim: 64, past: 5, window: 0 },
  ...{ ranks: [8, 8, 8, 8, 8, 8, 8], layers: 2 },
};

const SHAPES: Record<string, Partial<Shape>> = {
  "whole vectors": {},
  "the first token": { past: 0 },
  "no adapters": { ranks: [0, 0, 0, 0, 0, 0, 0] },
  "some adapters, of all sizes": { ranks: [3, 0, 1, 17, 0, 40, 16] },
  "odd sizes": { hidden: 275, intermediate: 851, heads: 3, kvHeads: 1, headDim: 22, past: 19 },
  "a window": { past: 40, window: 9 },
  "a window of one": { past: 4, window: 1 },
  "more query heads than threads, one kv head": { heads: 7, kvHeads: 1, headDim: 16, past: 70 },
  "one thread": { hidden: 75, intermediate: 51 },
  "five threads": { hidden: 512, intermediate: 768, heads: 5, kvHeads: 5, past: 33 },
};

interface Matrix {
  args: WeightArguments;
  values: Float32Array;
}

type Kind = "nf4" | "bf16" | "fp32";

function matrixOf(kind: Kind, out: number, inn: number, seed: number): Matrix {
  const values = uniform(out * inn, seed).map((v) => (2 * v) / Math.sqrt(inn));
  if (kind === "fp32") return { args: [values, null], values };
  if (kind === "bf16") {
    const half = Uint16Array.from(new Uint32Array(values.buffer), (bits) => bits >>> 16);
    return {
      args: [half, null],
      values: new Float32Array(Uint32Array.from(half, (bits) => bits << 16).buffer),
    };
  }
  const { packed, absmax } = quantize(values);
  return { args: [packed, absmax], values: dequantize(packed, absmax, out * inn) };
}

interface Projection extends Matrix {
  out: number;
  inn: number;
  r: number;
  a: Float32Array;
  b: Float32Array;
}

const SCALE = 1.5;
const EPS = 1e-5;

function makeLayer(shape: Shape, kind: Kind, seed: number) {
  const { hidden, intermediate, heads, kvHeads, headDim, past, ranks } = shape;
  const [queries, keys] = [heads * headDim, kvHeads * headDim];
  const sizes = [
    [queries, hidden],
    [keys, hidden],
    [keys, hidden],
    [hidden, queries],
    [intermediate, hidden],
    [intermediate, hidden],
    [hidden, intermediate],
  ];
  const projections = sizes.map(([out, inn], i): Projection => {
    const r = ranks[i];
    const a = uniform(r * inn, seed + 10 * i).map((v) => v / Math.sqrt(inn));
    return {
      ...matrixOf(kind, out, inn, seed + 10 * i + 1),
      ...{ out, inn, r, a, b: uniform(out * r, seed + 10 * i + 2) },
    };
  });
  const norm = (own: number) => uniform(hidden, seed + own).map((v) => 1 + 0.5 * v);
  const capacity = past + 2;
  const cache = (own: number) => {
    const { values, check } = guarded(capacity * keys);
    // Rows that are not in use must not matter.
    values.fill(Number.NaN).set(uniform(past * keys, seed + own));
    return { values, check };
  };
  return { projections, inputNorm: norm(80), outputNorm: norm(81), keys: cache(82), values: cache(83) };
}

type Layer = ReturnType<typeof makeLayer>;

const frequenciesOf = ({ headDim }: Shape) =>
  Float32Array.from({ length: headDim / 2 }, (_, i) => 1000 ** ((-2 * i) / headDim));

/** In float64, from the formula; returns x, and for each layer the rows of the caches that the token writes. */
function formula(layers: Layer[], shape: Shape, input: Float32Array, round = (v: Float64Array) => v) {
  const { hidden, heads, kvHeads, headDim, past, window } = shape;
  let x = Float64Array.from(input);
  const norm = (gamma: Float32Array) => {
    const inverse = 1 / Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / hidden + EPS);
    return x.map((v, i) => v * inverse * gamma[i]);
  };
  const times = (m: Float32Array, from: Float64Array, out: number) =>
    Float64Array.from({ length: out }, (_, j) =>
      from.reduce((sum, v, i) => sum + m[j * from.length + i] * v, 0),
    );
  const project = ({ values, out, r, a, b }: Projection, from: Float64Array) => {
    const y = times(values, round(from), out);
    const update = times(b, times(a, from, r), out);
    return y.map((v, i) => v + SCALE * update[i]);
  };
  const frequencies = frequenciesOf(shape);
  const rotate = (from: Float64Array) =>
    from.map((v, i) => {
      const half = headDim / 2;
      const at = i % headDim;
      const angle = Math.fround(past * frequencies[at % half]);
      return at < half
        ? v * Math.cos(angle) - from[i + half] * Math.sin(angle)
        : v * Math.cos(angle) + from[i - half] * Math.sin(angle);
    });
  const written = layers.map((layer) => {
    const [q, k, v, o, gate, up, down] = layer.projections;
    let h = norm(layer.inputNorm);
    const [queries, key, value] = [rotate(project(q, h)), rotate(project(k, h)), project(v, h)];
    const width = kvHeads * headDim;
    const rowOf = (cache: Float32Array, own: Float64Array, row: number) =>
      row === past ? own : cache.subarray(row * width, (row + 1) * width);
    const first = window > 0 ? Math.max(0, past - window + 1) : 0;
    const attended = new Float64Array(heads * headDim);
    for (let head = 0; head < heads; head++) {
      const from = Math.floor(head / (heads / kvHeads)) * headDim;
      const scores = Array.from({ length: past + 1 - first }, (_, i) => {
        const row = rowOf(layer.keys.values, key, first + i);
        let dot = 0;
        for (let c = 0; c < headDim; c++) dot += queries[head * headDim + c] * row[from + c];
        return dot / Math.sqrt(headDim);
      });
      const most = Math.max(...scores);
      const exps = scores.map((score) => Math.exp(score - most));
      const sum = exps.reduce((a, b) => a + b);
      exps.forEach((e, i) => {
        const row = rowOf(layer.values.values, value, first + i);
        for (let c = 0; c < headDim; c++) attended[head * headDim + c] += (e / sum) * row[from + c];
      });
    }
    const afterAttention = project(o, attended);
    x = x.map((v, i) => v + afterAttention[i]);
    h = norm(layer.outputNorm);
    const ups = project(up, h);
    const gated = project(gate, h).map((g, i) => (g / (1 + Math.exp(-g))) * ups[i]);
    const update = project(down, gated);
    x = x.map((v, i) => v + update[i]);
    return { key, value };
  });
  return { x, written };
}

/** The same layers with the codebook rounded to bfloat16, for the formula. */
const roundedLayers = (layers: Layer[]): Layer[] =>
  layers.map((layer) => ({
    ...layer,
    projections: layer.projections.map((projection) => {
      const [packed, absmax] = projection.args as [Uint8Array, Float32Array];
      const values = dequantize(packed, absmax, projection.values.length, toBfloat16(codebook));
      return { ...projection, values };
    }),
  }));
function decode(addon: Addon, layers: Layer[], shape: Shape, x: Float32Array): void {
  const { hidden, intermediate, heads, kvHeads, headDim, past, window } = shape;
  const args = layers.flatMap(
    ({ projections, inputNorm, outputNorm, keys, values }): DecoderLayerArguments[number][] => [
      ...[window, inputNorm, outputNorm, keys.values, values.values],
      ...projections.flatMap(({ args, r, a, b }) => {
        const lora: LoraArguments = r ? [a, b, r, SCALE, 0, 0] : [null, null, 0, 0, 0, 0];
        return [...args, ...lora];
      }),
    ],
  );
  const sizes = [hidden, intermediate, heads, kvHeads, headDim] as const;
  const place = [past, past + 2, frequenciesOf(shape)] as const;
  addon.decodeLayers(...sizes, EPS, 1 / Math.sqrt(headDim), ...place, x, ...args);
}

/** Sums of at most 851 terms in another order cost some 1e-6 of the largest values, and a layer has four in a row. */
const TOLERANCE = 1e-5;

function assertNear(got: ArrayLike<number>, want: Float64Array, what: string, tolerance = TOLERANCE): void {
  const largest = want.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  for (let i = 0; i < want.length; i++) {
    assert.ok(
      Math.abs(got[i] - want[i]) <= tolerance * largest,
      `${what}, value ${i}: got ${got[i]}, expected ${want[i]} (largest ${largest})`,
    );
  }
  assert.equal(got.length, want.length);
}

onEveryIsa("decodeLayers", (addon, isa) => {
  for (const [name, change] of Object.entries(SHAPES)) {
    it(`is its formula: ${name}`, () => {
      const shape = { ...base, ...change };
      const { hidden, kvHeads, headDim, past } = shape;
      const width = kvHeads * headDim;
      for (const kind of ["nf4", "bf16", "fp32"] as const) {
        const layers = Array.from({ length: shape.layers }, (_, l) => makeLayer(shape, kind, 1000 * (l + 1)));
        const input = uniform(hidden, 5);
        const before = layers.map(({ keys, values }) => [keys.values.slice(), values.values.slice()]);
        const want = formula(layers, shape, input);
        for (const threads of [1, 2, 5]) {
          addon.setThreads(threads);
          const what = `${kind}, ${threads} threads`;
          const x = guarded(hidden);
          x.values.set(input);
          decode(addon, layers, shape, x.values);
          assertNear(x.values, want.x, what);
          x.check();
          for (const [l, { keys, values }] of layers.entries()) {
            for (const [i, cache] of [keys, values].entries()) {
              const own = i === 0 ? want.written[l].key : want.written[l].value;
              const at = past * width;
              assertNear(cache.values.subarray(at, at + width), own, `${what}, cache of layer ${l}`);
              cache.check();
              cache.values.fill(Number.NaN, at, at + width);
              assert.deepEqual(cache.values, before[l][i], `${what}: only row ${past} is written`);
            }
          }
        }
      }
    });
  }

  it("follows the compute type in products with NF4", () => {
    const layers = [1, 2].map((seed) => makeLayer(base, "nf4", 1000 * seed));
    const input = uniform(base.hidden, 5);
    const run = () => {
      const x = input.slice();
      decode(addon, layers, base, x);
      return x;
    };
    const exact = run();
    addon.setComputeType("bfloat16");
    const got = run();
    addon.setComputeType("float32");
    if (!BFLOAT16_ROW_ISAS.includes(isa)) return assert.deepEqual(got, exact);
    const want = formula(roundedLayers(layers), base, input, (v) =>
      Float64Array.from(toBfloat16(Float32Array.from(v))),
    );
    // Measured: 2e-7, and 4e-3 without the rounding. A value that falls on the other side of a tie moves a sum by 1e-4.
    assertNear(got, want.x, "x", 5e-4);
  });

  it("gives NaN for a NaN, and ends", () => {
    addon.setThreads(3);
    const layers = [makeLayer(base, "nf4", 1)];
    const x = uniform(base.hidden, 5);
    x[7] = Number.NaN;
    decode(addon, layers, base, x);
    assert.ok(x.every(Number.isNaN));
  });

  it("gives the same bits each time, whoever runs the chunks", () => {
    addon.setThreads(4);
    const shape = { ...base, ...SHAPES["five threads"] };
    const layers = Array.from({ length: shape.layers }, (_, l) => makeLayer(shape, "nf4", 50 * (l + 1)));
    const run = () => {
      const x = uniform(shape.hidden, 5);
      decode(addon, layers, shape, x);
      return x;
    };
    const want = run();
    for (let round = 0; round < 50; round++) assert.deepEqual(run(), want);
  });
});

describe("arguments of decodeLayers", () => {
  const addon = loadAddon();
  if (!addon) return it("skipped: there is no native addon");
  const refuse = (change: Partial<Shape>, spoil: (layer: Layer) => void, message: string) => {
    const layers = [makeLayer(base, "nf4", 1)];
    spoil(layers[0]);
    const x = uniform(base.hidden, 5);
    assert.throws(() => decode(addon, layers, { ...base, ...change }, x), { message });
    assert.deepEqual(x, uniform(base.hidden, 5), "nothing is computed");
  };

  it("are refused by name", () => {
    const length = (name: string, wanted: number, got: number) =>
      `decodeLayers: argument ${name}: expected Float32Array of length ${wanted}, got Float32Array of length ${got}`;
    const keep = () => {};
    refuse({ kvHeads: 3 }, keep, "decodeLayers: heads must be a multiple of kvHeads");
    refuse({ headDim: 31 }, keep, "decodeLayers: headDim must be even");
    refuse({ hidden: 64 }, keep, length("x", 64, 256));
    refuse({ past: 6 }, keep, length("keys", 8 * 128, 7 * 128));
    refuse({}, (layer) => (layer.inputNorm = new Float32Array(3)), length("inputNorm", 256, 3));
    refuse({}, ({ projections }) => (projections[6].a = new Float32Array(3)), length("loraA", 8 * 512, 3));
    const { length: bytes } = makeLayer(base, "nf4", 1).projections[3].args[0];
    refuse(
      {},
      ({ projections }) => (projections[3].args[0] = new Uint8Array(3)),
      `decodeLayers: argument weight: expected Uint8Array of length ${bytes}, got Uint8Array of length 3`,
    );
  });

  it("are refused where an array was given away", () => {
    const moved = (layer: Layer) => {
      structuredClone(0, { transfer: [layer.projections[0].args[0].buffer as ArrayBuffer] });
    };
    const message =
      "decodeLayers: argument weight: expected Uint8Array of length 32768, got Uint8Array of length 0";
    refuse({}, moved, message);
  });

  it("must have room in the caches, and no dropout", () => {
    const layer = makeLayer(base, "nf4", 1);
    const norms = [layer.inputNorm, layer.outputNorm, layer.keys.values, layer.values.values];
    const projections = layer.projections.flatMap(({ args, r, a, b }) => [...args, a, b, r, SCALE, 0.5, 0]);
    const call = (past: number, capacity: number) => {
      const { hidden, intermediate, heads, kvHeads, headDim } = base;
      const sizes = [hidden, intermediate, heads, kvHeads, headDim, EPS, 1] as const;
      const layers = [0, ...norms, ...projections];
      addon.decodeLayers(
        ...sizes,
        past,
        capacity,
        frequenciesOf(base),
        new Float32Array(hidden),
        ...(layers as DecoderLayerArguments[number][]),
      );
    };
    assert.throws(() => call(7, 7), {
      name: "RangeError",
      message: "decodeLayers: the cache has room for 7 tokens, needed are 8",
    });
    assert.throws(() => call(5, 7), { name: "RangeError", message: "decodeLayers: dropout must be 0" });
  });
});
