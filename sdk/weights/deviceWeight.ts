/** Frozen weights in GPU memory: how they get there, and how they are quantised there. */
import type { WeightArguments } from "../backend/addon.ts";
import type { Cuda, CudaTensor } from "../backend/cuda/cuda.ts";
import { cudaKernel, cudaKernels, type Storage } from "../backend/cuda/kernel.ts";
import { DYNAMIC_MAP, SCALE_BLOCK } from "./doubleQuant.ts";
import { NF4Weight } from "./nf4.ts";
import { nf4Sizes } from "./nf4Codec.ts";
import { toBfloat16 } from "./safetensors.ts";
import { StoredWeight } from "./storedWeight.ts";
import { DenseWeight, type FrozenWeight, SAMPLE_BYTES, sampleOffsets } from "./weight.ts";

/** A matrix [out, in] on the GPU. Addresses that a kind does not have are 0. */
export interface DeviceWeight {
  kind: "dense" | "nf4";
  shape: readonly [number, number];
  /** Of the values; where kind is "nf4", of those that it was made from. */
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
  /** Everything that was allocated for it, `dense` too. */
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

const uploaded = new WeakMap<FrozenWeight, DeviceWeight>();
const release = new FinalizationRegistry<{ cuda: Cuda; device: DeviceWeight }>(({ cuda, device }) => {
  for (const address of device.addresses) cuda.memory.give(address);
  cuda.kept.delete(device);
});

/** The frozen weight in GPU memory: taken there at its first use, and kept as long as the weight. */
export function deviceWeight(cuda: Cuda, frozen: FrozenWeight): DeviceWeight {
  if (frozen instanceof DeviceNF4Weight) return frozen.device;
  let device = uploaded.get(frozen);
  if (!device) {
    device = uploadWeight(cuda, frozen);
    uploaded.set(frozen, device);
    release.register(frozen, { cuda, device });
  }
  return device;
}

/** Bytes that the weight will take in GPU memory at its first use; 0 where it is there. */
export function bytesToUpload(frozen: FrozenWeight): number {
  return frozen instanceof DeviceNF4Weight || uploaded.has(frozen) ? 0 : frozen.bytes;
}

/** Bytes of the copy that a product of activations in `storage` makes of the weight; 0 where it reads it as it is. */
export function copyBytes(frozen: FrozenWeight, storage: Storage): number {
  const [out, inn] = frozen.shape;
  const { dtype } = frozen instanceof StoredWeight ? frozen.place : { dtype: undefined };
  const isFloat32 = dtype === "F32" || (frozen instanceof DenseWeight && frozen.data instanceof Float32Array);
  if (frozen.kind === "dense" && isFloat32 === (storage === "float32")) return 0;
  return out * inn * (storage === "float32" ? 4 : 2);
}

const NO_SCALES = { absmax: 0, codes: 0, nestedAbsmax: 0, map: 0, offset: 0 };

/** A stored weight goes from its file to the GPU without passing through JavaScript. */
function uploadStored(cuda: Cuda, stored: StoredWeight): DeviceWeight {
  stored.check();
  const { dtype, file, offset, byteLength } = stored.place;
  const storage = dtype === "F32" ? "float32" : "bfloat16";
  const data = cuda.memory.take(Math.max(byteLength, 1));
  if (dtype === "F16") cuda.driver.upload(data, toBfloat16(stored.read(), stored.name));
  else cuda.driver.uploadFile(data, file, offset, byteLength);
  return { kind: "dense", shape: stored.shape, storage, data, ...NO_SCALES, addresses: [data] };
}

function uploadWeight(cuda: Cuda, frozen: FrozenWeight): DeviceWeight {
  if (frozen instanceof StoredWeight) return uploadStored(cuda, frozen);
  const addresses: number[] = [];
  const upload = (array: Float32Array | Uint16Array | Uint8Array) => {
    const address = cuda.memory.take(Math.max(array.byteLength, 1));
    cuda.driver.upload(address, array);
    addresses.push(address);
    return address;
  };
  const { shape } = frozen;
  if (frozen instanceof DenseWeight) {
    const storage = frozen.data instanceof Float32Array ? "float32" : "bfloat16";
    return { kind: "dense", shape, storage, data: upload(frozen.data), ...NO_SCALES, addresses };
  }
  if (!(frozen instanceof NF4Weight)) throw new Error(`cuda: a weight of kind "${frozen.kind}" is unknown`);
  const { scales } = frozen;
  const own =
    scales instanceof Float32Array
      ? { absmax: upload(scales) }
      : {
          codes: upload(scales.codes),
          nestedAbsmax: upload(scales.nestedAbsmax),
          map: isDynamicMap(scales.map) ? cuda.constant(DYNAMIC_MAP, true) : upload(scales.map),
          offset: upload(Float32Array.of(scales.offset)),
        };
  const data = upload(frozen.packed);
  return { kind: "nf4", shape, storage: "bfloat16", data, ...NO_SCALES, ...own, addresses };
}

/** Weights that have the usual map share one copy of it: a kernel for many weights takes one. */
function isDynamicMap(map: Float32Array): boolean {
  return (
    map === DYNAMIC_MAP || (map.length === DYNAMIC_MAP.length && map.every((v, i) => v === DYNAMIC_MAP[i]))
  );
}

const DEQUANTIZE = cudaKernels("nf4", "dequantizeNf4", `p${SCALE_SIGNATURE}iip`);
const QUANTIZE = cudaKernels("nf4", "quantizeNf4", "piippp");
const SCALE_SUMS = cudaKernel("nf4", "nf4ScaleSums", "pip");
const SCALE_MEAN = cudaKernel("nf4", "nf4ScaleMean", "piip");
const QUANTIZE_SCALES = cudaKernel("nf4", "quantizeNf4Scales", "pipppp");

/** Blocks of the first stage of the sum of the scales; the order of the sum depends on it. */
const SUM_BLOCKS = 256;

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
    weight.addresses.push(values.address);
    weight.dense = values;
    cuda.kept.add(weight);
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
    ...{ kind: "nf4", shape, storage: values.storage, data, absmax },
    ...{ codes: 0, nestedAbsmax: 0, map: 0, offset: 0, addresses: [data, absmax] },
  };
  if (blocks > 0) {
    const args = [values.address, out, inn, data, absmax, damaged];
    cuda.launch(QUANTIZE[values.storage], Math.ceil((out * inn) / 2048), 256, args);
  }
  if (!doubleQuant || blocks === 0) return weight;

  const groups = Math.ceil(blocks / SCALE_BLOCK);
  const [codes, nestedAbsmax, offset, partials] = [
    take(blocks),
    take(4 * groups),
    take(4),
    take(8 * SUM_BLOCKS),
  ];
  const map = cuda.constant(DYNAMIC_MAP, true);
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

