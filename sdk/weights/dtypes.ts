/** The element types of safetensors files, and their way to float32 and bfloat16. */
import { bfloat16ToFloat32, float32ToBfloat16 } from "../backend/bfloat16.ts";
import { float16ToFloat32 } from "./float16.ts";

/** Values as stored: F16 and BF16 are their bits, the 8-bit floats and BOOL are their bytes. */
export type TensorData =
  | Float64Array
  | Float32Array
  | Uint32Array
  | Int32Array
  | Uint16Array
  | Int16Array
  | Uint8Array
  | Int8Array
  | BigInt64Array
  | BigUint64Array;

/**
 * Bytes of one value and how to see a buffer as values. The order is that of safetensors' own list (by alignment):
 * its writer puts the last of these first in a file, and ours does the same.
 */
const TYPES = {
  BOOL: { bytes: 1, view: (buffer: ArrayBuffer) => new Uint8Array(buffer) },
  U8: { bytes: 1, view: (buffer: ArrayBuffer) => new Uint8Array(buffer) },
  I8: { bytes: 1, view: (buffer: ArrayBuffer) => new Int8Array(buffer) },
  F8_E5M2: { bytes: 1, view: (buffer: ArrayBuffer) => new Uint8Array(buffer) },
  F8_E4M3: { bytes: 1, view: (buffer: ArrayBuffer) => new Uint8Array(buffer) },
  I16: { bytes: 2, view: (buffer: ArrayBuffer) => new Int16Array(buffer) },
  U16: { bytes: 2, view: (buffer: ArrayBuffer) => new Uint16Array(buffer) },
  F16: { bytes: 2, view: (buffer: ArrayBuffer) => new Uint16Array(buffer) },
  BF16: { bytes: 2, view: (buffer: ArrayBuffer) => new Uint16Array(buffer) },
  I32: { bytes: 4, view: (buffer: ArrayBuffer) => new Int32Array(buffer) },
  U32: { bytes: 4, view: (buffer: ArrayBuffer) => new Uint32Array(buffer) },
  F32: { bytes: 4, view: (buffer: ArrayBuffer) => new Float32Array(buffer) },
  F64: { bytes: 8, view: (buffer: ArrayBuffer) => new Float64Array(buffer) },
  I64: { bytes: 8, view: (buffer: ArrayBuffer) => new BigInt64Array(buffer) },
  U64: { bytes: 8, view: (buffer: ArrayBuffer) => new BigUint64Array(buffer) },
} satisfies Record<string, { bytes: number; view: (buffer: ArrayBuffer) => TensorData }>;

export type Dtype = keyof typeof TYPES;

/** All known element types, in safetensors' order of alignment. */
export const DTYPES = Object.keys(TYPES) as Dtype[];

export function isDtype(name: unknown): name is Dtype {
  return typeof name === "string" && Object.hasOwn(TYPES, name);
}

/** Bytes of one value. */
export function dtypeBytes(dtype: Dtype): number {
  return TYPES[dtype].bytes;
}

/** A whole buffer as values of the type; not a copy. */
export function viewAs(dtype: Dtype, buffer: ArrayBuffer): TensorData {
  return TYPES[dtype].view(buffer);
}

/** A tensor in memory: row-major values. */
export interface TensorValue {
  dtype: Dtype;
  shape: readonly number[];
  data: TensorData;
}

/**
 * The values as float32: exact from F16 and BF16, rounded from F64. Not a copy when they are F32 already.
 *
 * @param where names the tensor in the error
 * @throws when the tensor does not hold floats
 */
export function toFloat32(tensor: TensorValue, where: string): Float32Array {
  const { dtype, data } = tensor;
  if (dtype === "F32" && data instanceof Float32Array) return data;
  if (dtype === "BF16" && data instanceof Uint16Array) return bfloat16ToFloat32(data);
  if (dtype === "F16" && data instanceof Uint16Array) return float16ToFloat32(data);
  if (dtype === "F64" && data instanceof Float64Array) return Float32Array.from(data);
  throw new Error(`${where}: expected floats (F32, F16, BF16 or F64), got ${dtype}`);
}

/** The upper 16 bits of each value: exact from BF16, rounded to nearest even from the others. */
export function toBfloat16(tensor: TensorValue, where: string): Uint16Array {
  if (tensor.dtype === "BF16" && tensor.data instanceof Uint16Array) return tensor.data;
  return float32ToBfloat16(toFloat32(tensor, where));
}

/** The upper 16 bits of each value where that loses nothing; undefined where it would, and for F32 and F64. */
export function exactBfloat16(tensor: TensorValue, where: string): Uint16Array | undefined {
  if (tensor.dtype === "BF16") return toBfloat16(tensor, where);
  if (tensor.dtype !== "F16") return undefined;
  const values = toFloat32(tensor, where);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return bits.every((word) => (word & 0xffff) === 0) ? float32ToBfloat16(values) : undefined;
}
