/** Draws a figure as SVG: no script, no font, no network, and colours that can be read on white and on black. */
import { type Chart, type Figure, type Series, thin, toneOf } from "./chart.ts";
import { type Html, html, TONES } from "./html.ts";
import { short } from "./numbers.ts";

const WIDTH = 920;
/** More points than this cannot be told apart in a panel. */
const POINTS = 400;
const FONT = 12;
/** Characters of a bar's name. */
const LABEL = 48;

/** Where a chart's plot lies in the picture, and how its numbers become places. */
export interface Panel {
  chart: Chart;
  left: number;
  top: number;
  width: number;
  height: number;
  x: (value: number) => number;
  y: (value: number) => number;
}

export interface Drawing {
  width: number;
  height: number;
  panels: Panel[];
  svg: string;
}

export function draw(figure: Figure): Drawing {
  const { panels, height } = arrange(figure);
  const body = panels.map((panel) => (panel.chart.labels ? lyingBars(panel) : curves(panel)));
  const title = figure.charts.map((chart) => chart.title).join(", ");
  const svg = html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${title}" font-family="system-ui, sans-serif" font-size="${FONT}" fill="${TONES.grey}">${body}</svg>`;
  return { width: WIDTH, height, panels, svg: String(svg) };
}

function arrange({ charts }: Figure): { panels: Panel[]; height: number } {
  const [first, ...others] = charts;
  if (first.labels) {
    const groups = first.labels.length * Math.max(1, first.series.length);
    const height = Math.min(900, 60 + groups * (first.series.length > 1 ? 15 : 20));
    return { panels: [panel(first, 0, 0, WIDTH, height)], height };
  }
  const height = others.length > 1 ? 390 : 300;
  const share = others.length > 0 ? Math.round(WIDTH * 0.62) : WIDTH;
  const each = height / Math.max(1, others.length);
  return {
    height,
    panels: [
      panel(first, 0, 0, share, height),
      ...others.map((chart, i) => panel(chart, share, i * each, WIDTH - share, each)),
    ],
  };
}

/** Room for title and axes around the plot. */
function panel(chart: Chart, left: number, top: number, width: number, height: number): Panel {
  const small = height < 200 && !chart.labels;
  const longest = Math.max(0, ...(chart.labels ?? []).map((label) => textWidth(cut(label, LABEL))));
  const margin = {
    left: chart.labels ? 16 + longest : 64,
    right: chart.labels ? 60 : 14,
    top: 30,
    bottom: small ? 22 : 40,
  };
  const area = {
    left: left + margin.left,
    top: top + margin.top,
    width: width - margin.left - margin.right,
    height: height - margin.top - margin.bottom,
  };
  const xs = chart.series.flatMap((series) => series.x).filter(Number.isFinite);
  const ys = chart.series.flatMap((series) => series.y).filter(Number.isFinite);
  if (chart.labels) {
    const x = scale(0, extent([0, ...ys])[1], area.left, area.left + area.width);
    return { chart, ...area, x, y: scale(0, chart.labels.length, area.top, area.top + area.height) };
  }
  const bars = chart.series.some(({ style }) => style === "bars");
  const half = bars ? spacing(xs) / 2 : 0;
  const [x0, x1] = extent(xs);
  const [y0, y1] = extent(chart.fromZero || bars ? [0, ...ys] : ys);
  const pad = (y1 - y0) * 0.05;
  const bottom = chart.fromZero || bars ? Math.min(0, y0) : y0 - pad;
  return {
    chart,
    ...area,
    x: scale(x0 - half, x1 + half, area.left, area.left + area.width),
    y: scale(bottom, y1 + pad, area.top + area.height, area.top),
  };
}

function curves(panel: Panel): Html {
  const { chart, left, top, width, height, x, y } = panel;
  const [x0, x1] = range(chart.series.flatMap((series) => series.x));
  const ySpan = invert(panel);
  const rows = ticks(ySpan[0], ySpan[1], height < 120 ? 3 : 6);
  // Between step 1 and step 2, or layer 1 and layer 2, there is nothing to mark.
  const whole = chart.series.every((series) => series.x.every(Number.isInteger));
  const columns = ticks(x0, x1, width < 400 ? 4 : 7).filter(
    (value) => value >= x0 && value <= x1 && (!whole || Number.isInteger(value)),
  );
  // In the order of the list, but what is faint or solid lies behind lines.
  const drawn = chart.series.toSorted((a, b) => depth(a) - depth(b)).map((series) => curve(series, panel));
  return html`<g>${heading(panel)}${rows.map(
    (value) =>
      html`<path d="M${at(left)} ${at(y(value))}h${at(width)}" stroke="${TONES.grey}" stroke-opacity=".25"/><text x="${at(left - 8)}" y="${at(y(value) + 4)}" text-anchor="end">${tick(value, chart)}</text>`,
  )}${columns.map(
    (value) =>
      html`<text x="${at(x(value))}" y="${at(top + height + 16)}" text-anchor="middle">${short(value)}</text>`,
  )}${height > 160 && html`<text x="${at(left + width / 2)}" y="${at(top + height + 34)}" text-anchor="middle">${chart.xTitle}</text>`}${drawn}</g>`;
}

