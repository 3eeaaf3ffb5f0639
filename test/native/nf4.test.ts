import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bfloat16ToFloat32, float32ToBfloat16 } from "../../sdk/backend/bfloat16.ts";
import { DYNAMIC_MAP, quantizeScaleCodes } from "../../sdk/weights/doubleQuant.ts";
import { float16ToFloat32, float32ToFloat16 } from "../../sdk/weights/float16.ts";
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
      // Denormal and normal values, around the absmax from which denormals change no code.
      ...[1e-39, 4e-39, 3e-38, 1.2e-38 * 31, 1.2e-38 * 33].map((step) =>
        block((i) => ((i - 30) / 30) * step),
      ),
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

  describe("from a file", () => {
    let dir: string;
    before(() => {
      dir = mkdtempSync(join(tmpdir(), "nf4-"));
    });
    after(() => rmSync(dir, { recursive: true }));

    /** Writes the array behind `offset` bytes of something else. */
    function written(array: Float32Array | Uint16Array, offset: number): string {
      const path = join(dir, "values");
      const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
      writeFileSync(path, Buffer.concat([Buffer.alloc(offset, 0xff), bytes]));
      return path;
    }
    function fromFile(path: string, offset: number, dtype: "F32" | "F16" | "BF16", n: number) {
      const packed = new Uint8Array(Math.ceil(n / 2));
      const absmax = new Float32Array(Math.ceil(n / 64));
      const odd = addon.quantizeNf4File(path, offset, dtype, n, packed, absmax);
      return { odd, packed, absmax };
    }

    // Several pieces of 65536 values, and what is left.
    for (const n of [0, 1, 65, 65536, 3 * 65536 + 17]) {
      it(`makes the bytes that the same ${n} values in memory give, in every dtype`, () => {
        const values = uniform(n, 3);
        const halves = float32ToFloat16(values);
        const short = float32ToBfloat16(values);
        for (const [dtype, stored, wide] of [
          ["F32", values, values],
          ["F16", halves, float16ToFloat32(halves)],
          ["BF16", short, bfloat16ToFloat32(short)],
        ] as const) {
          const got = fromFile(written(stored, 10), 10, dtype, n);
          assert.deepEqual(got, { odd: -1, ...native(wide) }, dtype);
        }
      });
    }

    it("widens every float16", () => {
      const all = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((i) => (i & 0x7c00) !== 0x7c00);
      // A block for each, filled up with itself: its absmax is the value.
      const blocks = Uint16Array.from({ length: all.length * 64 }, (_, i) => all[Math.floor(i / 64)]!);
      const { absmax } = fromFile(written(blocks, 0), 0, "F16", blocks.length);
      assert.deepEqual(absmax, float16ToFloat32(all).map(Math.abs));
    });

    it("finds the first value that is not finite", () => {
      const values = uniform(200_000, 4);
      for (const [dtype, at] of [
        ["F32", 199_999],
        ["F32", 70_001],
        ["BF16", 64],
        ["F16", 0],
      ] as const) {
        for (const odd of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
          const damaged = values.slice();
          damaged[at] = damaged[150_000] = odd;
          const stored =
            dtype === "F32"
              ? damaged
              : dtype === "F16"
                ? float32ToFloat16(damaged)
                : float32ToBfloat16(damaged);
          const found = Math.min(at, 150_000);
          assert.equal(fromFile(written(stored, 2), 2, dtype, damaged.length).odd, found, `${dtype} ${odd}`);
        }
      }
    });

    it("reads bytes as they are", () => {
      // Several pieces of 4 MiB.
      const bytes = Uint8Array.from({ length: 9_000_001 }, (_, i) => (i * 7919) >> 3);
      const path = join(dir, "bytes");
      writeFileSync(path, bytes);
      const got = new Uint8Array(bytes.length - 5);
      addon.readFile(path, 5, got.length, got);
      assert.ok(Buffer.from(got).equals(Buffer.from(bytes.subarray(5))));
    });

    it("says that a file is shorter, or cannot be opened", () => {
      const path = written(uniform(1000, 1), 0);
      assert.throws(() => fromFile(path, 0, "F32", 1001), {
        message: `${path}: became shorter while it was read: expected 4004 bytes`,
      });
      assert.throws(() => addon.readFile(path, 3990, 11, new Uint8Array(11)), {
        message: `${path}: became shorter while it was read: expected 4001 bytes`,
      });
      const gone = join(dir, "gone");
      assert.throws(() => addon.readFile(gone, 0, 1, new Uint8Array(1)), {
        message: `${gone}: cannot be opened: No such file or directory`,
      });
      assert.throws(() => addon.readFile(dir, 0, 1, new Uint8Array(1)), {
        message: `${dir}: cannot be read: Is a directory`,
      });
    });
  });

  it("makes the codes of scales that the search in JavaScript makes", () => {
    const neighbours = (x: number) => {
      const bits = new Uint32Array(Float32Array.of(x).buffer);
      return [-1, 0, 1].map((step) => new Float32Array(Uint32Array.of(bits[0]! + step).buffer)[0]!);
    };
    const map = [...DYNAMIC_MAP];
    const halves = map.slice(1).map((x, i) => (x + map[i]!) / 2);
    // With 1 in the group and no offset the values reach the search as they are.
    const values = [...map, ...halves].flatMap(neighbours).filter((x) => Math.abs(x) <= 1);
    const edges = values.flatMap((x, i) => (i % 255 === 0 ? [1, x] : [x]));
    for (const [absmax, offset] of [
      [Float32Array.from(edges), 0],
      [uniform(1000, 2), 0.125],
      [new Float32Array(300).fill(0.5), 0.5],
      [Float32Array.of(3, Number.NaN, 1), 0.25],
      [new Float32Array(0), 0],
    ] as const) {
      const run = (quantize: typeof quantizeScaleCodes) => {
        const codes = new Uint8Array(absmax.length);
        const nested = new Float32Array(Math.ceil(absmax.length / 256));
        quantize(absmax, offset, DYNAMIC_MAP, codes, nested);
        return { codes, nested };
      };
      assert.deepEqual(run(addon.quantizeNf4Scales), run(quantizeScaleCodes));
    }
  });

  it("refuses wrong arguments", () => {
    const bytes = (n: number) => new Uint8Array(n);
    assert.throws(() => addon.quantizeNf4File("x", 0, "U8" as never, 2, bytes(1), new Float32Array(1)), {
      message: 'quantizeNf4File: dtype must be "F32", "F16" or "BF16", got "U8"',
    });
    assert.throws(() => addon.quantizeNf4File("x", 0, "F32", 65, bytes(32), new Float32Array(2)), {
      message:
        "quantizeNf4File: argument packed: expected Uint8Array of length 33, got Uint8Array of length 32",
    });
    assert.throws(() => addon.readFile("x", 0, 4, bytes(3)), {
      message: "readFile: argument bytes: expected Uint8Array of length 4, got Uint8Array of length 3",
    });
    const half = new Float32Array(255);
    assert.throws(
      () => addon.quantizeNf4Scales(new Float32Array(3), 0, half, bytes(3), new Float32Array(1)),
      {
        message:
          "quantizeNf4Scales: argument map: expected Float32Array of length 256, got Float32Array of length 255",
      },
    );
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
