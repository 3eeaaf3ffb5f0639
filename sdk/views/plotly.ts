/**
 * Describes a figure for plotly: VS Code draws it with hover and zoom, and so does JupyterLab where plotly's extension is
 * installed; report.html does so offline. They show this form alone, so what is to be read with it stands in it.
 */
import { harmless } from "../text/harmless.ts";
import { type Chart, type Figure, type Series, toneOf } from "./chart.ts";
import { TONES } from "./html.ts";

/** Colours of the page where they are known; otherwise tones for white and black. */
export interface PlotlyColours {
  ink: string;
  line: string;
  card?: string;
}

const ANY_PAGE: PlotlyColours = { ink: TONES.grey, line: "rgba(128,128,128,0.25)" };

export interface PlotlyFigure {
  data: object[];
  layout: object;
  config: object;
}

/** plotly breaks no lines. */
const LINE = 120;
/** Pixels of a line of words. */
const LINE_HEIGHT = 17;

export function plotly({ charts, words }: Figure, colours: PlotlyColours = ANY_PAGE): PlotlyFigure {
  const others = charts.length - 1;
  const axes: Record<string, object> = {};
  const annotations: object[] = [];
  charts.forEach((chart, i) => {
    const suffix = i === 0 ? "" : String(i + 1);
    const x = others === 0 ? [0, 1] : i === 0 ? [0, 0.6] : [0.7, 1];
    const high = 1 / Math.max(1, others);
    const y =
      i === 0 ? [0, 1] : [1 - i * high + (i < others ? 0.1 : 0), 1 - (i - 1) * high - (i > 1 ? 0.06 : 0)];
    Object.assign(axes, axesOf(chart, suffix, { x, y }, colours, others > 0, i === 0));
    if (others > 0)
      annotations.push({
        text: heading(chart),
        showarrow: false,
        xref: "paper",
        yref: "paper",
        x: x[0],
        y: y[1],
        xanchor: "left",
        yanchor: "bottom",
      });
  });
  const above = words ? broken(words.above) : [];
  const below = words ? words.below.flatMap(broken) : [];
  annotations.push(...paragraph(above, "above"), ...paragraph(below, "below"));
  const title = others === 0 ? plain(charts[0].title) : "";
  const showlegend = charts[0].series.length > 1;
  // A title stands over the legend, not in it.
  const heads = above.length + (title !== "" && showlegend ? 1 : 0);
  const [top, bottom] = [40 + heads * LINE_HEIGHT, 52 + below.length * LINE_HEIGHT];
  return {
    data: charts.flatMap((chart, i) => chart.series.map((series) => trace(series, chart, i, charts.length))),
    layout: {
      ...axes,
      annotations,
      ...(title === ""
        ? {}
        : {
            title: {
              text: title,
              font: { size: 14 },
              yref: "container",
              y: 1,
              yanchor: "top",
              pad: { t: 10 },
            },
          }),
      height: (others > 1 ? 330 : 230) + top + bottom,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colours.ink, family: "system-ui, sans-serif", size: 12 },
      margin: { l: 60, r: 10, t: top, b: bottom },
      showlegend,
      legend: {
        orientation: "h",
        ...(others > 0 ? { x: 0.6, xanchor: "right" } : { x: 0 }),
        y: 1,
        yanchor: "bottom",
      },
      hovermode: charts[0].labels ? "closest" : "x unified",
      // Drawn again with more points, a zoomed figure stays zoomed.
      uirevision: "mistral-lab",
      ...(colours.card ? { hoverlabel: { bgcolor: colours.card, font: { color: colours.ink } } } : {}),
    },
    // Without plotly's tool bar: it would cover the legend and offers an upload. Not "responsive": JupyterLab resizes
    // its figures itself, and one that is scrolled out of sight would shrink to nothing.
    config: { displayModeBar: false },
  };
}

