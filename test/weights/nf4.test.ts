import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { loadAddon } from "../../sdk/backend/loadAddon.ts";
import { DYNAMIC_MAP, dequantizeScales, quantizeScales, scaleOffset } from "../../sdk/weights/doubleQuant.ts";
import { NF4Weight } from "../../sdk/weights/nf4.ts";
import { dequantizeNf4, NF4_LEVELS, NF4_THRESHOLDS, quantizeNf4 } from "../../sdk/weights/nf4Codec.ts";

/** Seeded, roughly normal values. */
function normal(n: number, seed = 1): Float32Array {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float32Array.from({ length: n }, () => next() + next() + next() + next() - 2);
}

/** The float32 `steps` places above x. */
function neighbour(x: number, steps: number): number {
  const float = Float32Array.of(x);
  new Int32Array(float.buffer)[0] += x < 0 ? -steps : steps;
  return float[0];
}

function quantize(values: Float32Array): { packed: Uint8Array; absmax: Float32Array; codes: number[] } {
  const packed = new Uint8Array(Math.ceil(values.length / 2));
  const absmax = new Float32Array(Math.ceil(values.length / 64));
  quantizeNf4(values, packed, absmax);
  return { packed, absmax, codes: [...packed].flatMap((byte) => [byte >> 4, byte & 15]) };
}

describe("NF4 codec", () => {
  it("has thresholds within one float32 step of the midpoints of the levels", () => {
    for (let k = 0; k < 15; k++) {
      const middle = (NF4_LEVELS[k] + NF4_LEVELS[k + 1]) / 2;
      assert.ok(Math.abs(NF4_THRESHOLDS[k] - middle) <= 2 ** -25, `threshold ${k}`);
    }
  });

  it("has the thresholds that a C compiler makes of bitsandbytes' literals where midpoints round the other way", () => {
    // Printed by a C++ program with the literals of dQuantizeNF4 in csrc/kernels.cu.
    const expected = { 0: 0xbf591cd9, 8: 0x3df64863, 12: 0x3f006d03, 14: 0x3f5c89d9 };
    const bits = new Uint32Array(NF4_THRESHOLDS.buffer);
    for (const [k, value] of Object.entries(expected)) {
      assert.equal(bits[Number(k)], value, `threshold ${k}`);
      const middle = Math.fround(Math.fround(NF4_LEVELS[Number(k)] + NF4_LEVELS[Number(k) + 1]) / 2);
      assert.notEqual(NF4_THRESHOLDS[Number(k)], middle, `threshold ${k} is the midpoint`);
    }
  });

  it("takes the lower code on a threshold and the upper one just above it", () => {
    for (let k = 0; k < 15; k++) {
      // The 1 makes absmax and its reciprocal 1, so the values are compared as they are.
      const { codes } = quantize(Float32Array.of(1, NF4_THRESHOLDS[k], neighbour(NF4_THRESHOLDS[k], 1), -1));
      assert.deepEqual(codes, [15, k, k + 1, 0], `threshold ${k}`);
    }
  });

  it("puts the first value in the high nibble and levels back where they were", () => {
    const { packed, absmax } = quantize(NF4_LEVELS);
    assert.deepEqual(packed, Uint8Array.of(0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef));
    const back = new Float32Array(16);
    dequantizeNf4(packed, absmax, back);
    assert.deepEqual(back, NF4_LEVELS);
  });

  it("multiplies by the float32 reciprocal, which is not division", () => {
    // 0.39791265 * fround(1 / 10.000318) lies above threshold 7; 0.39791265 / 10.000318 rounds to the threshold.
    const found = findReciprocalCase();
    const { codes } = quantize(Float32Array.of(found.absmax, found.value));
    assert.equal(codes[1], found.byReciprocal);
    assert.notEqual(found.byReciprocal, found.byDivision);
  });

  it("pads an odd length with a zero, takes zeros and denormals as bitsandbytes does, and ignores NaN for absmax", () => {
    assert.deepEqual(quantize(Float32Array.of(-3)), {
      packed: Uint8Array.of(0x07),
      absmax: Float32Array.of(3),
      codes: [0, 7],
    });
    assert.deepEqual(quantize(new Float32Array(3)).packed, Uint8Array.of(0, 0));
    const [denormal, normal] = [2 ** -126 - 2 ** -149, 2 ** -126];
    assert.deepEqual(quantize(Float32Array.of(denormal, -denormal)), {
      packed: Uint8Array.of(0),
      absmax: Float32Array.of(0),
      codes: [0, 0],
    });
    assert.deepEqual(quantize(Float32Array.of(denormal, -normal)).codes, [7, 0]);
    assert.deepEqual(quantize(Float32Array.of(Number.NaN, 2)), {
      packed: Uint8Array.of(0x0f),
      absmax: Float32Array.of(2),
      codes: [0, 15],
    });
  });

  for (const n of [0, 1, 2, 63, 64, 65, 127, 128, 777, 64 * 256 + 197]) {
    it(`makes the addon's bits, and reads them back as it does, for ${n} values`, function () {
      const addon = loadAddon();
      if (!addon) {
        console.log("      skipped: the addon is not built");
        return this.skip();
      }
      const values = normal(n, n + 1);
      const ours = quantize(values);
      const packed = new Uint8Array(ours.packed.length);
      const absmax = new Float32Array(ours.absmax.length);
      addon.quantizeNf4(values, packed, absmax);
      assert.deepEqual(packed, ours.packed);
      assert.deepEqual(absmax, ours.absmax);
      const [a, b] = [new Float32Array(n), new Float32Array(n)];
      addon.dequantizeNf4(packed, absmax, a);
      dequantizeNf4(packed, absmax, b);
      assert.deepEqual(a, b);
    });
  }
});

