/** How native/cuda/decodeLayers.cu is launched: all layers of a decoder for one new token, 4-bit weights, bfloat16. */
import type { Cuda, CudaTensor } from "../../backend/cuda/cuda.ts";
import { cudaKernel } from "../../backend/cuda/kernel.ts";
import type { DeviceWeight } from "../../weights/deviceWeight.ts";

// layers, count, hidden, intermediate, heads, kvHeads, eps, attentionScale, position, inverseFrequencies, map, x, y,
// exchange, ranks of the 7 projections, mostTiles, mostUnits, mostDowns
const SIGNATURE = "piiiiiffppppppiiiiiiiiii";
const KERNELS = {
  absmax: cudaKernel("decodeLayers", "decodeLayersAbsmax", SIGNATURE, false, true),
  nested: cudaKernel("decodeLayers", "decodeLayersNested", SIGNATURE, false, true),
};

// As in the kernel.
const HEAD = 128;
const PIECE = 256;
const WARPS = 16;
const STAGES = 3;
const MOST_RANK = 16;
const ROWS = 4;
const MOST_PARTS = 32;
const TILE_SUMS = WARPS * 16 + 16;
const MOST_RANKS = 48;
/** Desk, table, map, squares, cosines and sines, shares, counts and ranks, then the tables of 8 layers. */
const LAYERS_AT = 384 + 32768 + 1024 + 128 + 512 + 128 + 256 + 16;
const RING_AT = Math.ceil(LAYERS_AT / 128) * 128 + 8 * 512;
const PIECE_BYTES = { absmax: 2048 + 256, nested: 2048 + 128 };
const KEY_LANES = (2 * WARPS) / ROWS;
const ATTENTION_BYTES = 4 * ((ROWS + 2) * HEAD + KEY_LANES * ROWS * (HEAD + 2));
/** Static shared memory and what the driver takes. */
const OTHER_SHARED_BYTES = 0;

export interface DecoderProjection {
  weight: DeviceWeight;
  /** float32 [r, in] and [out, r]. */
  lora?: { a: CudaTensor; b: CudaTensor; r: number; scale: number };
}

export interface DecoderLayer {
  /** q, k, v, o, gate, up, down. */
  projections: readonly DecoderProjection[];
  /** float32 [hidden], before attention and before the MLP. */
  inputNorm: CudaTensor;
  outputNorm: CudaTensor;
  /** Addresses of the caches, [capacity, kvHeads * 128] in bfloat16. */
  keys: number;
  values: number;
  /** Keys that a token sees; 0: all. */
  window: number;
}

export interface DecoderShape {
  hidden: number;
  intermediate: number;
  heads: number;
  kvHeads: number;
  /** Of the norms. */
  eps: number;
  /** Of the scores. */
  attentionScale: number;
}

/** What a launch needs, or undefined where the kernel does not do it: sizes, kinds of weights, shared memory. */
export function decodePlan(
  cuda: Cuda,
  layers: readonly DecoderLayer[],
  { hidden, intermediate, heads, kvHeads }: DecoderShape,
) {
  const widths = [hidden, heads * HEAD, hidden, intermediate];
  const isWhole = [hidden, intermediate, heads * HEAD].every((size) => size > 0 && size % PIECE === 0);
  if (layers.length === 0 || !isWhole || heads % kvHeads !== 0) return undefined;
  const [first] = layers;
  const { absmax, map } = first.projections[0].weight;
  const ranks = first.projections.map(({ lora }) => lora?.r ?? 0);
  const fits = layers.every(({ projections }) =>
    projections.every(({ weight, lora }, i) => {
      const isSame = (lora?.r ?? 0) === ranks[i] && weight.map === map;
      return weight.kind === "nf4" && (weight.absmax === 0) === (absmax === 0) && isSame;
    }),
  );
  if (!fits || ranks.some((r) => r % 4 !== 0 || r > MOST_RANK)) return undefined;
  // Units of outputs of each product: tiles of 16, or pairs of them. Each block has some of each product.
  const units = [(heads + 2 * kvHeads) * (HEAD / 16), hidden / 16, intermediate / 16, hidden / 16];
  const blocks = Math.min(cuda.device.multiprocessors, ...units);
  const tiles = units.map((count, i) => Math.ceil(count / blocks) * (i === 2 ? 2 : 1));
  const pieces = widths.map((width) => width / PIECE);
  const mostTiles = Math.max(...tiles);
  const mostUnits = pieces.reduce((sum, count, i) => {
    const rest = Math.ceil(((count % WARPS) * tiles[i]) / WARPS);
    return sum + Math.floor(count / WARPS) * tiles[i] + rest;
  }, 0);
  const ranksOfProducts = [ranks.slice(0, 3), ranks.slice(3, 4), ranks.slice(4, 6), ranks.slice(6)];
  const downs = ranksOfProducts.map((own, i) => {
    return Math.ceil((own.reduce((sum, r) => sum + r, 0) * Math.ceil(pieces[i] / WARPS)) / blocks);
  });
  const mostDowns = Math.max(...downs);
  const form = absmax ? ("absmax" as const) : ("nested" as const);
  const room = Math.max(2 * Math.max(...widths) + 4 * (mostTiles + tiles[3]) * TILE_SUMS, ATTENTION_BYTES);
  const lists = 16 * (WARPS * mostUnits + 4 * mostTiles + 4 * WARPS * mostDowns);
  const xa = 8 * MOST_RANKS * Math.ceil(Math.max(...pieces) / 16);
  const bytes = RING_AT + WARPS * STAGES * PIECE_BYTES[form] + room + lists + xa;
  if (bytes > cuda.device.sharedBytes - OTHER_SHARED_BYTES) return undefined;
  const sets = kvHeads * Math.ceil(heads / kvHeads / ROWS);
  const parts = Math.max(1, Math.min(MOST_PARTS, Math.floor(blocks / sets)));
  const words =
    [hidden, (heads + 2 * kvHeads) * HEAD, heads * HEAD, hidden, intermediate].reduce((a, b) => a + b) / 2 +
    4 * MOST_RANKS * Math.max(...pieces) +
    sets * parts * ROWS * (HEAD + 2);
  return { form, blocks, bytes, words, ranks, map, counts: [mostTiles, mostUnits, mostDowns] };
}

