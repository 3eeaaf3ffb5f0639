/** What the launches of linear layers over a few rows have in common (native/cuda/few.cuh). */
import type { Cuda, CudaTensor } from "../../backend/cuda/cuda.ts";
import { type DeviceWeight, SCALE_SIGNATURE, scaleArguments } from "../../weights/deviceWeight.ts";
import type { CudaLora } from "./adapter.ts";

/** The most rows. */
export const FEW_ROWS = 8;
/** The most layers of a launch. */
export const MOST_LAYERS = 3;
/** The greatest rank that a launch on the matrix units takes with it. */
export const SMALL_RANK = 16;

export interface FewLayer {
  /** [out, in], a tensor in float32 or bfloat16. */
  weight: DeviceWeight | CudaTensor;
  lora?: CudaLora & {
    /** float32 [rows, r]: becomes drop(x) A^T. */
    xa: CudaTensor;
  };
  /** [rows, out]: what is added. Default: nothing. */
  residual?: CudaTensor;
  /** [rows, out]: becomes [residual +] x W^T + scale xa B^T. It may be the residual. */
  y: CudaTensor;
}

/** Of each of MOST_LAYERS layers: w, its scales, a, b, out, r, scale, dropout, seed, xa, residual, y. */
export const LAYERS_SIGNATURE = `p${SCALE_SIGNATURE}ppiiffuppp`.repeat(MOST_LAYERS);
const NO_LAYER = new Array<number>(16).fill(0);

/** The arguments of LAYERS_SIGNATURE, for rows of the layers' tensors from `firstRow` on. */
export function layersArguments(layers: readonly FewLayer[], firstRow = 0): number[] {
  return Array.from({ length: MOST_LAYERS }, (_, i) =>
    i < layers.length ? layerArguments(layers[i], firstRow) : NO_LAYER,
  ).flat();
}

function layerArguments({ weight, lora, residual, y }: FewLayer, firstRow: number): number[] {
  const [w, scales] =
    "kind" in weight ? [weight.data, scaleArguments(weight)] : [weight.address, [0, 0, 0, 0, 0]];
  const out = y.shape[1];
  const row = (tensor: CudaTensor) =>
    tensor.address + firstRow * tensor.shape[1] * (tensor.storage === "float32" ? 4 : 2);
  const update = lora
    ? [lora.a.address, lora.b.address, out, lora.r, lora.scale, lora.dropout, lora.seed, row(lora.xa)]
    : [0, 0, out, 0, 0, 0, 0, 0];
  return [w, ...scales, ...update, residual ? row(residual) : 0, row(y)];
}

export function ranksOf(layers: readonly FewLayer[]): number {
  return layers.reduce((sum, { lora }) => sum + (lora?.r ?? 0), 0);
}

/** Words of xa on their way between blocks (struct Handoff), which launches in turn share. */
const HANDOFF_WORDS = MOST_LAYERS * SMALL_RANK * FEW_ROWS;
const handoffs = new WeakMap<Cuda, number>();

export function handoffOf(cuda: Cuda): number {
  let address = handoffs.get(cuda);
  if (address === undefined) {
    address = cuda.memory.take(4 * (HANDOFF_WORDS + 1));
    cuda.driver.fill(address, 0xffffffff, HANDOFF_WORDS);
    cuda.driver.fill(address + 4 * HANDOFF_WORDS, 0, 1);
    handoffs.set(cuda, address);
  }
  return address;
}
