import { bfloat16ToFloat32, float32ToBfloat16 } from "../../sdk/backend/bfloat16.ts";
/** A frozen matrix in each storage that the ops read, beside its exact values. */
import { NF4Weight } from "../../sdk/weights/nf4.ts";
import { DenseWeight, type FrozenWeight } from "../../sdk/weights/weight.ts";

export interface NamedWeight {
  name: string;
  weight: FrozenWeight;
  /** Row-major [out * in]. */
  exact: Float32Array;
}

export function everyStorage(values: Float32Array, shape: readonly [number, number]): NamedWeight[] {
  const bits = float32ToBfloat16(values);
  const nf4 = NF4Weight.quantize(values, shape, { doubleQuant: false });
  const doubleQuant = NF4Weight.quantize(values, shape, { doubleQuant: true });
  return [
    { name: "float32", weight: new DenseWeight(shape, values), exact: values },
    { name: "bfloat16", weight: new DenseWeight(shape, bits), exact: bfloat16ToFloat32(bits) },
    { name: "NF4", weight: nf4, exact: nf4.dequantize() },
    { name: "NF4, double quantisation", weight: doubleQuant, exact: doubleQuant.dequantize() },
  ];
}