function curve(series: Series, panel: Panel): Html {
  const { x, y } = panel;
  const colour = TONES[toneOf(series)];
  const points = thin(series, POINTS);
  const places = points.x.map((value, i) =>
    Number.isFinite(points.y[i]) && Number.isFinite(value)
      ? ([x(value), y(points.y[i])] as const)
      : undefined,
  );
  if (series.style === "bars") {
    const wide = Math.max(1, (x(spacing(series.x)) - x(0)) * 0.86);
    return html`<g fill="${colour}" fill-opacity=".85">${places.map(
      (place) =>
        place &&
        html`<rect x="${at(place[0] - wide / 2)}" y="${at(Math.min(place[1], y(0)))}" width="${at(wide)}" height="${at(Math.abs(y(0) - place[1]))}"/>`,
    )}</g>`;
  }
  let pen = "M";
  const path = places
    .map((place) => {
      const command = place ? `${pen}${at(place[0])} ${at(place[1])}` : "";
      pen = place ? "L" : "M";
      return command;
    })
    .join("");
  const faint = series.style === "raw";
  const line = html`<path class="mlab-curve" d="${path}" fill="none" stroke="${colour}" stroke-width="${faint ? 1 : 2}" stroke-opacity="${faint ? 0.35 : 1}" stroke-linejoin="round" stroke-linecap="round"/>`;
  if (series.style !== "points") return line;
  return html`${line}${places.map((place) => place && html`<circle cx="${at(place[0])}" cy="${at(place[1])}" r="3.5" fill="${colour}"/>`)}`;
}

function lyingBars(panel: Panel): Html {
  const { chart, left, top, width, height, x, y } = panel;
  const labels = chart.labels!;
  const group = height / labels.length;
  const each = Math.min(16, (group * 0.82) / Math.max(1, chart.series.length));
  const columns = ticks(0, invertX(panel), 6);
  const rows = labels.map((label, i) => {
    const start = y(i) + (group - each * chart.series.length) / 2;
    return html`<text x="${at(left - 8)}" y="${at(y(i + 0.5) + 4)}" text-anchor="end">${cut(label, LABEL)}</text>${chart.series.map(
      (series, s) => {
        const value = series.y[i];
        if (!Number.isFinite(value)) return "";
        return html`<rect x="${at(left)}" y="${at(start + s * each)}" width="${at(Math.max(0, x(value) - left))}" height="${at(each - 1)}" fill="${TONES[toneOf(series)]}" fill-opacity=".85"/><text x="${at(x(value) + 5)}" y="${at(start + (s + 0.5) * each + 3.5)}" font-size="11">${tick(value, chart)}</text>`;
      },
    )}`;
  });
  return html`<g>${heading(panel)}${columns.map(
    (value) =>
      html`<path d="M${at(x(value))} ${at(top)}v${at(height)}" stroke="${TONES.grey}" stroke-opacity=".2"/><text x="${at(x(value))}" y="${at(top + height + 16)}" text-anchor="middle">${tick(value, chart)}</text>`,
  )}<text x="${at(left + width / 2)}" y="${at(top + height + 32)}" text-anchor="middle">${chart.yTitle}</text>${rows}</g>`;
}

/** The title at the left, the unit behind it, the names of several series at the right. */
function heading({ chart, left, top, width }: Panel): Html {
  const unit = chart.labels || chart.yTitle === chart.title.toLowerCase() ? "" : ` · ${chart.yTitle}`;
  let right = left + width;
  const legend =
    chart.series.length < 2 || width < 400
      ? []
      : chart.series.toReversed().map((series) => {
          right -= textWidth(series.name) + 34;
          return html`<path d="M${at(right + 14)} ${at(top - 16)}h14" stroke="${TONES[toneOf(series)]}" stroke-width="3" stroke-opacity="${series.style === "raw" ? 0.35 : 1}"/><text x="${at(right + 33)}" y="${at(top - 12)}">${series.name}</text>`;
        });
  const from = chart.labels ? 4 : left - 52;
  return html`<text x="${at(from)}" y="${at(top - 12)}"><tspan font-weight="600">${chart.title}</tspan>${unit}</text>${legend}`;
}

/** Round numbers from `low` to `high`, about `count` of them. */
export function ticks(low: number, high: number, count: number): number[] {
  if (!(high > low)) return [low];
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

function tick(value: number, { tickFormat }: Chart): string {
  return tickFormat.endsWith("%") ? `${Number((100 * value).toFixed(1))} %` : short(value);
}

function scale(from: number, to: number, start: number, end: number): (value: number) => number {
  const factor = to > from ? (end - start) / (to - from) : 0;
  return (value) => (factor === 0 ? (start + end) / 2 : start + (value - from) * factor);
}

// Not Math.min(...values): a long run has more steps than a call may have arguments.
function range(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low > high ? [0, 1] : [low, high];
}

/** The range of values, made wider where they are all equal. */
function extent(values: readonly number[]): [number, number] {
  const [low, high] = range(values);
  if (low < high) return [low, high];
  const around = Math.abs(low) * 0.1 || 1;
  return low === 0 ? [0, 1] : [low - around, high + around];
}

/** The least distance of two x values: the width of a bar. */
function spacing(xs: readonly number[]): number {
  const sorted = [...new Set(xs)].sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((value, i) => value - sorted[i]);
  return gaps.length > 0 ? Math.min(...gaps) : 1;
}

/** The values at the bottom and the top of a panel. */
function invert({ top, height, y }: Panel): [number, number] {
  const slope = y(1) - y(0);
  if (slope === 0) return [0, 0];
  return [(top + height - y(0)) / slope, (top - y(0)) / slope];
}

function invertX({ left, width, x }: Panel): number {
  const slope = x(1) - x(0);
  return slope === 0 ? 0 : (left + width - x(0)) / slope;
}

function depth({ style }: Series): number {
  return { bars: 0, raw: 1, line: 2, points: 3 }[style];
}

/** About how wide a text is drawn, rather too wide than too narrow: there is no font to ask. */
function textWidth(text: string): number {
  return [...text].reduce((sum, character) => sum + (/[\p{Lu}mwMW%]/u.test(character) ? 9 : 6.8), 0);
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** A place in the picture: a tenth of a pixel is fine enough. */
function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}
