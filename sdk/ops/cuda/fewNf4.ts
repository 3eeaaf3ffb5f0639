/** How native/cuda/fewNf4.cu is launched: linear layers for up to 8 rows over 4-bit weights, norm and SwiGLU included. */
import type { Cuda, CudaTensor } from "../../backend/cuda/cuda.ts";
import { type CudaKernel, cudaKernel } from "../../backend/cuda/kernel.ts";
import {
  type FewLayer,
  handoffOf,
  LAYERS_SIGNATURE,
  layersArguments,
  ranksOf,
  SMALL_RANK,
} from "./fewLayer.ts";

// x, rows, in, firstRow, tilesOfBlock, gamma, eps, gated, handoff, layers
const SIGNATURE = `piiiipfip${LAYERS_SIGNATURE}`;
const kernelOf = (name: string) => cudaKernel("fewNf4", name, SIGNATURE, true);
/** By the form of the scales, then for up to 4 rows and for more. */
const KERNELS: Record<"absmax" | "nested", { narrow: CudaKernel; wide: CudaKernel }> = {
  absmax: { narrow: kernelOf("fewNf4Absmax"), wide: kernelOf("fewNf4AbsmaxWide") },
  nested: { narrow: kernelOf("fewNf4Nested"), wide: kernelOf("fewNf4NestedWide") },
};
const NARROW_ROWS = 4;

// As in the kernel.
const WARPS = 8;
const TABLES_BYTES = 256 * 32 * 4 + 3 * 256 * 4;
const PIECES_BYTES = WARPS * 2 * (4 * 32 * 16 + 256);
const PIECE = 256;
const MOST_TILES = 32;
/** At least what a block has beside its dynamic shared memory: static, and what the driver takes. */
const OTHER_SHARED_BYTES = 8192;

export interface FewNf4Options {
  /** The layers read rmsNorm(x, gamma, eps); gamma float32 [in]. Default: they read x. */
  norm?: { gamma: CudaTensor; eps: number };
  /** The two layers are gate and up: the first y becomes silu(gate) * up, the second is not written. Default false. */
  gated?: boolean;
}

/** Whether `fewNf4` takes layers of `in` columns with adapters of these ranks (0: none). */
export function fitsFewNf4(inn: number, ranks: readonly number[]): boolean {
  return inn > 0 && inn % PIECE === 0 && ranks.every((r) => r <= SMALL_RANK);
}

/**
 * One launch for up to 3 layers of 4-bit weights; more where so many rows of x do not fit shared memory.
 *
 * @param x bfloat16 [rows, in], as residuals and ys are
 * @param layers as `fitsFewNf4` wants them, all with scales of one form
 */
export function fewNf4(
  cuda: Cuda,
  x: CudaTensor,
  layers: readonly FewLayer[],
  { norm, gated = false }: FewNf4Options = {},
): void {
  const [rows, inn] = x.shape;
  const unit = gated ? 2 : 1;
  const tiles = layers.reduce((sum, { y }) => sum + Math.ceil(y.shape[1] / 16), 0);
  const rank = Math.max(...layers.map(({ lora }) => lora?.r ?? 0));
  const makers = ranksOf(layers);
  const room = { units: tiles / unit, unit, inn, rank, makers };
  const isNested = layers.map(({ weight }) => "kind" in weight && weight.absmax === 0);
  if (isNested.some((nested) => nested !== isNested[0])) {
    throw new Error(
      "fewNf4: expected scales of one form in all layers, got some in 8 bits and some in float32",
    );
  }
  let atOnce = rows;
  while (atOnce > 1 && !shareOf(cuda, atOnce, room)) atOnce--;
  for (let first = 0; first < rows; first += atOnce) {
    const count = Math.min(atOnce, rows - first);
    const share = shareOf(cuda, count, room);
    if (!share) {
      throw new RangeError(
        `fewNf4: a row of ${inn} values does not fit the ${cuda.device.sharedBytes} bytes of shared memory of a block`,
      );
    }
    const { narrow, wide } = KERNELS[isNested[0] ? "nested" : "absmax"];
    const args = [
      ...[x.address + 2 * first * inn, count, inn, first, share.tiles],
      ...[norm?.gamma.address ?? 0, norm?.eps ?? 0, Number(gated), handoffOf(cuda)],
      ...layersArguments(layers, first),
    ];
    const kernel = count > NARROW_ROWS ? wide : narrow;
    cuda.launch(kernel, makers + share.blocks, 32 * WARPS, args, share.bytes);
  }
}

interface Room {
  /** Tiles of 16 outputs, or pairs of them, and tiles of a unit. */
  units: number;
  unit: number;
  inn: number;
  rank: number;
  /** Blocks that make xa. */
  makers: number;
}

/** Blocks beside the makers, the most tiles of a block, and its dynamic shared memory; undefined where nothing fits. */
function shareOf(cuda: Cuda, rows: number, { units, unit, inn, rank, makers }: Room) {
  const { multiprocessors, sharedBytes } = cuda.device;
  const fixed = TABLES_BYTES + PIECES_BYTES + rows * (2 * inn + 64);
  const ofTile = 64 * rank + WARPS * rows * 64;
  const shareFor = (blocks: number) => {
    const tiles = unit * Math.ceil(units / blocks);
    return { blocks, tiles, bytes: fixed + tiles * ofTile };
  };
  // All blocks run at once where they can: two on a multiprocessor, or one.
  for (const ofMultiprocessor of [2, 1]) {
    const atOnce = ofMultiprocessor * multiprocessors - makers;
    const share = shareFor(Math.max(1, Math.min(units, atOnce)));
    const limit = Math.floor(sharedBytes / ofMultiprocessor) - OTHER_SHARED_BYTES;
    if (atOnce > 0 && share.tiles <= MOST_TILES && share.bytes <= limit) return share;
  }
  const left = sharedBytes - OTHER_SHARED_BYTES - fixed;
  const most = Math.min(MOST_TILES / unit, Math.floor(left / (unit * ofTile)));
  return most >= 1 ? shareFor(Math.ceil(units / most)) : undefined;
}
