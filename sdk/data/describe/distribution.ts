import type { Distribution } from "./findings.ts";

const STEPS = 20;

/** Smallest, middle, largest value and a histogram of equal steps. Of no values all are 0. */
export function distribution(values: readonly number[]): Distribution {
  if (values.length === 0) return { min: 0, median: 0, mean: 0, p95: 0, max: 0, histogram: [] };
  const sorted = Float64Array.from(values).sort();
  const last = sorted.length - 1;
  const [min, max] = [sorted[0], sorted[last]];
  const half = Math.floor(last / 2);
  const steps = min === max ? 1 : Math.min(STEPS, max - min + 1);
  const width = (max - min) / steps;
  const histogram = Array.from({ length: steps }, (_, i) => ({
    from: min + i * width,
    to: min + (i + 1) * width,
    rows: 0,
  }));
  for (const value of sorted)
    histogram[Math.min(steps - 1, width === 0 ? 0 : Math.floor((value - min) / width))].rows++;
  return {
    min,
    median: last % 2 === 0 ? sorted[half] : (sorted[half] + sorted[half + 1]) / 2,
    mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    p95: sorted[Math.ceil(0.95 * sorted.length) - 1],
    max,
    histogram,
  };
}
