// What the GPU makes of NF4, byte for byte as the CPU. Where a test is about one of them only, test/weights/nf4.test.ts
// says what is right.
import assert from "node:assert/strict";
import { denseWeight, deviceWeight, quantizeOnDevice } from "../../../sdk/weights/deviceWeight.ts";
import { dequantizeScales, quantizeScales } from "../../../sdk/weights/doubleQuant.ts";
import { NF4Weight } from "../../../sdk/weights/nf4.ts";
import { NF4_THRESHOLDS, quantizeNf4 } from "../../../sdk/weights/nf4Codec.ts";
import { random } from "../../ops/support.ts";
import { download, onCuda, stored, upload } from "./support.ts";

onCuda("NF4 on the GPU", (cuda) => {
  const bytes = (address: number, length: number) => {
    const target = new Uint8Array(length);
    cuda().driver.download(address, target);
    return target;
  };

  /** Quantises on the GPU and compares with the CPU; returns what became of `damaged`. */
  function check(values: Float32Array, storage: "float32" | "bfloat16", what: string): number {
    const n = values.length;
    const packed = new Uint8Array(Math.ceil(n / 2));
    const absmax = new Float32Array(Math.ceil(n / 64));
    quantizeNf4(values, packed, absmax);
    const source = upload(cuda(), values, storage);
    const flag = upload(cuda(), new Float32Array(1));
    for (const doubleQuant of [false, true]) {
      const options = { doubleQuant, damaged: flag.address };
      const weight = quantizeOnDevice(cuda(), source, [1, n], options);
      assert.deepEqual(bytes(weight.data, packed.length), packed, what);
      if (doubleQuant) {
        const expected = quantizeScales(absmax);
        const nested = new Uint8Array(expected.nestedAbsmax.buffer);
        assert.deepEqual(bytes(weight.codes, absmax.length), expected.codes, `${what}, codes`);
        assert.deepEqual(bytes(weight.nestedAbsmax, nested.length), nested, `${what}, scales of scales`);
        const offset = new Uint8Array(Float32Array.of(expected.offset).buffer);
        assert.deepEqual(bytes(weight.offset, 4), offset, `${what}, offset`);
      } else {
        assert.deepEqual(bytes(weight.absmax, 4 * absmax.length), new Uint8Array(absmax.buffer), what);
      }
      for (const address of weight.addresses) cuda().memory.give(address);
    }
    return new Int32Array(bytes(flag.address, 4).buffer)[0];
  }

  it("quantises to the bytes of the CPU at every length around blocks and groups", () => {
    for (const n of [1, 2, 7, 8, 9, 63, 64, 65, 127, 2049, 64 * 256, 64 * 256 + 1, 64 * 600 + 37]) {
      for (const storage of ["float32", "bfloat16"] as const) {
        const damaged = check(stored(random(n, n), storage), storage, `${n} values in ${storage}`);
        assert.equal(damaged, 0);
      }
    }
  });

  it("takes thresholds, zeros, denormals and values that are not finite as the CPU does, and reports the last", () => {
    const near: number[] = [];
    for (const threshold of NF4_THRESHOLDS) {
      const [bits] = new Int32Array(Float32Array.of(threshold).buffer);
      near.push(...new Float32Array(Int32Array.of(bits - 1, bits, bits + 1).buffer));
    }
    const block = (fill: (i: number) => number) => Float32Array.from({ length: 64 }, (_, i) => fill(i));
    assert.equal(check(Float32Array.of(1, ...near), "float32", "thresholds"), 0);
    assert.equal(
      check(
        block(() => 0),
        "float32",
        "zeros",
      ),
      0,
    );
    assert.equal(
      check(
        block((i) => (i - 30) * 1e-40),
        "float32",
        "denormals",
      ),
      0,
    );
    assert.equal(
      check(
        block((i) => (i === 9 ? NaN : i - 20)),
        "float32",
        "NaN",
      ),
      1,
    );
    assert.equal(
      check(
        block((i) => (i === 5 ? -Infinity : i - 20)),
        "float32",
        "infinity",
      ),
      1,
    );
    assert.equal(
      check(
        block((i) => (i === 63 ? NaN : i - 20)),
        "bfloat16",
        "NaN in bfloat16",
      ),
      1,
    );
  });

  it("keeps equal scales, which have no deviation to quantise", () => {
    check(
      Float32Array.from({ length: 640 }, (_, i) => (i % 2 === 0 ? 0.37 : -0.37)),
      "float32",
      "equal scales",
    );
  });

  it("decodes to the values of the CPU, rounded once where they are stored in bfloat16", () => {
    for (const shape of [
      [1, 1],
      [3, 17],
      [9, 7 * 64],
      [33, 64 * 16 + 5],
    ] as const) {
      const values = random(shape[0] * shape[1], shape[1]);
      for (const doubleQuant of [false, true]) {
        const weight = NF4Weight.quantize(values, shape, { doubleQuant });
        const exact = weight.dequantize();
        for (const storage of ["float32", "bfloat16"] as const) {
          const got = denseWeight(cuda(), deviceWeight(cuda(), weight), storage);
          const what = `[${shape}] in ${storage}`;
          assert.deepEqual(download(cuda(), got), stored(exact, storage), what);
        }
      }
    }
  });

  it("gives the dense values again where they are kept, and makes them anew where not", () => {
    const weight = NF4Weight.quantize(random(640, 1), [10, 64]);
    const device = deviceWeight(cuda(), weight);
    assert.notEqual(denseWeight(cuda(), device).address, denseWeight(cuda(), device).address);
    cuda().keepDequantized = true;
    try {
      const kept = denseWeight(cuda(), device);
      cuda().endOp();
      assert.equal(denseWeight(cuda(), device).address, kept.address);
      assert.deepEqual(download(cuda(), kept), stored(weight.dequantize(), kept.storage));
    } finally {
      cuda().keepDequantized = false;
    }
  });

  it("reads scales that were quantised on the GPU as the CPU reads its own", () => {
    const values = random(64 * 300, 4);
    const absmax = new Float32Array(300);
    quantizeNf4(values, new Uint8Array(values.length / 2), absmax);
    const weight = quantizeOnDevice(cuda(), upload(cuda(), values), [300, 64]);
    const largest = download(cuda(), denseWeight(cuda(), weight, "float32"));
    const scales = dequantizeScales(quantizeScales(absmax));
    for (let block = 0; block < 300; block++) {
      const most = Math.max(...largest.subarray(block * 64, block * 64 + 64).map(Math.abs));
      assert.equal(most, Math.abs(scales[block]), `block ${block}`);
    }
  });
});
