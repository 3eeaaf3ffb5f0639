/** Describes a figure for plotly: JupyterLab and VS Code draw it with hover and zoom, report.html does so offline. */
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

export function plotly({ charts }: Figure, colours: PlotlyColours = ANY_PAGE): PlotlyFigure {
  const others = charts.length - 1;
  const axes: Record<string, object> = {};
  const annotations: object[] = [];
  charts.forEach((chart, i) => {
    const suffix = i === 0 ? "" : String(i + 1);
    const x = others === 0 ? [0, 1] : i === 0 ? [0, 0.6] : [0.7, 1];
    const high = 1 / Math.max(1, others);
    const y =
      i === 0 ? [0, 1] : [1 - i * high + (i < others ? 0.1 : 0), 1 - (i - 1) * high - (i > 1 ? 0.06 : 0)];
    Object.assign(axes, axesOf(chart, suffix, { x, y }, colours));
    if (others > 0)
      annotations.push({
        text: plain(chart.title),
        showarrow: false,
        xref: "paper",
        yref: "paper",
        x: x[0],
        y: y[1],
        xanchor: "left",
        yanchor: "bottom",
      });
  });
  return {
    data: charts.flatMap((chart, i) => chart.series.map((series) => trace(series, chart, i, charts.length))),
    layout: {
      ...axes,
      annotations,
      ...(others === 0 && charts[0].title !== ""
        ? { title: { text: plain(charts[0].title), font: { size: 14 } } }
        : {}),
      height: others > 1 ? 420 : 320,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colours.ink, family: "system-ui, sans-serif", size: 12 },
      margin: { l: 60, r: 10, t: 40, b: 44 },
      showlegend: charts[0].series.length > 1,
      legend: { orientation: "h", y: 1.12, x: others > 0 ? 0.1 : 0 },
      hovermode: charts[0].labels ? "closest" : "x unified",
      // Drawn again with more points, a zoomed figure stays zoomed.
      uirevision: "mistral-lab",
      ...(colours.card ? { hoverlabel: { bgcolor: colours.card, font: { color: colours.ink } } } : {}),
    },
    // Without plotly's tool bar: it would cover the legend and offers an upload.
    config: { responsive: true, displayModeBar: false },
  };
}

function axesOf(
  chart: Chart,
  suffix: string,
  domain: { x: number[]; y: number[] },
  { line }: PlotlyColours,
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
      ...(lying ? numbers : {}),
      title: { text: plain(lying ? chart.yTitle : chart.xTitle) },
      domain: domain.x,
      anchor: `y${suffix}`,
    },
    [`yaxis${suffix}`]: {
      ...axis,
      ...(lying ? { autorange: "reversed" } : { ...numbers, title: { text: plain(chart.yTitle) } }),
      domain: domain.y,
      anchor: `x${suffix}`,
    },
  };
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

/** plotly reads a few tags in its texts. */
function plain(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
