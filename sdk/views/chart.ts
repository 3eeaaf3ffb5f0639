/**
 * A figure as plain numbers: what is drawn, not how. `svg.ts` draws it without script or network, `plotly.ts` describes
 * it for plotly (JupyterLab, VS Code, report.html); there is no third place that knows what a curve looks like.
 */
import type { Tone } from "./html.ts";

export interface Series {
  name: string;
  x: number[];
  /** As long as x; what is not finite leaves a gap. */
  y: number[];
  /** "raw" is drawn faint, behind the others; "points" with markers; "bars" stand on the x axis. */
  style: "raw" | "line" | "points" | "bars";
  /** Default: "second" for points, otherwise "first". */
  tone?: Tone;
}

export interface Chart {
  title: string;
  xTitle: string;
  /** With the unit. */
  yTitle: string;
  /** d3's format of the numbers at the y axis; "" for what fits. */
  tickFormat: string;
  /** The y axis begins at 0. Not for a loss, whose changes would be flat there. */
  fromZero: boolean;
  series: Series[];
  /** Names in place of the numbers 0, 1, 2 … of x; the bars then lie, with their names at the left. */
  labels?: string[];
}

/** The first chart is drawn large, the others in a column beside it. */
export interface Figure {
  charts: Chart[];
  /** What belongs to the figure in words, for front ends that show it alone. */
  words?: { above: string; below: readonly string[] };
}

/** A curve has no more points than this: a screen shows fewer, and a long run stays small. */
const MAX_POINTS = 2000;
/** Share of the past in a smoothed curve, as long as there are enough values for it. */
const SMOOTHING = 0.95;

/** Exponential moving average, corrected for its start; slower than the length allows is not smooth but late. */
export function smooth(values: readonly number[]): number[] {
  const share = Math.min(SMOOTHING, 1 - 1 / Math.max(1, values.length / 20));
  let sum = 0;
  let weight = 0;
  return values.map((value) => {
    sum = share * sum + (1 - share) * value;
    weight = share * weight + (1 - share);
    return sum / weight;
  });
}

/** Every n-th point, and the last. */
export function thin(series: Series, most = MAX_POINTS): Series {
  const stride = Math.ceil(series.x.length / most);
  const keep = (_: number, i: number) => i % stride === 0 || i === series.x.length - 1;
  return stride <= 1 ? series : { ...series, x: series.x.filter(keep), y: series.y.filter(keep) };
}

export function toneOf(series: Series): Tone {
  return series.tone ?? (series.style === "points" ? "second" : "first");
}
