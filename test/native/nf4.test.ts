import assert from "node:assert/strict";
import { assertClose } from "../compare.ts";
import { codebook, dequantize, quantize } from "./nf4Reference.ts";
import { generator, guarded, onEveryIsa, uniform } from "./support.ts";

onEveryIsa("nf4", (addon) => {
  function native(values: Float32Array) {
    const packed = new Uint8Array(Math.ceil(values.length / 2));
    const absmax = new Float32Array(Math.ceil(values.length / 64));
    addon.quantizeNf4(values, packed, absmax);
    return { packed, absmax };
  }
  function assertSame(values: Float32Array, what: string) {
    const got = native(values);
    const expected = quantize(values);
    assert.deepEqual(got.packed, expected.packed, what);
    assert.deepEqual(got.absmax, expected.absmax, what);
  }

  it("makes the bytes that the decision tree makes, at every length around blocks and vectors", () => {
    for (const n of [0, 1, 2, 3, 7, 15, 16, 17, 31, 33, 63, 64, 65, 66, 127, 128, 129, 1000, 40001]) {
      assertSame(uniform(n, n + 1), `${n} values`);
    }
  });

  it("makes the same bytes on the thresholds and one float beside them", () => {
    // With 1 in the block the reciprocal is 1, so the values reach the comparison as they are.
    const bits = new Uint32Array(1);
    const float = new Float32Array(bits.buffer);
    const values: number[] = [];
    for (let i = 0; i < 15; i++) {
      float[0] = (codebook[i]! + codebook[i + 1]!) / 2;
      const middle = bits[0]!;
      for (let step = -4; step <= 4; step++) {
        if (values.length % 64 === 0) values.push(1);
        bits[0] = middle + step;
        values.push(float[0]!);
      }
    }
    assertSame(Float32Array.from(values), "thresholds");
  });

  it("makes the same bytes for blocks of zeros, denormals, infinities, NaN and huge values", () => {
    const block = (fill: (i: number) => number) => Array.from({ length: 64 }, (_, i) => fill(i));
    const random = generator(3);
    const blocks = [
      block(() => 0),
      block((i) => (i % 3) * 1e-45),
      block((i) => (i - 30) * 1e-40),
      block((i) => (i === 5 ? Infinity : i - 20)),
      block((i) => (i === 9 ? NaN : i - 20)),
      block(() => NaN),
      block(() => (random() - 0.5) * 6e38),
      [0, -0, 0],
    ];
    assertSame(Float32Array.from(blocks.flat()), "special values");
    assert.deepEqual(
      [...native(new Float32Array(3)).packed],
      [0, 0],
      "zeros have code 0, as in bitsandbytes",
    );
    assert.deepEqual([...native(Float32Array.of(-3)).packed], [0x07], "an odd end is filled up with a 0");
  });

  it("decodes to codebook value times absmax, exactly", () => {
    for (const n of [0, 1, 2, 3, 15, 16, 17, 63, 64, 65, 129, 40001]) {
      const random = generator(n + 7);
      const packed = Uint8Array.from({ length: Math.ceil(n / 2) }, () => Math.floor(random() * 256));
      const absmax = uniform(Math.ceil(n / 64), n + 2);
      const values = guarded(n);
      addon.dequantizeNf4(packed, absmax, values.values);
      // One float32 product, rounded once on both sides: exact.
      assertClose(values.values, dequantize(packed, absmax, n), { what: `${n} values` });
      values.check();
    }
  });

  it("comes back within half the widest gap of the codebook", () => {
    const values = uniform(6400, 5);
    const { packed, absmax } = native(values);
    const back = new Float32Array(values.length);
    addon.dequantizeNf4(packed, absmax, back);
    // The widest gap, between codes 0 and 1, is 0.3038; |x| <= absmax <= 1; 1e-6 is for the roundings.
    assertClose(back, values, { atol: 0.3038072 / 2 + 1e-6, what: "round trip" });
    const again = native(back);
    assert.deepEqual(again.packed, packed, "a decoded value keeps its code");
  });

  it("refuses wrong arguments", () => {
    const f = (n: number) => new Float32Array(n);
    assert.throws(() => addon.quantizeNf4(f(65), new Uint8Array(32), f(2)), {
      message: "quantizeNf4: argument packed: expected Uint8Array of length 33, got Uint8Array of length 32",
    });
    assert.throws(() => addon.quantizeNf4(f(65), new Uint8Array(33), f(1)), {
      message:
        "quantizeNf4: argument absmax: expected Float32Array of length 2, got Float32Array of length 1",
    });
    assert.throws(() => addon.quantizeNf4([] as never, new Uint8Array(33), f(1)), {
      message: /^quantizeNf4: argument values: expected Float32Array, got/,
    });
    assert.throws(() => addon.dequantizeNf4(new Uint8Array(3), f(1), f(8)), {
      message: "dequantizeNf4: argument packed: expected Uint8Array of length 4, got Uint8Array of length 3",
    });
    assert.throws(() => addon.dequantizeNf4(new Uint8Array(4), f(2), f(8)), {
      message:
        "dequantizeNf4: argument absmax: expected Float32Array of length 1, got Float32Array of length 2",
    });
    assert.throws(() => addon.dequantizeNf4(new Uint8Array(4), f(1), new Float64Array(8) as never), {
      message:
        "dequantizeNf4: argument values: expected Float32Array of length 8, got Float64Array of length 8",
    });
  });
});
