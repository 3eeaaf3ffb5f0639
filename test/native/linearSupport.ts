/** A linear layer as the addon takes it, and what comes out of it, beside the same in float64. */
import type { Addon, LoraArguments, WeightArguments } from "../../sdk/backend/addon.ts";
import { dequantize, quantize } from "./nf4Reference.ts";
import { guarded, product, quarters } from "./support.ts";

/** A frozen weight as the addon takes it, and its values. */
export interface Weight {
  kind: string;
  args: WeightArguments;
  values: Float32Array;
}

export function weightOf(
  kind: string,
  out: number,
  inn: number,
  values = quarters(out * inn, out + inn),
): Weight {
  if (kind === "fp32") return { kind, args: [values, null], values };
  if (kind === "bf16") {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    const half = Uint16Array.from(bits, (b) => b >>> 16);
    const rounded = new Float32Array(Uint32Array.from(half, (h) => h << 16).buffer);
    return { kind, args: [half, null], values: rounded };
  }
  const { packed, absmax } = quantize(values);
  return { kind, args: [packed, absmax], values: dequantize(packed, absmax, out * inn) };
}

export const noLora: LoraArguments = [null, null, 0, 0, 0, 0];

/** The mask of native/cpu/dropout.h: element i is kept when hash(seed, i) >= floor(p 2^32). */
export function drop(x: Float32Array, p: number, seed: number): Float32Array {
  const threshold = Math.floor(Math.fround(p) * 2 ** 32);
  const kept = Math.fround(1 / Math.fround(1 - Math.fround(p)));
  return x.map((value, i) => {
    let h = (seed + Math.imul(i, 0x9e3779b1)) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0 >= threshold ? value * kept : 0;
  });
}

export interface Case {
  rows: number;
  out: number;
  inn: number;
  r: number;
  dropout: number;
}

export const seed = 0xfedcba98;

/** Forward and backward of one case on the addon and in float64. */
export function evaluate(
  addon: Addon,
  weight: Weight,
  c: Case,
  make: (n: number, seed: number) => Float32Array,
) {
  const { rows, out, inn, r } = c;
  const scale = 0.5;
  const x = make(rows * inn, 1);
  const dy = make(rows * out, 2);
  const a = make(r * inn, 3);
  const b = make(out * r, 4);
  const lora: LoraArguments = r ? [a, b, r, scale, c.dropout, seed] : noLora;
  const got = {
    y: guarded(rows * out),
    xa: guarded(rows * r),
    dx: guarded(rows * inn),
    dA: guarded(r * inn),
    dB: guarded(out * r),
  };
  const orNull = (g: { values: Float32Array }) => (r ? g.values : null);
  addon.linearForward(rows, inn, x, out, ...weight.args, ...lora, got.y.values, orNull(got.xa));
  addon.linearBackward(
    rows,
    out,
    inn,
    dy,
    x,
    orNull(got.xa),
    ...weight.args,
    ...lora,
    got.dx.values,
    orNull(got.dA),
    orNull(got.dB),
  );

  const dropped = drop(x, c.dropout, seed);
  const xa = product(dropped, a, rows, r, inn, false, true);
  const base = product(x, weight.values, rows, out, inn, false, true);
  const adapter = product(xa.values, b, rows, out, r, false, true);
  const dxa = product(dy, b, rows, r, out);
  const dB = product(dy, xa.values, out, r, rows, true, false);
  const dA = product(dxa.values, dropped, r, inn, rows, true, false);
  const through = product(dxa.values, a, rows, inn, r);
  const back = product(dy, weight.values, rows, inn, out);
  // drop() of ones is the derivative of drop().
  const slope = drop(new Float32Array(rows * inn).fill(1), c.dropout, seed);
  const expected = {
    y: base.values.map((v, i) => v + scale * (adapter.values[i] ?? 0)),
    xa: xa.values,
    dx: back.values.map((v, i) => v + scale * (through.values[i] ?? 0) * slope[i]!),
    dA: dA.values.map((v) => v * scale),
    dB: dB.values.map((v) => v * scale),
  };
  // Sums of absolute terms, and of the absolute terms inside those: what the rounding bounds scale with.
  const magnitude = {
    y: base.magnitude + adapter.magnitude + xa.magnitude * r,
    xa: xa.magnitude,
    dx: back.magnitude + 2 * (through.magnitude + dxa.magnitude * r),
    dA: dA.magnitude + 2 * dxa.magnitude * rows,
    dB: dB.magnitude + xa.magnitude * rows,
  };
  return { got, expected, magnitude };
}
