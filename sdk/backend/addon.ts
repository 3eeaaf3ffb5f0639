import type { CudaDriver } from "./cuda/driver.ts";

/**
 * The whole surface of the native addon, typed once. Argument order is the addon's; every entry checks types
 * and lengths and throws. Arrays are row-major; outputs are written in place. `null` means "none" or "not wanted".
 */
export interface Addon {
  /** The GPU; its `problem()` says why there is none. */
  readonly cuda: CudaDriver;
  info(): { isa: string; availableIsas: string[]; threads: number };
  setIsa(isa: string): void;
  setThreads(threads: number): void;
  /**
   * Arithmetic of the products of matMul, linearForward, linearBackward, decodeLayers and crossEntropy, for the whole
   * process; "float32" unless set. "bfloat16" rounds their inputs to bfloat16 and sums in float32: faster where
   * info().isa is one of `BFLOAT16_ISAS`, and computed in float32 everywhere else. Up to 8 rows only products with NF4
   * follow it, whose rows are whole blocks of 64, and where the instruction set is one of `BFLOAT16_ROW_ISAS`: their
   * codebook and x are rounded, the scales are not.
   */
  setComputeType(type: "float32" | "bfloat16"): void;

  /** c[b] = op(a[b]) op(b[b]); a is [m,k] or transposed [k,m], b is [k,n] or transposed [n,k]. */
  matMul(
    batch: number,
    m: number,
    n: number,
    k: number,
    transposeA: boolean,
    transposeB: boolean,
    a: Float32Array,
    b: Float32Array,
    c: Float32Array,
  ): void;
  /** Fills `bytes`, `size` of them, from a file, by all threads. */
  readFile(path: string, offset: number, size: number, bytes: Uint8Array): void;
  quantizeNf4(values: Float32Array, packed: Uint8Array, absmax: Float32Array): void;
  /**
   * As `quantizeNf4`, of n values that lie in a file. Returns the index of the first that is not finite, -1 where there
   * is none.
   */
  quantizeNf4File(
    path: string,
    offset: number,
    dtype: "F32" | "F16" | "BF16",
    n: number,
    packed: Uint8Array,
    absmax: Float32Array,
  ): number;
  /** NF4's scales to 8 bits each: nearest codes of `map` [256], one float32 for 256 of them. */
  quantizeNf4Scales(
    absmax: Float32Array,
    offset: number,
    map: Float32Array,
    codes: Uint8Array,
    nestedAbsmax: Float32Array,
  ): void;
  dequantizeNf4(packed: Uint8Array, absmax: Float32Array, values: Float32Array): void;
  /** Layers that read the same x; up to 8 rows, all are one job of the threads. */
  linearForward(
    rows: number,
    inn: number,
    x: Float32Array,
    ...layers: [...LinearArguments, ...LinearArguments[number][]]
  ): void;
  linearBackward(
    rows: number,
    out: number,
    inn: number,
    dy: Float32Array,
    x: Float32Array,
    xa: Float32Array | null,
    ...rest: [
      ...WeightArguments,
      ...LoraArguments,
      dx: Float32Array | null,
      dA: Float32Array | null,
      dB: Float32Array | null,
    ]
  ): void;
  rmsNormForward(
    rows: number,
    dim: number,
    eps: number,
    x: Float32Array,
    gamma: Float32Array,
    y: Float32Array,
    inverseRms: Float32Array,
  ): void;
  rmsNormBackward(
    rows: number,
    dim: number,
    dy: Float32Array,
    x: Float32Array,
    gamma: Float32Array,
    inverseRms: Float32Array,
    dx: Float32Array,
    dGamma: Float32Array | null,
  ): void;
  rope(
    tokens: number,
    heads: number,
    headDim: number,
    inverse: boolean,
    x: Float32Array,
    positions: Int32Array,
    inverseFrequencies: Float32Array,
    y: Float32Array,
  ): void;
  attentionForward(
    ...args: [
      ...AttentionArguments,
      cuSeqlens: Int32Array,
      q: Float32Array,
      k: Float32Array,
      v: Float32Array,
      o: Float32Array,
      logSumExp: Float32Array,
    ]
  ): void;
  attentionBackward(
    ...args: [
      ...AttentionArguments,
      cuSeqlens: Int32Array,
      dO: Float32Array,
      q: Float32Array,
      k: Float32Array,
      v: Float32Array,
      o: Float32Array,
      logSumExp: Float32Array,
      dq: Float32Array,
      dk: Float32Array,
      dv: Float32Array,
    ]
  ): void;
  /** Writes k and v into the caches at row `past`; throws when capacity < past + tokens. */
  attentionCached(
    ...args: [
      ...AttentionArguments,
      past: number,
      capacity: number,
      q: Float32Array,
      k: Float32Array,
      v: Float32Array,
      keys: Float32Array,
      values: Float32Array,
      o: Float32Array,
    ]
  ): void;
  /**
   * x [hidden] through all layers, in place, for one token of one sequence; `past` rows of the caches, which have room
   * for `capacity`, are in use. Formula: `decodeLayers` in sdk/ops.
   */
  decodeLayers(
    hidden: number,
    intermediate: number,
    heads: number,
    kvHeads: number,
    headDim: number,
    eps: number,
    attentionScale: number,
    past: number,
    capacity: number,
    inverseFrequencies: Float32Array,
    x: Float32Array,
    ...layers: DecoderLayerArguments[number][]
  ): void;
  swigluForward(gate: Float32Array, up: Float32Array, y: Float32Array): void;
  swigluBackward(
    dy: Float32Array,
    gate: Float32Array,
    up: Float32Array,
    dGate: Float32Array,
    dUp: Float32Array,
  ): void;
  crossEntropy(
    rows: number,
    vocab: number,
    dim: number,
    hidden: Float32Array,
    ...rest: [
      ...WeightArguments,
      labels: Int32Array,
      losses: Float32Array,
      dHidden: Float32Array | null,
      dWeight: Float32Array | null,
    ]
  ): void;
  /** Ids out of [0, rows) throw a RangeError. */
  embeddingForward(
    rows: number,
    dim: number,
    ...rest: [...WeightArguments, ids: Int32Array, y: Float32Array]
  ): void;
  embeddingBackward(rows: number, dim: number, dy: Float32Array, ids: Int32Array, dTable: Float32Array): void;
  adamW(
    step: number,
    gradScale: number,
    learningRate: number,
    beta1: number,
    beta2: number,
    eps: number,
    weightDecay: number,
    param: Float32Array,
    grad: Float32Array,
    m: Float32Array,
    v: Float32Array,
    newParam: Float32Array,
    newM: Float32Array,
    newV: Float32Array,
  ): void;
  add(a: Float32Array, b: Float32Array, y: Float32Array): void;
  sumSquares(x: Float32Array): number;
  peakFlops(seconds: number): number;
  /** Each thread reads its part of the buffer; with `jobValues`, all read it job by job, so many values each. */
  readBandwidth(buffer: Float32Array, seconds: number, jobValues?: number): number;
}

