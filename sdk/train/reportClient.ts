/** Runs in the browser, inside report.html: draws the charts that the page carries as JSON. */
import Plotly from "plotly.js-basic-dist-min";
import type { Chart, Series } from "./reportData.ts";

// The few browser names used here; the DOM's types would be seen by all of the package.
declare const document: {
  documentElement: object;
  getElementById(id: string): { textContent: string } | null;
};
declare function getComputedStyle(element: object): { getPropertyValue(name: string): string };
declare function matchMedia(query: string): { addEventListener(type: "change", listener: () => void): void };

const charts = JSON.parse(document.getElementById("data")!.textContent) as Chart[];

function trace(series: Series, colours: Record<"first" | "second", string>): object {
  const colour = series.style === "points" ? colours.second : colours.first;
  return {
    name: series.name,
    x: series.x,
    y: series.y,
    mode: series.style === "points" ? "lines+markers" : "lines",
    opacity: series.style === "raw" ? 0.3 : 1,
    line: { color: colour, width: series.style === "raw" ? 1 : 2 },
    marker: { color: colour, size: 7 },
    hovertemplate: "step %{x}: %{y:.5g}",
  };
}

// Without plotly's tool bar: it would cover the legend and offers an upload. Dragging zooms, a double click resets.
function draw(): void {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const axis = { gridcolor: colour("line"), linecolor: colour("line"), zeroline: false, automargin: true };
  for (const [i, chart] of charts.entries()) {
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("ink"), family: "system-ui, sans-serif", size: 13 },
      margin: { l: 60, r: 10, t: 10, b: 40 },
      xaxis: { ...axis, title: { text: "optimizer step" } },
      yaxis: {
        ...axis,
        title: { text: chart.yTitle },
        rangemode: chart.fromZero ? "tozero" : "normal",
        tickformat: chart.tickFormat,
        exponentformat: "e",
      },
      showlegend: chart.series.length > 1,
      legend: { orientation: "h", y: 1.12 },
      hoverlabel: { bgcolor: colour("card"), font: { color: colour("ink") } },
      hovermode: "x unified",
    };
    const traces = chart.series.map((series) =>
      trace(series, { first: colour("first"), second: colour("second") }),
    );
    void Plotly.react(document.getElementById(`chart-${i}`)!, traces, layout, {
      responsive: true,
      displayModeBar: false,
    });
  }
}

draw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
