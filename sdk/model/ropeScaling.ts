/** How models reach further than the length that they were trained on: changed angles of the rotary embedding. */
import { z } from "zod";

/**
 * - `linear`: every angle divided by `factor` (Chen et al. 2023, "Position Interpolation").
 * - `llama3`: slow angles divided by `factor`, fast ones kept, those between interpolated (Llama 3.1).
 * - `yarn`: the same with a ramp over the turns within the old length, and scores multiplied by
 *   `attentionFactor` squared (Peng et al. 2023, "YaRN").
 * - `factors`: each angle divided by a number of its own. GGUF has this for Llama 3; config.json calls it longrope.
 *
 * `originalMaxPositions` is the length in tokens before the stretch.
 */
export type RopeScaling =
  | { type: "linear"; factor: number }
  | {
      type: "llama3";
      factor: number;
      lowFreqFactor: number;
      highFreqFactor: number;
      originalMaxPositions: number;
    }
  | {
      type: "yarn";
      factor: number;
      originalMaxPositions: number;
      /** Turns within the old length above which an angle is kept, and below which it is divided. */
      betaFast: number;
      betaSlow: number;
      /** Bounds of the ramp are rounded outwards to whole angles. */
      truncate: boolean;
      attentionFactor: number;
    }
  | { type: "factors"; factors: readonly number[] };

const positive = z.number().positive();
const factor = z.number().min(1);
const original = z.int().positive();
const theta = { rope_theta: positive.nullish() };

/** What `rope_scaling` (transformers 4) and `rope_parameters` (transformers 5) hold, with `type` made `rope_type`. */
export const ropeSchema = z.discriminatedUnion("rope_type", [
  z.object({ ...theta, rope_type: z.literal("default"), factor: z.null().optional() }),
  z.object({ ...theta, rope_type: z.literal("linear"), factor }),
  z.object({
    ...theta,
    rope_type: z.literal("llama3"),
    factor,
    low_freq_factor: positive,
    high_freq_factor: positive,
    original_max_position_embeddings: original,
  }),
  z.object({
    ...theta,
    rope_type: z.literal("yarn"),
    factor,
    original_max_position_embeddings: original.nullish(),
    beta_fast: positive.nullish(),
    beta_slow: positive.nullish(),
    mscale: z.number().nullish(),
    mscale_all_dim: z.number().nullish(),
    attention_factor: positive.nullish(),
    truncate: z.boolean().nullish(),
    llama_4_scaling_beta: z.null().optional(),
  }),
  z
    .object({
      ...theta,
      rope_type: z.literal("longrope"),
      short_factor: z.array(positive),
      long_factor: z.array(positive),
      attention_factor: z.literal(1).nullish(),
    })
    // Other factors for long texts than for short ones would need the text's length before its first token.
    .refine(({ short_factor: short, long_factor: long }) => long.every((factor, i) => factor === short[i]), {
      error: "expected the same factors for short and long texts",
      path: ["long_factor"],
    }),
]);

/** @param maxPositions of the model: yarn's original length where the checkpoint does not say it */
export function parseRopeScaling(
  rope: z.output<typeof ropeSchema>,
  maxPositions: number,
): RopeScaling | undefined {
  if (rope.rope_type === "default") return undefined;
  if (rope.rope_type === "linear") return { type: "linear", factor: rope.factor };
  if (rope.rope_type === "llama3") {
    return {
      type: "llama3",
      factor: rope.factor,
      lowFreqFactor: rope.low_freq_factor,
      highFreqFactor: rope.high_freq_factor,
      originalMaxPositions: rope.original_max_position_embeddings,
    };
  }
  if (rope.rope_type === "longrope") return { type: "factors", factors: rope.long_factor };
  const { mscale, mscale_all_dim: mscaleAll } = rope;
  const growth = (scale: number) => yarnAttention(rope.factor, scale);
  return {
    type: "yarn",
    factor: rope.factor,
    originalMaxPositions: rope.original_max_position_embeddings ?? maxPositions,
    betaFast: rope.beta_fast ?? 32,
    betaSlow: rope.beta_slow ?? 1,
    truncate: rope.truncate ?? true,
    attentionFactor:
      rope.attention_factor ?? (mscale && mscaleAll ? growth(mscale) / growth(mscaleAll) : growth(1)),
  };
}

/** By what YaRN makes queries and keys longer, where a checkpoint says nothing else. */
export function yarnAttention(factor: number, scale = 1): number {
  return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
}

/** As config.json has it, or null where the angles are not changed. */
export function ropeScalingJson(scaling: RopeScaling | undefined): Record<string, unknown> | null {
  if (!scaling) return null;
  if (scaling.type === "factors") {
    const factors = [...scaling.factors];
    return { rope_type: "longrope", short_factor: factors, long_factor: factors, attention_factor: 1 };
  }
  const { type, factor } = scaling;
  if (type === "linear") return { rope_type: type, factor };
  if (type === "llama3") {
    return {
      rope_type: type,
      factor,
      low_freq_factor: scaling.lowFreqFactor,
      high_freq_factor: scaling.highFreqFactor,
      original_max_position_embeddings: scaling.originalMaxPositions,
    };
  }
  return {
    rope_type: type,
    factor,
    original_max_position_embeddings: scaling.originalMaxPositions,
    beta_fast: scaling.betaFast,
    beta_slow: scaling.betaSlow,
    truncate: scaling.truncate,
    attention_factor: scaling.attentionFactor,
  };
}

/** Angle for one step of position, [headDim / 2]: theta^(-2i / headDim), changed as the scaling says. */
export function inverseFrequencies(headDim: number, theta: number, scaling?: RopeScaling): Float32Array {
  const half = headDim / 2;
  const scale = scaling ? scaleOf(scaling, headDim, theta) : () => 1;
  return Float32Array.from({ length: half }, (_, i) => {
    const frequency = theta ** (-i / half);
    return frequency * scale(frequency, i);
  });
}

/** By what an angle is multiplied. */
function scaleOf(
  scaling: RopeScaling,
  headDim: number,
  theta: number,
): (frequency: number, i: number) => number {
  if (scaling.type === "factors") return (_, i) => 1 / scaling.factors[i];
  const slow = 1 / scaling.factor;
  if (scaling.type === "linear") return () => slow;
  const between = (share: number) => slow + (1 - slow) * Math.min(1, Math.max(0, share));
  if (scaling.type === "llama3") {
    const { lowFreqFactor: low, highFreqFactor: high, originalMaxPositions } = scaling;
    return (frequency) => between(((originalMaxPositions * frequency) / (2 * Math.PI) - low) / (high - low));
  }
  // The (fractional) index of the angle that makes so many turns within the old length.
  const indexOf = (turns: number) =>
    (headDim * Math.log(scaling.originalMaxPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const round = scaling.truncate ? { down: Math.floor, up: Math.ceil } : { down: Number, up: Number };
  const first = Math.max(0, round.down(indexOf(scaling.betaFast)));
  const last = Math.min(headDim - 1, round.up(indexOf(scaling.betaSlow)));
  return (_, i) => between(1 - (i - first) / (last === first ? 0.001 : last - first));
}
