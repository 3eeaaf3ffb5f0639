/**
 * Figures in a notebook: each in all forms at once. HTML holds the drawing and, over it, empty columns with the values
 * as their titles, so that pointing at a curve tells numbers without any script.
 */
import { DISPLAY, type Displayable, type MimeBundle, mimeBundle } from "./bundle.ts";
import { type Chart, type Figure, type Series, thin } from "./chart.ts";
import { frontEnd } from "./frontEnd.ts";
import { Html, html, output, type Tone } from "./html.ts";
import { short, sparkline } from "./numbers.ts";
import { plotly } from "./plotly.ts";
import { type Drawing, draw, type Panel } from "./svg.ts";

/** plotly's form of a figure has at most so many points a curve: it travels with every notebook. */
const PLOTLY_POINTS = 400;
/** Columns over a panel that tell values. */
const COLUMNS = 120;

/** All forms of a figure. `around` puts the drawing into more HTML; `text` is what stands for it in words. */
export function figureBundle(
  figure: Figure,
  { around = (drawing) => drawing, text, still = true }: FigureBundleOptions = {},
): MimeBundle {
  const drawing = draw(figure);
  const thinned: Figure = {
    ...figure,
    charts: figure.charts.map((chart) => ({
      ...chart,
      series: chart.series.map((s) => rounded(thin(s, PLOTLY_POINTS))),
    })),
  };
  const inline = html`<div class="mlab-figure">${new Html(drawing.svg)}</div>`;
  return mimeBundle(
    text ?? figure.charts.map(chartText).join("\n"),
    output(around(still ? stillDrawing(drawing) : inline)),
    {
      "image/svg+xml": drawing.svg,
      ...(still || frontEnd()?.redrawsPlotly !== false
        ? { "application/vnd.plotly.v1+json": plotly(thinned) }
        : {}),
    },
  );
}

/** Five digits are more than a screen shows, and a third of the characters. */
function rounded(series: Series): Series {
  return { ...series, y: series.y.map((value) => Number(value.toPrecision(5))) };
}

export interface FigureBundleOptions {
  around?: (drawing: Html) => Html;
  text?: string;
  /**
   * Default true: the drawing is an image, which viewers that clean HTML of unknown elements keep (GitHub, notebooks of
   * others). False while it is drawn again and again: inline, because a new image would flicker.
   */
  still?: boolean;
}

function stillDrawing({ svg, width, height, panels }: Drawing): Html {
  const source = `data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}`;
  const percent = (part: number, whole: number) => `${((100 * part) / whole).toFixed(2)}%`;
  const hits = panels.flatMap((panel) =>
    columns(panel).map(
      ({ left, width: wide, title }) =>
        html`<i class="mlab-hit" title="${title}" style="left:${percent(left, width)};width:${percent(wide, width)};top:${percent(panel.top, height)};height:${percent(panel.height, height)}"></i>`,
    ),
  );
  const alt = panels.map(({ chart }) => chartText(chart)).join("; ");
  return html`<div class="mlab-figure"><img src="${source}" alt="${alt}" width="${width}" height="${height}">${hits}</div>`;
}

function columns({ chart, left, width, x }: Panel): { left: number; width: number; title: string }[] {
  if (chart.labels) return [];
  const all = [...new Set(chart.series.flatMap((series) => series.x))].sort((a, b) => a - b);
  if (all.length < 2) return [];
  const stride = Math.ceil(all.length / COLUMNS);
  const places = all.filter((_, i) => i % stride === 0 || i === all.length - 1);
  return places.map((value, i) => {
    const from = i === 0 ? left : (x(places[i - 1]) + x(value)) / 2;
    const to = i === places.length - 1 ? left + width : (x(value) + x(places[i + 1])) / 2;
    const values = chart.series.map((series) => {
      const at = series.x.findLastIndex((place) => place <= value);
      return at < 0 ? undefined : `${series.name} ${short(series.y[at])}`;
    });
    const title = [`${chart.xTitle} ${short(value)}`, ...values.filter(Boolean)].join("\n");
    return { left: from, width: to - from, title };
  });
}

