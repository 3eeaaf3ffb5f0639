/** The bundled base model: its shape and how it is trained. The model card in data/models/mini says what came. */
import type { MistralConfig } from "../sdk/model/config.ts";

/** Mistral's architecture, small: 16 MB of bf16 at most, and a minute of LoRA on a laptop. */
export const architecture: Omit<MistralConfig, "vocabSize" | "bosId" | "eosIds"> = {
  hiddenSize: 256,
  layers: 4,
  heads: 8,
  kvHeads: 4,
  headDim: 32,
  intermediateSize: 640,
  maxPositions: 1024,
  ropeTheta: 10_000,
  rmsNormEps: 1e-5,
  slidingWindow: null,
  tieEmbeddings: true,
};

export const recipe = {
  seed: 20_26,
  steps: 1300,
  sequenceLength: 256,
  compute: "bfloat16",
  microBatchSize: 16,
  gradientAccumulationSteps: 1,
  training: {
    // Full-parameter training of a small model from nothing takes a far higher rate than LoRA on a large one.
    learningRate: 3e-3,
    scheduler: "cosine",
    warmupRatio: 0.03,
    weightDecay: 0.05,
    maxGradNorm: 1,
    beta1: 0.9,
    beta2: 0.95,
    eps: 1e-8,
    gradientCheckpointing: false,
  },
} as const;
