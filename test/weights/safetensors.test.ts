import assert from "node:assert/strict";
import fs, { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  openSafetensors,
  type TensorToWrite,
  toBfloat16,
  toFloat32,
  writeSafetensors,
} from "../../sdk/weights/safetensors.ts";

describe("safetensors", () => {
  let dir: string;
  let file: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "safetensors-"));
    file = join(dir, "x.safetensors");
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  function writeRaw(
    header: string,
    data = new Uint8Array(0),
    length = BigInt(Buffer.byteLength(header)),
  ): void {
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(length);
    writeFileSync(file, Buffer.concat([start, Buffer.from(header), data]));
  }
  const entry = (dtype: string, shape: number[], begin: number, end: number) =>
    JSON.stringify({ dtype, shape, data_offsets: [begin, end] });

  it("reads what it wrote, for every kind of data, and metadata", () => {
    const tensors = new Map<string, TensorToWrite>([
      ["f64", { dtype: "F64", shape: [1], data: Float64Array.of(Math.PI) }],
      ["f32", { dtype: "F32", shape: [2, 2], data: Float32Array.of(1, -0, Number.NaN, 1e-45) }],
      ["f16", { dtype: "F16", shape: [2], data: Uint16Array.of(0x3c00, 0x8001) }],
      ["bf16", { dtype: "BF16", shape: [1], data: Uint16Array.of(0x4049) }],
      ["i64", { dtype: "I64", shape: [1], data: BigInt64Array.of(-(2n ** 60n)) }],
      ["i32", { dtype: "I32", shape: [1, 1], data: Int32Array.of(-7) }],
      ["i8", { dtype: "I8", shape: [3], data: Int8Array.of(-1, 0, 1) }],
      ["scalar", { dtype: "U8", shape: [], data: Uint8Array.of(9) }],
      ["empty", { dtype: "F32", shape: [0, 5], data: new Float32Array(0) }],
      ["é/名", { dtype: "BOOL", shape: [2], data: () => Uint8Array.of(1, 0) }],
    ]);
    writeSafetensors(file, tensors, { format: "pt" });
    const source = openSafetensors(file);
    assert.deepEqual(source.metadata, { format: "pt" });
    assert.equal(source.tensors.size, tensors.size);
    for (const [name, { dtype, shape, data }] of tensors) {
      assert.deepEqual(source.read(name), {
        dtype,
        shape: [...shape],
        data: typeof data === "function" ? data() : data,
      });
    }
    source.close();
    source.close();
    assert.throws(() => source.read("f32"), /tensor "f32" read after close\(\)/);
  });

  it("writes the bytes of the reference implementation: widest dtype first, then by name, padded to 8", () => {
    const tensors = new Map<string, TensorToWrite>([
      ["b", { dtype: "F32", shape: [1], data: Float32Array.of(1) }],
      ["A-byte", { dtype: "U8", shape: [2], data: Uint8Array.of(7, 8) }],
      ["h", { dtype: "BF16", shape: [1], data: Uint16Array.of(0x3f80) }],
      ["a", { dtype: "F32", shape: [1], data: Float32Array.of(2) }],
    ]);
    writeSafetensors(file, tensors);
    const header =
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},' +
      '"h":{"dtype":"BF16","shape":[1],"data_offsets":[8,10]},"A-byte":{"dtype":"U8","shape":[2],"data_offsets":[10,12]}}';
    assert.notEqual(header.length % 8, 0, "nothing to pad");
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8, " ");
    const data = Buffer.from([0, 0, 0, 0x40, 0, 0, 0x80, 0x3f, 0x80, 0x3f, 7, 8]);
    const bytes = readFileSync(file);
    assert.equal(bytes.readBigUInt64LE(), BigInt(padded.length));
    assert.deepEqual(bytes.subarray(8), Buffer.concat([Buffer.from(padded), data]));
  });

  it("converts floats exactly", () => {
    const bits = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x03ff, 0x7bff, 0x7c00, 0xfc00, 0x8000, 0x3555);
    const f16 = { dtype: "F16" as const, shape: [9], data: bits };
    const expected = [1, -2, 2 ** -24, 1023 * 2 ** -24, 65504, Infinity, -Infinity, -0, 0.333251953125];
    assert.deepEqual([...toFloat32(f16, "x")], expected);
    const nan = { dtype: "F16" as const, shape: [1], data: Uint16Array.of(0x7e00) };
    assert.ok(Number.isNaN(toFloat32(nan, "x")[0]));
    const bf16 = { dtype: "BF16" as const, shape: [1], data: Uint16Array.of(0xc049) };
    assert.deepEqual([...toFloat32(bf16, "x")], [-3.140625]);
    assert.equal(toBfloat16(bf16, "x"), bf16.data);
    const f32 = { dtype: "F32" as const, shape: [2], data: Float32Array.of(1.00390625, 1.01171875) };
    assert.equal(toFloat32(f32, "x"), f32.data);
    assert.deepEqual([...toBfloat16(f32, "x")], [0x3f80, 0x3f82], "halves go to even");
    const u8 = { dtype: "U8" as const, shape: [1], data: Uint8Array.of(1) };
    assert.throws(() => toFloat32(u8, 'm: "w"'), /m: "w": expected floats \(F32, F16, BF16 or F64\), got U8/);
  });

  it("says which tensors there are when one is missing", () => {
    writeSafetensors(file, new Map([["a", { dtype: "U8", shape: [1], data: Uint8Array.of(1) }]]));
    const source = openSafetensors(file);
    assert.throws(() => source.read("b"), /x\.safetensors: no tensor "b" among its 1 \(a\)/);
    source.close();
  });

  const four = new Uint8Array(4);
  const damaged: [string, () => void, RegExp][] = [
    ["a folder", () => mkdirSync(file), /expected a safetensors file, got a folder or a device$/],
    [
      "a file of a few bytes",
      () => writeFileSync(file, "abc"),
      /expected a safetensors file, got only 3 bytes/,
    ],
    [
      "a header longer than the file",
      () => writeRaw("{}", undefined, 99n),
      /its header claims 99 bytes, the file has 10: it is no safetensors file or was cut short/,
    ],
    [
      "a huge header",
      () => writeRaw("{}", undefined, 2n ** 63n),
      /its header claims 9223372036854775808 bytes/,
    ],
    ["no JSON", () => writeRaw("{nope"), /header: expected JSON, got/],
    ["no object", () => writeRaw("[1]"), /header: expected a JSON object/],
    [
      "a header that is no UTF-8",
      () => writeFileSync(file, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0xff])),
      /header: expected UTF-8 text/,
    ],
    [
      "an unknown dtype",
      () => writeRaw(`{"a":${entry("F4", [4], 0, 4)}}`, four),
      /tensor "a": dtype: expected one of BOOL, U8, .*U64, got "F4"/,
    ],
    [
      "a dtype named like a method",
      () => writeRaw(`{"a":${entry("toString", [4], 0, 4)}}`, four),
      /tensor "a": dtype: expected one of .*, got "toString"/,
    ],
    [
      "a negative size",
      () => writeRaw(`{"a":${entry("U8", [-4], 0, 4)}}`, four),
      /shape: expected sizes >= 0, got \[-4\]/,
    ],
    [
      "a shape that does not fit",
      () => writeRaw(`{"a":${entry("F32", [2], 0, 4)}}`, four),
      /tensor "a": F32 \[2\] needs 8 bytes, data_offsets give 4/,
    ],
    [
      "a shape whose product overflows",
      () => writeRaw(`{"a":${entry("U8", [2 ** 40, 2 ** 40], 0, 4)}}`, four),
      /tensor "a": U8 \[.*\] needs 1\.2.*e\+24 bytes, data_offsets give 4/,
    ],
    [
      "reversed offsets",
      () => writeRaw(`{"a":${entry("U8", [4], 4, 0)}}`, four),
      /data_offsets: expected \[begin, end\], got \[4,0\]/,
    ],
    [
      "an overlap",
      () => writeRaw(`{"a":${entry("U8", [3], 0, 3)},"b":${entry("U8", [2], 2, 4)}}`, four),
      /tensor "b": overlaps the tensor before it: expected offset 3, got 2/,
    ],
    [
      "a hole",
      () => writeRaw(`{"a":${entry("U8", [1], 0, 1)},"b":${entry("U8", [2], 2, 4)}}`, four),
      /tensor "b": leaves a hole before it: expected offset 1, got 2/,
    ],
    [
      "data cut short",
      () => writeRaw(`{"a":${entry("U8", [8], 0, 8)}}`, four),
      /expected 69 bytes, the file has 65; the file is damaged or was cut short/,
    ],
    ["data left over", () => writeRaw("{}", four), /expected 10 bytes, the file has 14/],
    [
      "a name twice",
      () => writeRaw(`{"a":${entry("U8", [4], 0, 4)},"\\u0061" : ${entry("U8", [4], 0, 4)}}`, four),
      /tensor "a" is named twice/,
    ],
    [
      "metadata of numbers",
      () => writeRaw('{"__metadata__":{"a":1}}'),
      /__metadata__: expected an object of strings/,
    ],
    ["an entry that is no object", () => writeRaw('{"a":3}'), /tensor "a": expected an object, got 3/],
  ];
  for (const [what, make, message] of damaged) {
    it(`refuses ${what}`, () => {
      make();
      assert.throws(() => openSafetensors(file), message);
    });
  }

  it("names every problem of a header at once", () => {
    writeRaw(`{"a":${entry("X", [4], 0, 4)},"b":{"dtype":"U8","shape":3,"data_offsets":[0,1]}}`, four);
    assert.throws(
      () => openSafetensors(file),
      /tensor "a": dtype.*; tensor "b": shape: expected sizes >= 0, got 3/,
    );
  });

  it("takes braces and quotes in names for what they are", () => {
    const tensors = new Map<string, TensorToWrite>([
      ['{"a":[', { dtype: "U8", shape: [1], data: Uint8Array.of(1) }],
      ["__proto__", { dtype: "U8", shape: [1], data: Uint8Array.of(2) }],
    ]);
    writeSafetensors(file, tensors);
    const source = openSafetensors(file);
    assert.deepEqual(source.read("__proto__").data, Uint8Array.of(2));
    assert.deepEqual(source.read('{"a":[').data, Uint8Array.of(1));
    source.close();
  });

  it("refuses to write data that do not fit, and leaves nothing behind", () => {
    const wrong = new Map<string, TensorToWrite>([
      ["w", { dtype: "F32", shape: [2], data: Float32Array.of(1) }],
    ]);
    assert.throws(
      () => writeSafetensors(file, wrong),
      /tensor "w": F32 \[2\] needs 8 bytes, got 4 in a Float32Array/,
    );
    const kind = new Map<string, TensorToWrite>([
      ["w", { dtype: "F32", shape: [1], data: new Uint8Array(4) }],
    ]);
    assert.throws(() => writeSafetensors(file, kind), /needs 4 bytes, got 4 in a Uint8Array/);
    const reserved = new Map<string, TensorToWrite>([
      ["__metadata__", { dtype: "U8", shape: [1], data: Uint8Array.of(1) }],
    ]);
    assert.throws(() => writeSafetensors(file, reserved), /"__metadata__" cannot be the name of a tensor/);
    assert.deepEqual(readdirSync(dir), []);
  });

  it("leaves the old file whole and no other when the disk is full", () => {
    const tensors = new Map<string, TensorToWrite>([
      ["w", { dtype: "U8", shape: [3], data: new Uint8Array(3) }],
    ]);
    writeSafetensors(file, tensors);
    const before = readFileSync(file);
    const { writeSync } = fs;
    let calls = 0;
    const full = (descriptor: number, bytes: Uint8Array, offset: number, length: number): number => {
      if (++calls > 1)
        throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
      return writeSync(descriptor, bytes, offset, Math.min(length, 5)); // a short write first, as a full disk does
    };
    fs.writeSync = full as typeof fs.writeSync;
    syncBuiltinESMExports();
    try {
      assert.throws(
        () => writeSafetensors(file, tensors),
        /x\.safetensors: the disk is full: \d+ bytes needed, \d+ free; nothing was written\. Free some room/,
      );
    } finally {
      fs.writeSync = writeSync;
      syncBuiltinESMExports();
    }
    assert.equal(calls, 2);
    assert.deepEqual(readFileSync(file), before);
    assert.deepEqual(readdirSync(dir), ["x.safetensors"]);
  });

  it("names the file that cannot be written", () => {
    const missing = join(dir, "no", "y.safetensors");
    assert.throws(
      () => writeSafetensors(missing, new Map()),
      /no\/y\.safetensors: could not be written \(ENOENT/,
    );
  });
});