/** The instruction sets that have bfloat16 products. */
export const BFLOAT16_ISAS: readonly string[] = ["avx512bf16", "amx"];

/** Those that have them for a few rows, too; with tiles, float32 is faster there. */
export const BFLOAT16_ROW_ISAS: readonly string[] = ["avx512bf16"];

/** Weight data (fp32, bf16 bits, or NF4 pairs) and its absmax (NF4 only, one for 64 values). */
export type WeightArguments = [weight: Float32Array | Uint16Array | Uint8Array, absmax: Float32Array | null];
/** Nulls and zeros where there is no adapter. `seed` is an unsigned 32-bit integer. */
export type LoraArguments = [
  a: Float32Array | null,
  b: Float32Array | null,
  r: number,
  scale: number,
  dropout: number,
  seed: number,
];
/** A linear layer and its outputs; `xa` is null where there is no adapter. */
export type LinearArguments = [
  out: number,
  ...WeightArguments,
  ...LoraArguments,
  y: Float32Array,
  xa: Float32Array | null,
];
/** q, k, v, o, gate, up and down follow each other; their dropout is 0. */
export type DecoderLayerArguments = [
  window: number,
  inputNorm: Float32Array,
  outputNorm: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  ...projections: (WeightArguments | LoraArguments)[number][],
];
export type AttentionArguments = [
  tokens: number,
  heads: number,
  kvHeads: number,
  headDim: number,
  scale: number,
  window: number,
];

/** Every entry, to tell an addon that was built from older sources; the type makes a forgotten one a compile error. */
export const ADDON_ENTRIES: Record<keyof Addon, true> = {
  cuda: true,
  info: true,
  setIsa: true,
  setThreads: true,
  setComputeType: true,
  matMul: true,
  readFile: true,
  quantizeNf4: true,
  quantizeNf4File: true,
  quantizeNf4Scales: true,
  dequantizeNf4: true,
  linearForward: true,
  linearBackward: true,
  rmsNormForward: true,
  rmsNormBackward: true,
  rope: true,
  attentionForward: true,
  attentionBackward: true,
  attentionCached: true,
  decodeLayers: true,
  swigluForward: true,
  swigluBackward: true,
  crossEntropy: true,
  embeddingForward: true,
  embeddingBackward: true,
  adamW: true,
  add: true,
  sumSquares: true,
  peakFlops: true,
  readBandwidth: true,
};
