/** What the demo does, and how long: under a minute and a half on two CPU cores (Zen 4), nearly all of it training. */
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
  epochs: 2,
  noisyCopies: 5,
  learningRate: 2e-3,
  microBatchSize: 1,
  gradientAccumulationSteps: 1,
  maxSeqLength: 112,
  loraR: 32,
  loraAlpha: 64,
  loraDropout: 0.1,
  seed: 0,
  maxNewTokens: 64,
  baseAnswers: 40,
  tunedAnswers: Number.POSITIVE_INFINITY,
  questions,
};

/**
 * Without the native addon training takes 200 times longer (30 tokens a second against 6,500, on two cores of Zen 4),
 * so this shows every step of the road once, and the model learns next to nothing.
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