function axesOf(
  chart: Chart,
  suffix: string,
  domain: { x: number[]; y: number[] },
  { line }: PlotlyColours,
  /** The chart's own title names its unit: there is no room beside the axes of several charts. */
  titled: boolean,
  large: boolean,
): Record<string, object> {
  const axis = { gridcolor: line, linecolor: line, zeroline: false, automargin: true };
  const numbers = {
    tickformat: chart.tickFormat,
    exponentformat: "e",
    rangemode: chart.fromZero ? "tozero" : "normal",
  };
  const lying = chart.labels !== undefined;
  return {
    [`xaxis${suffix}`]: {
      ...axis,
      ...(lying ? numbers : wholeSteps(chart)),
      title: { text: large ? plain(lying ? chart.yTitle : chart.xTitle) : "", standoff: 6 },
      domain: domain.x,
      anchor: `y${suffix}`,
    },
    [`yaxis${suffix}`]: {
      ...axis,
      ...(lying
        ? { autorange: "reversed" }
        : { ...numbers, title: { text: titled ? "" : plain(chart.yTitle) } }),
      domain: domain.y,
      anchor: `x${suffix}`,
    },
  };
}

/** Layers and epochs are counted: there is none between the second and the third. */
function wholeSteps({ series }: Chart): object {
  const all = series.flatMap(({ x }) => x);
  const few = Math.max(...all) - Math.min(...all) <= 12;
  return all.length > 0 && few && all.every(Number.isInteger) ? { dtick: 1 } : {};
}

function trace(series: Series, chart: Chart, panel: number, panels: number): object {
  const color = TONES[toneOf(series)];
  const suffix = panel === 0 ? "" : String(panel + 1);
  const place = {
    name: plain(series.name),
    xaxis: `x${suffix}`,
    yaxis: `y${suffix}`,
    showlegend: panel === 0,
  };
  const y = series.y.map((value) => (Number.isFinite(value) ? value : null));
  if (chart.labels)
    return { ...place, type: "bar", orientation: "h", x: y, y: chart.labels.map(plain), marker: { color } };
  if (series.style === "bars") return { ...place, type: "bar", x: series.x, y, marker: { color } };
  return {
    ...place,
    type: "scatter",
    x: series.x,
    y,
    mode: series.style === "points" ? "lines+markers" : "lines",
    opacity: series.style === "raw" ? 0.35 : 1,
    line: { color, width: series.style === "raw" ? 1 : 2 },
    marker: { color, size: 7 },
    hovertemplate: panels === 1 ? "%{y:.5g}" : "step %{x}: %{y:.5g}",
  };
}

function heading({ title, yTitle }: Chart): string {
  const unit = yTitle === title.toLowerCase() ? "" : ` · ${plain(yTitle)}`;
  return `<b>${plain(title)}</b>${unit}`;
}

/** Lines over the curves and their names, or under the axis. */
function paragraph(lines: readonly string[], place: "above" | "below"): object[] {
  if (lines.length === 0) return [];
  return [
    {
      text: lines.map(plain).join("<br>"),
      align: "left",
      showarrow: false,
      xref: "paper",
      yref: "paper",
      x: 0,
      xanchor: "left",
      xshift: -50,
      ...(place === "above"
        ? { y: 1, yanchor: "bottom", yshift: 36 }
        : { y: 0, yanchor: "top", yshift: -46 }),
    },
  ];
}

/** Lines of at most LINE characters, cut between words. */
function broken(text: string): string[] {
  const lines: string[] = [];
  for (const line of harmless(text).split("\n")) {
    let current = "";
    for (const word of line.split(" ")) {
      if (current !== "" && current.length + word.length >= LINE) {
        lines.push(current);
        current = "    ";
      }
      current += current.trim() === "" ? word : ` ${word}`;
    }
    lines.push(current);
  }
  return lines;
}

/** plotly reads a few tags in its texts. */
function plain(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