/**
 * y [1, hidden] of all layers; the new key and value go into the caches at the row `position`.
 *
 * @param plan what `decodePlan` gave for the same layers
 * @param key what the table of the layers is kept with: the caches' owner
 * @param position address of the int32 number of rows in use
 * @param inverseFrequencies address of float32 [64]
 */
export function launchDecodeLayers(
  cuda: Cuda,
  x: CudaTensor,
  layers: readonly DecoderLayer[],
  shape: DecoderShape,
  plan: NonNullable<ReturnType<typeof decodePlan>>,
  { key, position, inverseFrequencies }: { key: object; position: number; inverseFrequencies: number },
): CudaTensor {
  const { hidden, intermediate, heads, kvHeads, eps, attentionScale } = shape;
  const y = cuda.allocate([1, hidden]);
  const sizes = [layers.length, hidden, intermediate, heads, kvHeads];
  const args = [
    ...[tableOf(cuda, key, layers), ...sizes, eps, attentionScale],
    ...[position, inverseFrequencies, plan.map, x.address, y.address],
    ...[exchangeOf(cuda, `${sizes} ${plan.blocks}`, plan.words), ...plan.ranks, ...plan.counts],
  ];
  cuda.launch(KERNELS[plan.form], plan.blocks, 32 * WARPS, args, plan.bytes);
  return y;
}

const LAYER_WORDS = 128;
const PROJECTION_WORDS = 16;
const OFFSET_WORD = 12;
const tables = new WeakMap<object, Int32Array>();

/** Address of the layers' tables (struct LayerTable), kept as long as `key` and made anew where something moved. */
function tableOf(cuda: Cuda, key: object, layers: readonly DecoderLayer[]): number {
  const words = new Int32Array(LAYER_WORDS * layers.length);
  const floats = new Float32Array(words.buffer);
  const addresses = new BigUint64Array(words.buffer);
  layers.forEach(({ projections, inputNorm, outputNorm, keys, values, window }, i) => {
    projections.forEach(({ weight, lora }, k) => {
      const at = LAYER_WORDS * i + PROJECTION_WORDS * k;
      const own = [
        weight.data,
        weight.absmax || weight.codes,
        weight.nestedAbsmax,
        lora?.a.address,
        lora?.b.address,
      ];
      own.forEach((address, n) => {
        addresses[at / 2 + n] = BigInt(address ?? 0);
      });
      words[at + 10] = lora?.r ?? 0;
      floats[at + 11] = lora?.scale ?? 0;
    });
    const at = LAYER_WORDS * i + 7 * PROJECTION_WORDS;
    [inputNorm.address, outputNorm.address, keys, values].forEach((address, n) => {
      addresses[at / 2 + n] = BigInt(address);
    });
    words[at + 8] = window;
  });
  const known = tables.get(key);
  if (known && known.length === words.length && known.every((word, i) => word === words[i])) {
    return cuda.constant(known);
  }
  tables.set(key, words);
  const address = cuda.constant(words);
  // The offset of a weight that was quantised on the GPU was never on the host.
  for (const [i, { projections }] of layers.entries()) {
    for (const [k, { weight }] of projections.entries()) {
      const to = address + 4 * (LAYER_WORDS * i + PROJECTION_WORDS * k + OFFSET_WORD);
      if (weight.offset) cuda.driver.copy(to, weight.offset, 4);
    }
  }
  return address;
}

const exchanges = new WeakMap<Cuda, Map<string, number>>();

/** Words that blocks exchange and the number of launches, zero at first. Of each shape: tags count its launches. */
function exchangeOf(cuda: Cuda, shape: string, words: number): number {
  const known = exchanges.get(cuda) ?? new Map<string, number>();
  exchanges.set(cuda, known);
  let address = known.get(shape);
  if (address === undefined) {
    address = cuda.memory.take(8 * words + 4);
    cuda.driver.fill(address, 0, 2 * words + 1);
    known.set(shape, address);
  }
  return address;
}
