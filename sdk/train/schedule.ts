import type { Scheduler } from "./options.ts";

export interface Schedule {
  scheduler: Scheduler;
  /** Peak learning rate. */
  learningRate: number;
  /** Share of `steps` that is warm-up; rounded up to whole steps. */
  warmupRatio: number;
  /** Steps of the whole run. */
  steps: number;
}

/**
 * The learning rate of optimizer step `step`, counted from 0, as in transformers (`get_cosine_schedule_with_warmup`,
 * `get_linear_schedule_with_warmup`, `get_constant_schedule_with_warmup`):
 *
 *     warm-up, step < w:  peak * step / w
 *     cosine:             peak * (1 + cos(pi * p)) / 2     with p = (step - w) / (steps - w)
 *     linear:             peak * (1 - p)
 *
 * With a warm-up the very first step has the rate 0, there as here.
 */
export function learningRateAt(
  step: number,
  { scheduler, learningRate, warmupRatio, steps }: Schedule,
): number {
  const warmup = Math.ceil(steps * warmupRatio);
  if (step < warmup) return (learningRate * step) / Math.max(1, warmup);
  if (scheduler === "constant") return learningRate;
  const progress = (step - warmup) / Math.max(1, steps - warmup);
  const factor = scheduler === "linear" ? 1 - progress : 0.5 * (1 + Math.cos(Math.PI * progress));
  return learningRate * Math.max(0, factor);
}
