/** Frozen weights in device memory. */
import { DYNAMIC_MAP } from "../../weights/doubleQuant.ts";
import { NF4Weight } from "../../weights/nf4.ts";
import { nf4Sizes } from "../../weights/nf4Codec.ts";
import { DenseWeight, type FrozenWeight } from "../../weights/weight.ts";
import type { Cuda, CudaTensor } from "./cuda.ts";
import { cudaKernel, cudaKernels, type Storage } from "./kernel.ts";

/** A matrix [out, in] on the GPU. Addresses that a kind does not have are 0. */
export interface DeviceWeight {
  kind: "dense" | "nf4";
  shape: readonly [number, number];
  /** Of the values, where kind is "dense". */
  storage: Storage;
  /** Values, or packed nibbles (two a byte, the first high). */
  data: number;
  /** NF4: float32 scale of each block of 64 values; 0 where the scales are double-quantised. */
  absmax: number;
  /** NF4 with double quantisation: a scale is map[codes[block]] * nestedAbsmax[block / 256] + offset. */
  codes: number;
  nestedAbsmax: number;
  /** 256 float32: the 8-bit dynamic map. */
  map: number;
  /** One float32: a weight that was quantised on the GPU never sends it to the host. */
  offset: number;
  /** Everything that was allocated for it. */
  addresses: number[];
  /** Its values as activations are stored, where they are kept (`Cuda.keepDequantized`). */
  dense?: CudaTensor;
}

/** The five arguments by which kernels get the scales of an NF4 weight (struct Nf4Scales, native/cuda/nf4.cuh). */
export function scaleArguments(weight: DeviceWeight): number[] {
  return [weight.absmax, weight.codes, weight.nestedAbsmax, weight.map, weight.offset];
}
/** The letters of `scaleArguments` in a kernel's signature. */
export const SCALE_SIGNATURE = "ppppp";

export function uploadWeight(cuda: Cuda, frozen: FrozenWeight): DeviceWeight {
  const addresses: number[] = [];
  const upload = (array: Float32Array | Uint16Array | Uint8Array) => {
    const address = cuda.memory.take(Math.max(array.byteLength, 1));
    cuda.driver.upload(address, array);
    addresses.push(address);
    return address;
  };
  const none = { absmax: 0, codes: 0, nestedAbsmax: 0, map: 0, offset: 0 };
  const { shape } = frozen;
  if (frozen instanceof DenseWeight) {
    const storage = frozen.data instanceof Float32Array ? "float32" : "bfloat16";
    return { kind: "dense", shape, storage, data: upload(frozen.data), ...none, addresses };
  }
  if (!(frozen instanceof NF4Weight)) throw new Error(`cuda: a weight of kind "${frozen.kind}" is unknown`);
  const { scales } = frozen;
  const own =
    scales instanceof Float32Array
      ? { absmax: upload(scales) }
      : {
          codes: upload(scales.codes),
          nestedAbsmax: upload(scales.nestedAbsmax),
          map: upload(scales.map),
          offset: upload(Float32Array.of(scales.offset)),
        };
  const data = upload(frozen.packed);
  return { kind: "nf4", shape, storage: "bfloat16", data, ...none, ...own, addresses };
}

const DEQUANTIZE = cudaKernels("nf4", "dequantizeNf4", `p${SCALE_SIGNATURE}iip`);
const QUANTIZE = cudaKernels("nf4", "quantizeNf4", "piippp");
const SCALE_SUMS = cudaKernel("nf4", "nf4ScaleSums", "pip");
const SCALE_MEAN = cudaKernel("nf4", "nf4ScaleMean", "piip");
const QUANTIZE_SCALES = cudaKernel("nf4", "quantizeNf4Scales", "pipppp");

/** Blocks of the first stage of the sum of the scales; the order of the sum depends on it. */
const SUM_BLOCKS = 256;