/** A chart in a line of text. */
function chartText({ title, series, labels }: Chart): string {
  if (labels) {
    const rows = labels.map((label, i) => `${label} ${series.map((s) => short(s.y[i])).join(" / ")}`);
    return `${title}: ${rows.join(", ")}`;
  }
  const told = series.filter(({ style }) => style !== "raw");
  return (told.length > 0 ? told : series)
    .map(
      ({ name, y }) =>
        `${title}${name === title ? "" : `, ${name}`}: ${sparkline(y)} ${short(y[0])} → ${short(y.at(-1) ?? Number.NaN)}`,
    )
    .join("\n");
}

/** A figure as the value of a cell: it shows itself, and `charts` are its plain numbers. */
export class Plot implements Figure, Displayable {
  constructor(readonly charts: Chart[]) {}

  [DISPLAY](): MimeBundle {
    return figureBundle(this);
  }
}

/** What is written at a plot. */
export interface PlotOptions {
  title: string;
  /** Default: nothing. */
  x?: string;
  /** With the unit. Default: nothing. */
  y?: string;
  /** The values are shares of 1, shown in percent. Default false. */
  percent?: boolean;
}

/** Curves by name: y values at 0, 1, 2 …, or pairs of x and y values. */
export function lines(
  curves: Readonly<Record<string, readonly number[] | { x: readonly number[]; y: readonly number[] }>>,
  options: PlotOptions & { /** The y axis begins at 0. Default false. */ fromZero?: boolean },
): Plot {
  const series = Object.entries(curves).map(([name, curve], i): Series => {
    const pairs = "x" in curve ? curve : { x: curve.map((_, at) => at), y: curve };
    return { name, x: [...pairs.x], y: [...pairs.y], style: "line", tone: TONE_ORDER[i % TONE_ORDER.length] };
  });
  return new Plot([chart(options, series, options.fromZero ?? false)]);
}

/** Lying bars, one for each label; several series stand beside each other: `{ base: [...], tuned: [...] }`. */
export function bars(
  labels: readonly string[],
  values: readonly number[] | Readonly<Record<string, readonly number[]>>,
  options: PlotOptions,
): Plot {
  const named = Array.isArray(values) ? { [options.title]: values as readonly number[] } : values;
  const series = Object.entries(named).map(([name, y], i): Series => {
    if (y.length !== labels.length)
      throw new RangeError(
        `bars: expected ${labels.length} values of "${name}", one for each label, got ${y.length}`,
      );
    return {
      name,
      x: labels.map((_, at) => at),
      y: [...y],
      style: "bars",
      tone: TONE_ORDER[i % TONE_ORDER.length],
    };
  });
  return new Plot([{ ...chart(options, series, true), labels: [...labels] }]);
}

/** How often values lie in each of `bins` intervals of equal, round width (default: about 30 of them). */
export function histogram(
  values: readonly number[],
  options: PlotOptions & { /** About so many. Default 30. */ bins?: number },
): Plot {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) throw new RangeError("histogram: expected at least one finite value, got none");
  const low = finite.reduce((a, b) => Math.min(a, b));
  const high = finite.reduce((a, b) => Math.max(a, b));
  const raw = (high - low) / (options.bins ?? 30);
  const power = 10 ** Math.floor(Math.log10(raw || 1));
  const whole = finite.every(Number.isInteger);
  const wanted = power * ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10);
  const width = whole ? Math.max(1, Math.round(wanted)) : wanted;
  const start = Math.floor(low / width);
  const counts = new Array<number>(Math.floor(high / width) - start + 1).fill(0);
  for (const value of finite) counts[Math.floor(value / width) - start]++;
  // A bar of whole numbers of width 1 stands at its number, a wider one in the middle of its interval.
  const middle = whole && width === 1 ? 0 : 0.5;
  const x = counts.map((_, i) => Number(((start + i + middle) * width).toPrecision(12)));
  const series: Series = { name: "count", x, y: counts, style: "bars" };
  return new Plot([chart({ y: "count", ...options }, [series], true)]);
}

const TONE_ORDER: Tone[] = ["first", "second", "third", "fourth", "fifth", "sixth", "grey"];

function chart({ title, x = "", y = "", percent }: PlotOptions, series: Series[], fromZero: boolean): Chart {
  return { title, xTitle: x, yTitle: y, tickFormat: percent ? ".0%" : "", fromZero, series };
}
