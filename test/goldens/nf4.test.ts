import assert from "node:assert/strict";
import { DYNAMIC_MAP, dequantizeScales, quantizeScales, scaleOffset } from "../../sdk/weights/doubleQuant.ts";
import { NF4Weight } from "../../sdk/weights/nf4.ts";
import { dequantizeNf4, NF4_LEVELS, quantizeNf4 } from "../../sdk/weights/nf4Codec.ts";
import { assertClose } from "../compare.ts";
import { type GoldenTensors, needsGoldens, readGoldenJson, readGoldenTensors } from "./read.ts";

interface Report {
  devices: ("cpu" | "cuda")[];
  cases: { name: string; n: number; devices: string[] }[];
}

describe("bitsandbytes NF4 goldens", () => {
  let golden: GoldenTensors;
  let report: Report;
  before(function () {
    needsGoldens(this, "nf4.safetensors", "nf4.json");
    golden = readGoldenTensors("nf4.safetensors");
    report = readGoldenJson<Report>("nf4.json");
  });
  after(() => golden?.close());

  /** Runs `check` on each case that the device has; a failure names the case. */
  function onCases(device: string, check: (name: string, values: Float32Array) => void): void {
    const cases = report.cases.filter((entry) => entry.devices.includes(device));
    assert.ok(cases.length >= 28, `only ${cases.length} cases for ${device}`);
    for (const { name } of cases) check(name, golden.floats(`${name}.input`));
  }

  function needsCuda(context: Mocha.Context): void {
    if (report.devices.includes("cuda")) return;
    console.log("      skipped: nf4.safetensors was made without a GPU");
    context.skip();
  }

  it("agrees on the levels and the 8-bit map", () => {
    assert.deepEqual(NF4_LEVELS, golden.floats("levels"));
    assert.deepEqual(DYNAMIC_MAP, golden.floats("dynamic_map"));
  });

  it("makes the same packed bytes and scales as CUDA", function () {
    needsCuda(this);
    onCases("cuda", (name, values) => {
      const packed = new Uint8Array(Math.ceil(values.length / 2));
      const absmax = new Float32Array(Math.ceil(values.length / 64));
      quantizeNf4(values, packed, absmax);
      assert.deepEqual(absmax, golden.floats(`${name}.cuda.absmax`), `${name}: absmax`);
      assert.deepEqual(packed, golden.bytes(`${name}.cuda.packed`), `${name}: packed`);
      const weight = NF4Weight.quantize(values, [1, values.length]);
      assert.deepEqual(weight.packed, packed, `${name}: by the addon`);
    });
  });

  it("makes the same 8-bit scales as CUDA, given its offset", function () {
    needsCuda(this);
    onCases("cuda", (name) => {
      const [offset] = golden.floats(`${name}.cuda.offset`);
      const scales = quantizeScales(golden.floats(`${name}.cuda.absmax`), offset);
      assert.deepEqual(
        scales.nestedAbsmax,
        golden.floats(`${name}.cuda.nested_absmax`),
        `${name}: nested absmax`,
      );
      assert.deepEqual(scales.codes, golden.bytes(`${name}.cuda.codes`), `${name}: codes`);
    });
  });

  it("takes the offset to within the rounding of a float32 sum", () => {
    for (const device of report.devices) {
      onCases(device, (name) => {
        const absmax = golden.floats(`${name}.${device}.absmax`);
        // Pairwise or blocked sums of at most 625 values: a few steps of 2^-24 each.
        assertClose([scaleOffset(absmax)], golden.floats(`${name}.${device}.offset`), {
          rtol: 8 * 2 ** -24,
          what: `${name}: offset on ${device}`,
        });
      });
    }
  });

  it("reads back the same values, on every device", () => {
    for (const device of report.devices) {
      onCases(device, (name, values) => {
        const absmax = dequantizeScales({
          codes: golden.bytes(`${name}.${device}.codes`),
          nestedAbsmax: golden.floats(`${name}.${device}.nested_absmax`),
          offset: golden.floats(`${name}.${device}.offset`)[0],
          map: golden.floats("dynamic_map"),
        });
        const got = new Float32Array(values.length);
        dequantizeNf4(golden.bytes(`${name}.${device}.packed`), absmax, got);
        assertClose(got, golden.floats(`${name}.${device}.dequantized`), { what: `${name} on ${device}` });
      });
    }
  });

  it("differs from the CPU path only in the nibbles where that path has other rules", () => {
    onCases("cpu", (name, values) => {
      const packed = new Uint8Array(Math.ceil(values.length / 2));
      const absmax = new Float32Array(Math.ceil(values.length / 64));
      quantizeNf4(values, packed, absmax);
      // A last, shorter block of zeros has the scale 1e-38 there, and denormals stay what they are.
      assertClose(absmax, golden.floats(`${name}.cpu.absmax`), { atol: 1e-37, what: `${name}: absmax` });
      const theirs = golden.bytes(`${name}.cpu.packed`);
      for (let i = 0; i < values.length; i++) {
        const [ours, other] = [packed, theirs].map((bytes) =>
          i % 2 === 0 ? bytes[i >> 1] >> 4 : bytes[i >> 1] & 15,
        );
        // Blocks of zeros and denormals (code 7 there), and values one float32 step from a threshold, which may go either way.
        const zeros = absmax[Math.floor(i / 64)] === 0;
        const x = values[i] / absmax[Math.floor(i / 64)];
        const edge = Math.abs(x - (NF4_LEVELS[ours] + NF4_LEVELS[other]) / 2) < 2 ** -22;
        assert.ok(ours === other || zeros || (Math.abs(ours - other) === 1 && edge), `${name}: value ${i}`);
      }
    });
  });
});
