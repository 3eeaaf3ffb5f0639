import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isNf4, nf4Tensors, readNf4 } from "../../sdk/weights/bitsandbytes.ts";
import { NF4Weight } from "../../sdk/weights/nf4.ts";
import {
  openSafetensors,
  type TensorSource,
  type TensorToWrite,
  writeSafetensors,
} from "../../sdk/weights/safetensors.ts";

describe("bitsandbytes serialisation", () => {
  const name = "model.layers.0.mlp.up_proj.weight";
  const values = Float32Array.from({ length: 3 * 128 }, (_, i) => Math.sin(i * i) * 0.02);
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "bnb-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  function stored<T>(tensors: Map<string, TensorToWrite>, use: (source: TensorSource) => T): T {
    const file = join(dir, "model.safetensors");
    writeSafetensors(file, tensors);
    const source = openSafetensors(file);
    try {
      return use(source);
    } finally {
      source.close();
    }
  }
  function state(tensors: Map<string, TensorToWrite>): string {
    const { data } = tensors.get(`${name}.quant_state.bitsandbytes__nf4`)!;
    return new TextDecoder().decode(data as Uint8Array);
  }
  function withState(change: (json: Record<string, unknown>) => void): Map<string, TensorToWrite> {
    const tensors = nf4Tensors(name, NF4Weight.quantize(values, [3, 128]));
    const json = JSON.parse(state(tensors)) as Record<string, unknown>;
    change(json);
    const data = new TextEncoder().encode(JSON.stringify(json));
    return tensors.set(`${name}.quant_state.bitsandbytes__nf4`, { dtype: "U8", shape: [data.length], data });
  }

  /** The keys that belong to an NF4 weight, the packed bytes first. */
  function keysOf(weight: string, nested: boolean): string[] {
    const scales = ["absmax", "quant_map", ...(nested ? ["nested_absmax", "nested_quant_map"] : [])];
    return [weight, ...[...scales, "quant_state.bitsandbytes__nf4"].map((part) => `${weight}.${part}`)];
  }

  for (const doubleQuant of [true, false]) {
    it(`reads what it wrote, double quantisation ${doubleQuant}`, () => {
      const weight = NF4Weight.quantize(values, [3, 128], { doubleQuant, sourceDtype: "bfloat16" });
      const tensors = nf4Tensors(name, weight);
      assert.deepEqual([...tensors.keys()].sort(), keysOf(name, doubleQuant).sort());
      const back = stored(tensors, (source) => {
        assert.ok(isNf4(source, name));
        assert.ok(!isNf4(source, "model.norm.weight"));
        return readNf4(source, name);
      });
      assert.deepEqual(back.shape, [3, 128]);
      assert.deepEqual(back.packed, weight.packed);
      assert.deepEqual(back.scales, weight.scales);
      assert.equal(back.sourceDtype, "bfloat16");
    });
  }

  it("writes the state as Python's json does", () => {
    const plain = nf4Tensors(name, NF4Weight.quantize(values, [3, 128], { doubleQuant: false }));
    assert.equal(
      state(plain),
      '{"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": [3, 128]}',
    );
    const offsetText = (offset: number) => {
      const { packed, scales } = NF4Weight.quantize(values, [3, 128]);
      assert.ok(!(scales instanceof Float32Array));
      return state(nf4Tensors(name, new NF4Weight([3, 128], packed, { ...scales, offset })))
        .split(", ")
        .at(-1);
    };
    assert.equal(offsetText(Math.fround(0.1)), '"nested_offset": 0.10000000149011612}');
    assert.equal(offsetText(2), '"nested_offset": 2.0}');
    assert.equal(offsetText(0), '"nested_offset": 0.0}');
    assert.equal(offsetText(2 ** -20), '"nested_offset": 9.5367431640625e-07}');
    assert.equal(offsetText(2 ** 60), '"nested_offset": 1.152921504606847e+18}');
    assert.equal(offsetText(Math.fround(1e-20)), '"nested_offset": 9.999999682655225e-21}');
  });

  it("reads packed values that are stored as another dtype", () => {
    const weight = NF4Weight.quantize(values, [3, 128]);
    const tensors = nf4Tensors(name, weight);
    const bits = new Uint16Array(weight.packed.buffer);
    tensors.set(name, { dtype: "BF16", shape: [bits.length, 1], data: bits });
    assert.deepEqual(
      stored(tensors, (source) => readNf4(source, name).packed),
      weight.packed,
    );
  });

  it("uses the 8-bit map that the file has", () => {
    const tensors = nf4Tensors(name, NF4Weight.quantize(values, [3, 128]));
    const map = new Float32Array(256).fill(0.5);
    tensors.set(`${name}.nested_quant_map`, { dtype: "F32", shape: [256], data: map });
    const { scales } = stored(tensors, (source) => readNf4(source, name));
    assert.ok(!(scales instanceof Float32Array));
    assert.deepEqual(scales.map, map);
  });

  const refused: [string, () => Map<string, TensorToWrite>, RegExp][] = [
    [
      "another type and block size, both named",
      () =>
        withState((json) => {
          json.quant_type = "fp4";
          json.blocksize = 128;
        }),
      /quant_state\.bitsandbytes__nf4: quant_type: .*"nf4", got "fp4"; blocksize: .*64, got 128: only NF4 in blocks of 64/,
    ],
    [
      "a shape that is no matrix",
      () =>
        withState((json) => {
          json.shape = [384];
        }),
      /shape.*got \[384\]/,
    ],
    [
      "a shape that the bytes do not fit",
      () =>
        withState((json) => {
          json.shape = [4, 128];
        }),
      /NF4Weight: shape \[4,128\] needs 256 packed bytes and 8 scales in 1 groups, got 192 and 6 in 1/,
    ],
    [
      "a state that is no JSON",
      () =>
        nf4Tensors(name, NF4Weight.quantize(values, [3, 128])).set(`${name}.quant_state.bitsandbytes__nf4`, {
          dtype: "U8",
          shape: [1],
          data: Uint8Array.of(123),
        }),
      /quant_state\.bitsandbytes__nf4: expected JSON, got/,
    ],
    [
      "other levels",
      () =>
        nf4Tensors(name, NF4Weight.quantize(values, [3, 128])).set(`${name}.quant_map`, {
          dtype: "F32",
          shape: [16],
          data: new Float32Array(16),
        }),
      /quant_map: expected the 16 levels of NF4, got \[0,/,
    ],
    [
      "a short 8-bit map",
      () =>
        nf4Tensors(name, NF4Weight.quantize(values, [3, 128])).set(`${name}.nested_quant_map`, {
          dtype: "F32",
          shape: [2],
          data: new Float32Array(2),
        }),
      /nested_quant_map: expected 256 values, got 2/,
    ],
    [
      "scales of another dtype",
      () =>
        nf4Tensors(name, NF4Weight.quantize(values, [3, 128])).set(`${name}.nested_absmax`, {
          dtype: "BF16",
          shape: [1],
          data: new Uint16Array(1),
        }),
      /nested_absmax": expected F32, got BF16/,
    ],
  ];
  for (const [what, tensors, message] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(() => stored(tensors(), (source) => readNf4(source, name)), message);
    });
  }

  it("names the part that is missing", () => {
    const tensors = nf4Tensors(name, NF4Weight.quantize(values, [3, 128]));
    tensors.delete(`${name}.nested_absmax`);
    assert.throws(() => stored(tensors, (source) => readNf4(source, name)), /no tensor ".*\.nested_absmax"/);
  });
});
