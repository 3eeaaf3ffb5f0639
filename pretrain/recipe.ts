/** The bundled base model: its shape and how it is trained. The model card in data/models/mini says what came. */
import type { MistralConfig } from "../sdk/model/config.ts";

type Shape = Omit<MistralConfig, "vocabSize" | "bosId" | "eosIds">;

/** Mistral's architecture, small: 16 MB of bf16 at most, and a minute of LoRA on a laptop. */
const mini: Shape = {
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

/** Shapes to compare; a token of `deep` costs 1.4 times one of `mini`, of `wide` 1.8 times. */
export const shapes = {
  /** 3.8 M parameters, 7.6 MB. */
  mini,
  /** 5.2 M parameters, 10.4 MB. */
  deep: { ...mini, layers: 6 },
  /** 6.8 M parameters, 13.7 MB. */
  wide: { ...mini, hiddenSize: 320, layers: 5, heads: 10, kvHeads: 5, intermediateSize: 832 },
} satisfies Record<string, Shape>;
export type ShapeName = keyof typeof shapes;

export const recipe = {
  shape: "mini" as ShapeName,
  seed: 20_26,
  /** At most; an epoch of the corpus is 23.4 M tokens, 2,851 full steps. */
  epochs: 7,
  /** Ends there, unless `--epochs`, `--steps` or `--seconds` says otherwise: 6.42 epochs. */
  steps: 18_291,
  /** Longer documents are cut. */
  documentLength: 512,
  tokensPerStep: 8192,
  compute: "bfloat16",
  training: {
    // Full-parameter training of a small model from nothing takes a far higher rate than LoRA on a large one.
    learningRate: 3e-3,
    scheduler: "cosine",
    warmupRatio: 0.02,
    // A text that comes several times is learnt by heart without it.
    weightDecay: 0.1,
    maxGradNorm: 1,
    beta1: 0.9,
    beta2: 0.95,
    eps: 1e-8,
    gradientCheckpointing: false,
  },
} as const;
