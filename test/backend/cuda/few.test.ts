// Linear layers of a few rows, several of one x in a launch: values against a product in double precision.
import assert from "node:assert/strict";
import type { Cuda, CudaTensor } from "../../../sdk/backend/cuda/cuda.ts";
import type { Storage } from "../../../sdk/backend/cuda/kernel.ts";
import { type FewLayer, fewRows } from "../../../sdk/ops/cuda/few.ts";
import { fewNf4 } from "../../../sdk/ops/cuda/fewNf4.ts";
import { dropoutMask } from "../../../sdk/ops/dropout.ts";
import { denseWeight, deviceWeight } from "../../../sdk/weights/deviceWeight.ts";
import { NF4Weight } from "../../../sdk/weights/nf4.ts";
import { random } from "../../ops/support.ts";
import { download, onCuda, stored, upload } from "./support.ts";

type Form = "float32" | "bfloat16" | "nf4" | "nf4 twice";

interface Sizes {
  form: Form;
  out: number;
  r?: number;
  residual?: boolean;
}

const DROPOUT = { dropout: 0.25, seed: 77 };

/** The layer, and what y must become. */
function layerOf(cuda: Cuda, x: Float32Array, rows: number, inn: number, sizes: Sizes, seed: number) {
  const { form, out, r = 0, residual = false } = sizes;
  const storage = cuda.activation;
  const values = random(out * inn, seed);
  let weight: FewLayer["weight"];
  let w: Float32Array;
  if (form === "nf4" || form === "nf4 twice") {
    const frozen = NF4Weight.quantize(values, [out, inn], { doubleQuant: form === "nf4 twice" });
    weight = deviceWeight(cuda, frozen);
    kept.push(frozen);
    w = download(cuda, denseWeight(cuda, weight, "float32"));
  } else {
    weight = upload(cuda, values, form, [out, inn]);
    w = stored(values, form);
  }
  const [a, b] = [random(r * inn, seed + 1), random(out * r, seed + 2)];
  const lora = r > 0 && {
    ...{ a: upload(cuda, a, "float32", [r, inn]), b: upload(cuda, b, "float32", [out, r]), r, scale: 0.5 },
    ...DROPOUT,
    xa: cuda.allocate([rows, r], "float32"),
  };
  const added = residual ? stored(random(rows * out, seed + 3), storage) : new Float32Array(rows * out);
  const y = residual ? upload(cuda, added, storage, [rows, out]) : cuda.allocate([rows, out]);
  const mask = dropoutMask(rows * inn, DROPOUT.dropout, DROPOUT.seed);
  const want = new Float64Array(rows * out);
  for (let row = 0; row < rows; row++) {
    const xa = Array.from({ length: r }, (_, j) => {
      let sum = 0;
      for (let k = 0; k < inn; k++) sum += x[row * inn + k] * mask[row * inn + k] * a[j * inn + k];
      return sum;
    });
    for (let o = 0; o < out; o++) {
      let sum = added[row * out + o];
      for (let k = 0; k < inn; k++) sum += x[row * inn + k] * w[o * inn + k];
      for (let j = 0; j < r; j++) sum += 0.5 * xa[j] * b[o * r + j];
      want[row * out + o] = sum;
    }
  }
  const layer: FewLayer = { weight, lora: lora || undefined, residual: residual ? y : undefined, y };
  return { layer, want };
}

/** Weights live as long as somebody holds them. */
const kept: NF4Weight[] = [];

function check(y: CudaTensor, got: Float32Array, want: Float64Array, terms: number, what: string): void {
  // Levels of NF4 are rounded to 8 bits of mantissa where y is, and y itself.
  const relative = y.storage === "float32" ? 1e-5 : 0.01;
  const scale = Math.sqrt(terms);
  for (const [i, value] of want.entries()) {
    const allowed = relative * (Math.abs(value) + scale);
    assert.ok(Math.abs(got[i] - value) <= allowed, `${what}, value ${i}: expected ${value}, got ${got[i]}`);
  }
}

