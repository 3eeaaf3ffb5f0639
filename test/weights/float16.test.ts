import assert from "node:assert/strict";
import { float16ToFloat32, float32ToFloat16, numberOfFloat16 } from "../../sdk/weights/float16.ts";

const every = Uint16Array.from({ length: 65536 }, (_, i) => i);

describe("float16", () => {
  it("gives back the bits of each value", () => {
    const values = float16ToFloat32(every);
    const back = float32ToFloat16(values);
    for (const bits of every) {
      if (Number.isNaN(values[bits])) assert.ok(Number.isNaN(numberOfFloat16(back[bits])));
      else assert.equal(back[bits], bits);
    }
  });

  it("knows values by their definition", () => {
    const known: [number, number][] = [
      [0x0001, 2 ** -24],
      [0x03ff, 1023 * 2 ** -24],
      [0x0400, 2 ** -14],
      [0x3c00, 1],
      [0xc500, -5],
      [0x7bff, 65504],
      [0xfc00, Number.NEGATIVE_INFINITY],
    ];
    for (const [bits, value] of known) assert.equal(numberOfFloat16(bits), value);
  });

  it("rounds to the nearest, halves to the even one, and beyond the range to infinity", () => {
    const numbers: number[] = [];
    const wanted: number[] = [];
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [numberOfFloat16(bits), numberOfFloat16(bits + 1)];
      const middle = (low + high) / 2;
      const step = (high - low) / 1024;
      numbers.push(middle, middle - step, middle + step);
      wanted.push(bits % 2 === 0 ? bits : bits + 1, bits, bits + 1);
    }
    numbers.push(65519.99, 65520, 1e30, -1e30, 1e-30);
    wanted.push(0x7bff, 0x7c00, 0x7c00, 0xfc00, 0);
    assert.deepEqual(float32ToFloat16(Float32Array.from(numbers)), Uint16Array.from(wanted));
  });
});