/** An NF4 weight that was quantised on the GPU and lives there only. */
export class DeviceNF4Weight implements FrozenWeight {
  readonly kind = "nf4";
  readonly shape: readonly [number, number];

  /** Takes `device` over. */
  constructor(
    private readonly cuda: Cuda,
    readonly device: DeviceWeight,
  ) {
    this.shape = device.shape;
    release.register(this, { cuda, device });
  }

  get bytes(): number {
    const { packedBytes, blocks } = nf4Sizes(this.shape[0] * this.shape[1]);
    const groups = Math.ceil(blocks / SCALE_BLOCK);
    return packedBytes + (this.device.absmax ? 4 * blocks : blocks + 4 * groups + 4);
  }

  /** A copy on the host. */
  toHost(): NF4Weight {
    const { driver } = this.cuda;
    const { data, absmax, codes, nestedAbsmax, map, offset } = this.device;
    const { packedBytes, blocks } = nf4Sizes(this.shape[0] * this.shape[1]);
    const bytes = (address: number, length: number) => {
      const target = new Uint8Array(length);
      if (length > 0) driver.download(address, target);
      return target;
    };
    const floats = (address: number, length: number) => new Float32Array(bytes(address, 4 * length).buffer);
    const scales = absmax
      ? floats(absmax, blocks)
      : {
          codes: bytes(codes, blocks),
          nestedAbsmax: floats(nestedAbsmax, Math.ceil(blocks / SCALE_BLOCK)),
          map: floats(map, 256),
          offset: floats(offset, 1)[0],
        };
    return new NF4Weight(this.shape, bytes(data, packedBytes), scales, this.device.storage);
  }

  dequantize(): Float32Array {
    return this.toHost().dequantize();
  }

  native(): WeightArguments {
    throw new Error('this weight was quantised on the GPU; load the model again on device "native"');
  }

  sample(): Uint8Array[] {
    const { packedBytes } = nf4Sizes(this.shape[0] * this.shape[1]);
    return sampleOffsets(packedBytes).map((at) => {
      const piece = new Uint8Array(Math.min(SAMPLE_BYTES, packedBytes - at));
      this.cuda.driver.download(this.device.data + at, piece);
      return piece;
    });
  }
}

/**
 * Quantises weights on the GPU, one after another: what is in files streams through it, and neither the host nor the
 * GPU ever holds two of them dense.
 *
 * @param weights by the names that errors give
 * @throws when a value is not finite; names every damaged weight
 */
export function quantizeWeightsOnDevice(
  cuda: Cuda,
  weights: ReadonlyMap<string, FrozenWeight>,
  doubleQuant: boolean,
): Map<string, DeviceNF4Weight> {
  const flags = cuda.memory.take(4 * weights.size);
  cuda.driver.fill(flags, 0, weights.size);
  const quantized = new Map<string, DeviceNF4Weight>();
  for (const [name, weight] of weights) {
    const source = uploadWeight(cuda, weight);
    const damaged = flags + 4 * quantized.size;
    const values = { address: source.data, storage: source.storage };
    const device = quantizeOnDevice(cuda, values, weight.shape, { doubleQuant, damaged });
    for (const address of source.addresses) cuda.memory.give(address);
    quantized.set(name, new DeviceNF4Weight(cuda, device));
  }
  const found = new Int32Array(weights.size);
  if (found.length > 0) cuda.driver.download(flags, found);
  cuda.memory.give(flags);
  const bad = [...weights.keys()].filter((_, i) => found[i] !== 0);
  if (bad.length > 0) {
    throw new Error(
      `quantize: expected finite values, got NaN or infinity in ${bad.join(", ")}: the weights are damaged, download them again`,
    );
  }
  return quantized;
}