/** Gives the kept dense values back when their weight is gone. */
const keptValues = new FinalizationRegistry<{ cuda: Cuda; address: number }>(({ cuda, address }) =>
  cuda.memory.give(address),
);

/**
 * The values of the weight [out, in] in `storage`, for a product: where they are, or expanded for this op, or expanded
 * once where `cuda.keepDequantized` says so.
 */
export function denseWeight(
  cuda: Cuda,
  weight: DeviceWeight,
  storage: Storage = cuda.activation,
): CudaTensor {
  const shape = [...weight.shape];
  if (weight.kind === "dense" && weight.storage === storage) return { shape, storage, address: weight.data };
  if (weight.dense?.storage === storage) return weight.dense;
  const values = cuda.allocate(shape, storage);
  const [out, inn] = shape;
  if (weight.kind === "dense") {
    cuda.convert({ shape, storage: weight.storage, address: weight.data }, values);
  } else if (out * inn > 0) {
    const args = [weight.data, ...scaleArguments(weight), out, inn, values.address];
    cuda.launch(DEQUANTIZE[storage], Math.ceil((out * inn) / 16384), 256, args);
  }
  if (cuda.keepDequantized && !weight.dense) {
    cuda.keep(values.address);
    keptValues.register(weight, { cuda, address: values.address });
    weight.dense = values;
  }
  return values;
}

export interface QuantizeOnDeviceOptions {
  /** Scales in 8 bits. Default true. */
  doubleQuant?: boolean;
  /** Address of an int32 that becomes 1 when a value is not finite, for the caller to look at later. Default: none. */
  damaged?: number;
}

/**
 * Quantises row-major values in GPU memory to NF4, byte for byte as `NF4Weight.quantize`, and waits for nothing: the
 * values' memory may be given back or written by later work at once. The caller owns the weight's `addresses`.
 *
 * @param values at a multiple of 16 bytes
 * @param shape [out, in]
 */
export function quantizeOnDevice(
  cuda: Cuda,
  values: { address: number; storage: Storage },
  shape: readonly [number, number],
  { doubleQuant = true, damaged = 0 }: QuantizeOnDeviceOptions = {},
): DeviceWeight {
  const [out, inn] = shape;
  const { packedBytes, blocks } = nf4Sizes(out * inn);
  const take = (bytes: number) => cuda.memory.take(Math.max(bytes, 1));
  const [data, absmax] = [take(packedBytes), take(4 * blocks)];
  const weight: DeviceWeight = {
    ...{ kind: "nf4", shape, storage: "bfloat16", data, absmax },
    ...{ codes: 0, nestedAbsmax: 0, map: 0, offset: 0, addresses: [data, absmax] },
  };
  if (blocks > 0) {
    const args = [values.address, out, inn, data, absmax, damaged];
    cuda.launch(QUANTIZE[values.storage], Math.ceil((out * inn) / 2048), 256, args);
  }
  if (!doubleQuant || blocks === 0) return weight;

  const groups = Math.ceil(blocks / 256);
  const [codes, nestedAbsmax, offset, partials] = [
    take(blocks),
    take(4 * groups),
    take(4),
    take(8 * SUM_BLOCKS),
  ];
  const map = cuda.constant(DYNAMIC_MAP);
  cuda.launch(SCALE_SUMS, SUM_BLOCKS, 256, [absmax, blocks, partials]);
  cuda.launch(SCALE_MEAN, 1, 256, [partials, SUM_BLOCKS, blocks, offset]);
  cuda.launch(QUANTIZE_SCALES, groups, 256, [absmax, blocks, offset, map, codes, nestedAbsmax]);
  // Work runs in the order of the calls, so what is no longer needed may be given back now.
  cuda.memory.give(partials);
  cuda.memory.give(absmax);
  return {
    ...weight,
    absmax: 0,
    codes,
    nestedAbsmax,
    map,
    offset,
    addresses: [data, codes, nestedAbsmax, offset],
  };
}
