/** What the demo does, and how long. Chosen for two CPU cores and three minutes in all. */
import type { Recipe } from "./road.ts";

export interface DemoRecipe extends Recipe {
  /** Tokens of one answer. */
  maxNewTokens: number;
  /** Held-out questions that the base answers; its loss is over all of them. */
  baseAnswers: number;
  /** Held-out questions that the tuned model answers. */
  tunedAnswers: number;
}

export const demoRecipe: DemoRecipe = {
  epochs: 8,
  learningRate: 3e-3,
  microBatchSize: 2,
  gradientAccumulationSteps: 1,
  maxSeqLength: 256,
  loraR: 16,
  loraAlpha: 32,
  loraDropout: 0.05,
  seed: 0,
  maxNewTokens: 64,
  baseAnswers: 40,
  tunedAnswers: Number.POSITIVE_INFINITY,
};

/** Without the native addon everything takes many times longer: enough to see the road, too little to learn well. */
export const demoRecipeWithoutAddon: DemoRecipe = {
  ...demoRecipe,
  epochs: 1,
  baseAnswers: 2,
  tunedAnswers: 6,
};

/** Asked at the end; answered with their reasoning. */
export const demoQuestions = [
  "Bonjour, quand vais-je recevoir ma commande ?",
  "Quels moyens de paiement acceptez-vous ?",
  "Quel poids le hamac Loriot supporte-t-il ?",
];