/** A value and an absmax for which x * fround(1 / absmax) and x / absmax fall on two sides of a threshold. */
function findReciprocalCase(): { value: number; absmax: number; byReciprocal: number; byDivision: number } {
  const code = (x: number) => NF4_THRESHOLDS.filter((threshold) => x > threshold).length;
  for (let absmax = 10; ; absmax = neighbour(absmax, 1)) {
    for (let steps = -2; steps <= 2; steps++) {
      const value = neighbour(Math.fround(NF4_THRESHOLDS[7] * absmax), steps);
      const byReciprocal = code(Math.fround(value * Math.fround(1 / absmax)));
      const byDivision = code(Math.fround(value / absmax));
      if (byReciprocal !== byDivision) return { value, absmax, byReciprocal, byDivision };
    }
  }
}

describe("double quantisation", () => {
  it("derives the 8-bit dynamic map of bitsandbytes", () => {
    // Of the float32 bytes of create_dynamic_map(signed=True) as published checkpoints carry it.
    const sha256 = "e732639a65f497b4ad684bb166a4467708255edd5207757de8b8f0c7e1fda89c";
    assert.equal(createHash("sha256").update(new Uint8Array(DYNAMIC_MAP.buffer)).digest("hex"), sha256);
    // Some of its values in clear; those with a fused multiply-add in their last bit among them.
    const known: [number, number][] = [
      [0, -0.992968738079071],
      [1, -0.9789062738418579],
      [20, -0.7117187976837158],
      [36, -0.48671871423721313],
      [126, -5.500000384017767e-7],
      [127, 0],
      [128, 5.500000384017767e-7],
      [138, 0.000493750034365803],
      [254, 0.992968738079071],
      [255, 1],
    ];
    assert.equal(DYNAMIC_MAP.length, 256);
    for (const [index, value] of known) assert.equal(DYNAMIC_MAP[index], value, `map[${index}]`);
  });

  it("takes the nearest value of the map, and the even index halfway", () => {
    // One scale of 1 and one of -1 (offset 0) keep the reciprocal at 1, so the others reach the search as they are.
    const middles: number[] = [];
    for (let i = 0; i < 255; i++) middles.push(Math.fround(DYNAMIC_MAP[i] + DYNAMIC_MAP[i + 1]) / 2);
    const check = (values: number[], expected: number[], what: string) => {
      assert.deepEqual([...quantizeScales(Float32Array.of(1, ...values), 0).codes], [255, ...expected], what);
    };
    check([...DYNAMIC_MAP.slice(0, 255)], [...Array(255).keys()], "the map itself");
    check(
      middles.map((middle) => neighbour(middle, 1)),
      middles.map((_, i) => i + 1),
      "above the middle",
    );
    check(
      middles.map((middle) => neighbour(middle, -1)),
      middles.map((_, i) => i),
      "below the middle",
    );
    check(
      middles,
      middles.map((_, i) => (i % 2 === 0 ? i : i + 1)),
      "on the middle",
    );
    check([-1], [0], "below the map");
  });

  it("takes the mean off, in groups of 256, and decodes with both roundings", () => {
    const scales = normal(600).map(Math.abs);
    const quantized = quantizeScales(scales);
    assert.equal(quantized.nestedAbsmax.length, 3);
    assert.equal(quantized.offset, scaleOffset(scales));
    assert.equal(quantized.offset, Math.fround(scales.reduce((sum, s) => sum + s, 0) / 600));
    const last = scales.slice(512).map((s) => Math.abs(Math.fround(s - quantized.offset)));
    assert.equal(quantized.nestedAbsmax[2], Math.max(...last));
    const back = dequantizeScales(quantized);
    for (let i = 0; i < 600; i++) {
      const product = Math.fround(DYNAMIC_MAP[quantized.codes[i]] * quantized.nestedAbsmax[i >> 8]);
      assert.equal(back[i], Math.fround(product + quantized.offset));
      // Half of the map's widest gap (0.0141 in the top decade) of the group's largest, and rounding.
      assert.ok(Math.abs(back[i] - scales[i]) <= 0.0071 * quantized.nestedAbsmax[i >> 8] + 1e-6);
    }
  });

  it("keeps equal scales exactly: code 0 of a group whose largest is 0", () => {
    const quantized = quantizeScales(new Float32Array(300).fill(0.37));
    assert.deepEqual(quantized.codes, new Uint8Array(300));
    assert.deepEqual(quantized.nestedAbsmax, new Float32Array(2));
    assert.deepEqual(dequantizeScales(quantized), new Float32Array(300).fill(0.37));
  });
});

