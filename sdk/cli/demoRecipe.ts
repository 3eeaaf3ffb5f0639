/** What the demo does, and how long. Chosen for two CPU cores and three minutes in all. */
import type { Recipe } from "./road.ts";

export interface DemoRecipe extends Recipe {
  /** Ends the training early; undefined: after its epochs. */
  maxSteps?: number;
  /** Held-out rows that are used at all, the first ones; undefined: all. */
  heldOut?: number;
  /** Tokens of one answer. */
  maxNewTokens: number;
  /** Held-out questions that the base answers, the first ones; its loss is over all of them. */
  baseAnswers: number;
  /** Held-out questions that the tuned model answers, the first ones. */
  tunedAnswers: number;
  /** Asked at the end; answered with their reasoning. */
  questions: readonly string[];
}

const questions = [
  "Bonjour, quand vais-je recevoir ma commande ?",
  "Quels moyens de paiement acceptez-vous ?",
  "Quel poids le hamac Loriot supporte-t-il ?",
];

export const demoRecipe: DemoRecipe = {
  epochs: 3,
  noisyCopies: 7,
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
  questions,
};

/**
 * Without the native addon everything takes some hundred times longer (about 30 tokens a second in training), so
 * this shows every step of the road once, and the model learns next to nothing.
 */
export const demoRecipeWithoutAddon: DemoRecipe = {
  ...demoRecipe,
  epochs: 1,
  noisyCopies: 0,
  maxSteps: 6,
  microBatchSize: 1,
  maxSeqLength: 96,
  maxNewTokens: 16,
  heldOut: 4,
  baseAnswers: 1,
  tunedAnswers: 2,
  questions: questions.slice(0, 1),
};
