/** What the tests of GPU kernels share that no op shows. */
import * as tf from "@tensorflow/tfjs";
import { bfloat16ToFloat32, float32ToBfloat16 } from "../../../sdk/backend/bfloat16.ts";
import type { CudaBackend } from "../../../sdk/backend/cuda/backend.ts";
import { bytesOf, type Cuda, type CudaTensor, sizeOf } from "../../../sdk/backend/cuda/cuda.ts";
import type { Storage } from "../../../sdk/backend/cuda/kernel.ts";
import { useDevice } from "../../../sdk/backend/device.ts";
import { noGpu } from "../../gpuHere.ts";

/** Runs `body` where there is a GPU, or the emulator; `cuda` may be called inside of a test. What tests take is freed. */
export function onCuda(name: string, body: (cuda: () => Cuda) => void): void {
  const problem = noGpu();
  if (problem !== undefined) {
    it(`${name}: skipped, ${problem}`);
    return;
  }
  describe(name, () => {
    const cuda = () => (tf.backend() as CudaBackend).cuda;
    before(() => useDevice("cuda", { compute: "bfloat16" }));
    afterEach(() => cuda().endOp());
    after(() => tf.setBackend("cpu"));
    body(cuda);
  });
}

/** A tensor with these values, rounded where storage is bfloat16; freed after the test. */
export function upload(
  cuda: Cuda,
  values: Float32Array,
  storage: Storage = "float32",
  shape = [values.length],
): CudaTensor {
  const tensor = cuda.allocate(shape, storage);
  cuda.driver.upload(tensor.address, storage === "float32" ? values : float32ToBfloat16(values));
  return tensor;
}

export function download(cuda: Cuda, { shape, storage, address }: CudaTensor): Float32Array {
  const raw = storage === "float32" ? new Float32Array(sizeOf(shape)) : new Uint16Array(sizeOf(shape));
  cuda.driver.download(address, raw);
  return raw instanceof Float32Array ? raw : bfloat16ToFloat32(raw);
}

/** The values as they are stored. */
export function stored(values: Float32Array, storage: Storage): Float32Array {
  return storage === "float32" ? values : bfloat16ToFloat32(float32ToBfloat16(values));
}

/** A tensor that begins `values` values further on. */
export function shifted(tensor: CudaTensor, values: number): CudaTensor {
  return { ...tensor, address: tensor.address + values * bytesOf(tensor.storage) };
}
