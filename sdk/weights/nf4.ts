/** A frozen weight in NF4, with its scales in float32 or double-quantised to 8 bits. */
import type { WeightArguments } from "../backend/addon.ts";
import { loadAddon } from "../backend/loadAddon.ts";
import { type DoubleQuantized, dequantizeScales, quantizeScales } from "./doubleQuant.ts";
import { dequantizeNf4, nf4Sizes, quantizeNf4 } from "./nf4Codec.ts";
import type { TensorPlace } from "./safetensors.ts";
import { type FrozenWeight, sampleArrays } from "./weight.ts";

/** What torch calls the floats that a weight had before quantisation; bitsandbytes dequantises to it. */
export type SourceDtype = "float32" | "float16" | "bfloat16";

export class NF4Weight implements FrozenWeight {
  readonly kind = "nf4";
  private decodedScales: Float32Array | undefined;

  /**
   * @param shape [out, in]
   * @param packed ceil(out * in / 2) bytes, two values each, the first in the high nibble
   * @param scales one absmax for 64 values of the flattened matrix: float32, or double-quantised
   * @param sourceDtype kept for saving only; all arithmetic here is float32
   * @throws when a length does not fit the shape
   */
  constructor(
    readonly shape: readonly [number, number],
    readonly packed: Uint8Array,
    readonly scales: Float32Array | DoubleQuantized,
    readonly sourceDtype: SourceDtype = "float32",
  ) {
    const { packedBytes, blocks } = nf4Sizes(shape[0] * shape[1]);
    const got = scales instanceof Float32Array ? scales.length : scales.codes.length;
    const nested = scales instanceof Float32Array ? null : scales.nestedAbsmax.length;
    const expectedNested = nested === null ? null : Math.ceil(blocks / 256);
    if (packed.length !== packedBytes || got !== blocks || nested !== expectedNested) {
      throw new Error(
        `NF4Weight: shape [${shape}] needs ${packedBytes} packed bytes and ${blocks} scales` +
          (nested === null ? "" : ` in ${expectedNested} groups`) +
          `, got ${packed.length} and ${got}${nested === null ? "" : ` in ${nested}`}`,
      );
    }
  }

  /**
   * Quantises row-major values [out * in]; by the addon where there is one, else by the same arithmetic here.
   *
   * @param options.doubleQuant scales in 8 bits, saving 0.37 bits a value. Default true.
   * @param options.sourceDtype what to write as the source's dtype when saved. Default "float32".
   * @throws when the length does not fit the shape, or a value is not finite
   */
  static quantize(
    values: Float32Array,
    shape: readonly [number, number],
    { doubleQuant = true, sourceDtype = "float32" as SourceDtype } = {},
  ): NF4Weight {
    const n = shape[0] * shape[1];
    if (values.length !== n) {
      throw new Error(`NF4Weight.quantize: shape [${shape}] needs ${n} values, got ${values.length}`);
    }
    checkFinite(values, shape);
    const { packedBytes, blocks } = nf4Sizes(n);
    const packed = new Uint8Array(packedBytes);
    const absmax = new Float32Array(blocks);
    (loadAddon()?.quantizeNf4 ?? quantizeNf4)(values, packed, absmax);
    return new NF4Weight(shape, packed, doubleQuant ? quantizeScales(absmax) : absmax, sourceDtype);
  }

  /** As `quantize`, of values that lie in a file: they are read in pieces, so only the result is in memory. */
  static quantizeFile(
    { file, offset, dtype }: TensorPlace,
    shape: readonly [number, number],
    { doubleQuant = true, sourceDtype = "float32" as SourceDtype } = {},
  ): NF4Weight {
    const n = shape[0] * shape[1];
    const { packedBytes, blocks } = nf4Sizes(n);
    const packed = new Uint8Array(packedBytes);
    const absmax = new Float32Array(blocks);
    const type = dtype as "F32" | "F16" | "BF16";
    const bad = loadAddon()!.quantizeNf4File(file, offset, type, n, packed, absmax);
    if (bad >= 0) throw notFinite("a value that is not", bad, shape);
    return new NF4Weight(shape, packed, doubleQuant ? quantizeScales(absmax) : absmax, sourceDtype);
  }

  /** Packed values and scales as stored, and the decoded scales once they were needed. */
  get bytes(): number {
    const { scales, decodedScales } = this;
    const stored =
      scales instanceof Float32Array
        ? scales.byteLength
        : scales.codes.byteLength + scales.nestedAbsmax.byteLength + Float32Array.BYTES_PER_ELEMENT;
    return this.packed.byteLength + stored + (decodedScales?.byteLength ?? 0);
  }

  /** The scales in float32 [ceil(out * in / 64)], decoded once. */
  get absmax(): Float32Array {
    if (this.scales instanceof Float32Array) return this.scales;
    this.decodedScales ??= dequantizeScales(this.scales);
    return this.decodedScales;
  }

  dequantize(): Float32Array {
    const values = new Float32Array(this.shape[0] * this.shape[1]);
    (loadAddon()?.dequantizeNf4 ?? dequantizeNf4)(this.packed, this.absmax, values);
    return values;
  }

  native(): WeightArguments {
    return [this.packed, this.absmax];
  }

  sample(): Uint8Array[] {
    return sampleArrays(this.native());
  }
}

function checkFinite(values: Float32Array, shape: readonly [number, number]): void {
  let probe = 0;
  // 0 for every finite value, NaN for the others: no branch in a loop over billions of values.
  for (let i = 0; i < values.length; i++) probe += values[i] * 0;
  if (probe === 0) return;
  const bad = values.findIndex((value) => !Number.isFinite(value));
  throw notFinite(values[bad], bad, shape);
}

function notFinite(value: number | string, at: number, [, columns]: readonly [number, number]): Error {
  return new Error(
    `expected finite values, got ${value} at row ${Math.floor(at / columns)}, ` +
      `column ${at % columns}: the weights are damaged, download them again`,
  );
}
