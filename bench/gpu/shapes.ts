import type { MistralConfig } from "../../sdk/model/config.ts";

/** Mistral-7B-v0.3's. */
const SEVEN_BILLION: MistralConfig = {
  hiddenSize: 4096,
  layers: 32,
  heads: 32,
  kvHeads: 8,
  headDim: 128,
  intermediateSize: 14336,
  vocabSize: 32768,
  maxPositions: 32768,
  ropeTheta: 1e6,
  rmsNormEps: 1e-5,
  slidingWindow: null,
  tieEmbeddings: false,
  bosId: 1,
  eosIds: [32767],
};

export const SHAPES: Record<string, MistralConfig> = {
  "7b": SEVEN_BILLION,
  /** Four layers of the same width. */
  "4x4096": { ...SEVEN_BILLION, layers: 4 },
  tiny: {
    hiddenSize: 256,
    layers: 2,
    heads: 4,
    kvHeads: 2,
    headDim: 64,
    intermediateSize: 512,
    vocabSize: 4096,
    maxPositions: 4096,
    ropeTheta: 1e6,
    rmsNormEps: 1e-5,
    slidingWindow: null,
    tieEmbeddings: false,
    bosId: 1,
    eosIds: [4095],
  },
};