onCuda("a few rows", (cuda) => {
  for (const activation of ["float32", "bfloat16"] as Storage[]) {
    describe(`of ${activation}`, () => {
      before(() => void Object.assign(cuda(), { activation }));
      after(() => void Object.assign(cuda(), { activation: "bfloat16" }));

      const run = (name: string, rows: number, inn: number, sizes: Sizes[]) =>
        it(name, () => {
          const x = stored(random(rows * inn, 5), activation);
          const onGpu = upload(cuda(), x, activation, [rows, inn]);
          const layers = sizes.map((one, i) => layerOf(cuda(), x, rows, inn, one, 10 * i + inn));
          fewRows(
            cuda(),
            onGpu,
            layers.map(({ layer }) => layer),
          );
          for (const [i, { layer, want }] of layers.entries()) {
            check(layer.y, download(cuda(), layer.y), want, inn, `layer ${i}, ${JSON.stringify(sizes[i])}`);
          }
        });

      for (const form of ["float32", "bfloat16", "nf4", "nf4 twice"] as Form[]) {
        const forms = (outs: number[], r: number): Sizes[] => outs.map((out) => ({ form, out, r }));
        run(`${form}: q, k and v with adapters, one row`, 1, 512, forms([96, 48, 40], 8));
        run(`${form}: many tiles a block, 8 rows`, 8, 256, forms([700, 300], 3));
        run(`${form}: one with a residual`, 3, 2304, [{ form, out: 33, r: 4, residual: true }]);
        run(`${form}: no adapters, odd sizes`, 5, 67, forms([19, 1, 7], 0));
        run(`${form}: an adapter on the second only, and a long row`, 1, 4160, [
          { form, out: 9 },
          { form, out: 24, r: 16 },
          { form, out: 5, residual: true },
        ]);
      }
      run("layers of several forms, and more than a launch takes", 2, 256, [
        { form: "nf4", out: 24, r: 2 },
        { form: "bfloat16", out: 17 },
        { form: "float32", out: 8, r: 1, residual: true },
        { form: "nf4 twice", out: 16 },
      ]);
    });
  }

  describe("over 4-bit weights", () => {
    /** What the layers read: rmsNorm(x). */
    const normalized = (x: Float32Array, inn: number, gamma: Float32Array, eps: number) =>
      x.map((value, i) => {
        const row = x.subarray(i - (i % inn), i - (i % inn) + inn);
        const meanSquare = row.reduce((sum, v) => sum + v * v, 0) / inn;
        return (value * gamma[i % inn]) / Math.sqrt(meanSquare + eps);
      });

    const run = (rows: number, inn: number, sizes: Sizes[], gated: boolean) => {
      const x = stored(random(rows * inn, 5, 3), "bfloat16");
      const gamma = random(inn, 6, 2);
      const eps = 0.5;
      const h = normalized(x, inn, gamma, eps);
      const layers = sizes.map((one, i) => layerOf(cuda(), h, rows, inn, one, 10 * i + inn));
      fewNf4(
        cuda(),
        upload(cuda(), x, "bfloat16", [rows, inn]),
        layers.map(({ layer }) => layer),
        { norm: { gamma: upload(cuda(), gamma), eps }, gated },
      );
      const [first, second] = layers.map(({ want }) => want);
      const wants = gated
        ? [first.map((g, i) => (g / (1 + Math.exp(-g))) * second[i])]
        : layers.map(({ want }) => want);
      for (const [i, want] of wants.entries()) {
        // A product has the error of each factor times the other.
        const terms = gated ? inn * Math.max(...second.map(Math.abs)) ** 2 : inn;
        check(layers[i].layer.y, download(cuda(), layers[i].layer.y), want, terms, `layer ${i}`);
      }
    };
    const sizesOf = (form: Form, outs: number[], r: number): Sizes[] => outs.map((out) => ({ form, out, r }));

    for (const form of ["nf4", "nf4 twice"] as Form[]) {
      for (const rows of [1, 2, 4, 5, 8]) {
        it(`${form}: the norm of ${rows} rows comes first`, () =>
          run(rows, 512, sizesOf(form, [40, 16, 7], 4), false));
        it(`${form}: gate and up of ${rows} rows become one`, () =>
          run(rows, 768, sizesOf(form, [72, 72], 8), true));
      }
    }
    it("takes fewer rows at once, and more blocks, where shared memory is small", () => {
      const { device } = cuda();
      const { sharedBytes, multiprocessors } = device;
      try {
        for (const [bytes, rows] of [
          [90_000, 3],
          [96_000, 8],
        ]) {
          Object.assign(device, { sharedBytes: bytes, multiprocessors: 2 });
          run(rows, 1024, sizesOf("nf4 twice", [700, 700], 8), true);
        }
        Object.assign(device, { sharedBytes: 60_000 });
        assert.throws(
          () => run(1, 512, sizesOf("nf4", [16], 0), false),
          /^RangeError: fewNf4: a row of 512 values does not fit the 60000 bytes of shared memory of a block/,
        );
      } finally {
        Object.assign(device, { sharedBytes, multiprocessors });
      }
    });
    it("refuses scales of two forms", () => {
      assert.throws(
        () => run(1, 256, [...sizesOf("nf4", [16], 0), ...sizesOf("nf4 twice", [16], 0)], false),
        /^Error: fewNf4: expected scales of one form in all layers/,
      );
    });
    it("gives the same again, also after another launch with adapters", () => {
      for (let i = 0; i < 3; i++) run(2, 256, sizesOf("nf4 twice", [33, 5], 16), false);
    });
  });
});