describe("NF4Weight", () => {
  it("gives packed values and float32 scales, decoded once", () => {
    const values = normal(192);
    const weight = NF4Weight.quantize(values, [3, 64]);
    const { packed, absmax } = quantize(values);
    assert.deepEqual(weight.packed, packed);
    assert.equal(weight.bytes, 96 + 3 + 4 + 4);
    const [data, scales] = weight.native();
    assert.equal(data, weight.packed);
    assert.deepEqual(scales, dequantizeScales(quantizeScales(absmax)));
    assert.equal(weight.native()[1], scales);
    assert.equal(weight.bytes, 96 + 3 + 4 + 4 + 12, "with the decoded scales");
    const expected = new Float32Array(192);
    dequantizeNf4(packed, scales!, expected);
    assert.deepEqual(weight.dequantize(), expected);
    assert.notEqual(weight.dequantize(), weight.dequantize());
  });

  it("keeps plain scales as they are", () => {
    const values = normal(130);
    const weight = NF4Weight.quantize(values, [2, 65], { doubleQuant: false });
    assert.deepEqual(weight.scales, quantize(values).absmax);
    assert.equal(weight.native()[1], weight.scales);
    assert.equal(weight.bytes, 65 + 12);
  });

  it("refuses lengths that do not fit and values that are not finite", () => {
    assert.throws(() => NF4Weight.quantize(normal(5), [2, 3]), /shape \[2,3\] needs 6 values, got 5/);
    const bad = normal(6);
    bad[4] = Number.POSITIVE_INFINITY;
    assert.throws(
      () => NF4Weight.quantize(bad, [2, 3]),
      /expected finite values, got Infinity at row 1, column 1/,
    );
    bad[4] = Number.NaN;
    assert.throws(
      () => NF4Weight.quantize(bad, [2, 3]),
      /got NaN at row 1, column 1: the weights are damaged/,
    );
    assert.throws(
      () => new NF4Weight([2, 64], new Uint8Array(63), new Float32Array(2)),
      /shape \[2,64\] needs 64 packed bytes and 2 scales, got 63 and 2/,
    );
    const scales = {
      codes: new Uint8Array(2),
      nestedAbsmax: new Float32Array(2),
      offset: 0,
      map: DYNAMIC_MAP,
    };
    assert.throws(
      () => new NF4Weight([2, 64], new Uint8Array(64), scales),
      /and 2 scales in 1 groups, got 64 and 2 in 2/,
    );
  });
});
