/**
 * NF4 weights in safetensors files, as bitsandbytes lays them out: beside the packed `NAME` lie `NAME.absmax`,
 * `NAME.quant_map`, with double quantisation `NAME.nested_absmax` and `NAME.nested_quant_map`, and the rest as JSON
 * in the bytes of `NAME.quant_state.bitsandbytes__nf4`.
 */
import { z } from "zod";
import { SCALE_BLOCK } from "./doubleQuant.ts";
import { NF4Weight } from "./nf4.ts";
import { NF4_BLOCK, NF4_LEVELS } from "./nf4Codec.ts";
import type { TensorSource, TensorToWrite } from "./safetensors.ts";

const STATE = "quant_state.bitsandbytes__nf4";

const quantState = z.object({
  quant_type: z.literal("nf4"),
  blocksize: z.literal(NF4_BLOCK),
  dtype: z.enum(["float32", "float16", "bfloat16"]),
  shape: z.tuple([z.int().positive(), z.int().positive()]),
  nested_blocksize: z.literal(SCALE_BLOCK).optional(),
  nested_dtype: z.literal("float32").optional(),
  nested_offset: z.number().optional(),
});

/** True when the tensor `name` (such as "model.layers.0.self_attn.q_proj.weight") is in bitsandbytes' NF4. */
export function isNf4(source: TensorSource, name: string): boolean {
  return source.tensors.has(`${name}.${STATE}`);
}

/** The shape [out, in] of the NF4 weight `name`: its packed bytes have another. @throws as `readNf4` does */
export function nf4Shape(source: TensorSource, name: string): readonly [number, number] {
  return parseState(bytesOf(source, `${name}.${STATE}`), `${source.path}: "${name}"`).shape;
}

/**
 * Reads the NF4 weight `name`.
 *
 * @throws when a part is missing or is not what NF4 in blocks of 64 needs; lists every problem of the quant_state
 */
export function readNf4(source: TensorSource, name: string): NF4Weight {
  const where = `${source.path}: "${name}"`;
  const state = parseState(bytesOf(source, `${name}.${STATE}`), where);
  const map = floatsOf(source, `${name}.quant_map`);
  // bitsandbytes' kernels have the levels built in and do not look at the map; another one is another format.
  if (map.length !== 16 || map.some((level, i) => Math.abs(level - NF4_LEVELS[i]) > 1e-6)) {
    throw new Error(`${where}.quant_map: expected the 16 levels of NF4, got [${map}]`);
  }
  const packed = bytesOf(source, name);
  if (state.nested_offset === undefined) {
    return new NF4Weight(state.shape, packed, floatsOf(source, `${name}.absmax`), state.dtype);
  }
  const nestedMap = floatsOf(source, `${name}.nested_quant_map`);
  if (nestedMap.length !== 256) {
    throw new Error(`${where}.nested_quant_map: expected 256 values, got ${nestedMap.length}`);
  }
  const scales = {
    codes: bytesOf(source, `${name}.absmax`),
    nestedAbsmax: floatsOf(source, `${name}.nested_absmax`),
    offset: Math.fround(state.nested_offset),
    map: nestedMap,
  };
  return new NF4Weight(state.shape, packed, scales, state.dtype);
}

/** The tensors of the NF4 weight `name`, to be written to a safetensors file. */
export function nf4Tensors(name: string, weight: NF4Weight): Map<string, TensorToWrite> {
  const { packed, scales, shape, sourceDtype } = weight;
  const tensors = new Map<string, TensorToWrite>([
    [name, { dtype: "U8", shape: [packed.length, 1], data: packed }],
    [`${name}.quant_map`, { dtype: "F32", shape: [16], data: NF4_LEVELS }],
  ]);
  let state = `"quant_type": "nf4", "blocksize": ${NF4_BLOCK}, "dtype": "${sourceDtype}", "shape": [${shape.join(", ")}]`;
  if (scales instanceof Float32Array) {
    tensors.set(`${name}.absmax`, { dtype: "F32", shape: [scales.length], data: scales });
  } else {
    const { codes, nestedAbsmax, map, offset } = scales;
    tensors.set(`${name}.absmax`, { dtype: "U8", shape: [codes.length], data: codes });
    tensors.set(`${name}.nested_absmax`, { dtype: "F32", shape: [nestedAbsmax.length], data: nestedAbsmax });
    tensors.set(`${name}.nested_quant_map`, { dtype: "F32", shape: [map.length], data: map });
    state += `, "nested_blocksize": ${SCALE_BLOCK}, "nested_dtype": "float32", "nested_offset": ${pythonFloat(offset)}`;
  }
  const bytes = new TextEncoder().encode(`{${state}}`);
  return tensors.set(`${name}.${STATE}`, { dtype: "U8", shape: [bytes.length], data: bytes });
}

function parseState(bytes: Uint8Array, where: string): z.output<typeof quantState> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new Error(`${where}.${STATE}: expected JSON, got ${(error as Error).message}: download it again`);
  }
  const result = quantState.safeParse(json);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    const got = (json as Record<string, unknown> | null)?.[String(issue.path[0])];
    return `${issue.path.join(".")}: ${issue.message}, got ${JSON.stringify(got)}`;
  });
  throw new Error(`${where}.${STATE}: ${problems.join("; ")}: only NF4 in blocks of 64 can be read`);
}

/** The bytes, whatever dtype they are stored as: for sharded training bitsandbytes stores packed values as floats. */
function bytesOf(source: TensorSource, name: string): Uint8Array {
  const { data } = source.read(name);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function floatsOf(source: TensorSource, name: string): Float32Array {
  const { dtype, data } = source.read(name);
  if (data instanceof Float32Array) return data;
  throw new Error(`${source.path}: "${name}": expected F32, got ${dtype}`);
}

/** As Python's json.dumps writes it, so that the bytes are bitsandbytes' own: 1e-05, 2.0, 0.0001. */
function pythonFloat(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e16) return Object.is(value, -0) ? "-0.0" : `${value}.0`;
  const magnitude = Math.abs(value);
  if (magnitude >= 1e-4 && magnitude < 1e16) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}
