/** Runs in the browser, inside report.html: draws the charts that the page carries as JSON. */
import Plotly from "plotly.js-basic-dist-min";
import type { Chart } from "../views/chart.ts";
import { plotly } from "../views/plotly.ts";

// The few browser names used here; the DOM's types would be seen by all of the package.
declare const document: {
  documentElement: object;
  getElementById(id: string): { textContent: string } | null;
};
declare function getComputedStyle(element: object): { getPropertyValue(name: string): string };
declare function matchMedia(query: string): { addEventListener(type: "change", listener: () => void): void };

const charts = JSON.parse(document.getElementById("data")!.textContent) as Chart[];

// Dragging zooms, a double click resets.
function draw(): void {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const colours = { ink: colour("ink"), line: colour("line"), card: colour("card") };
  for (const [i, chart] of charts.entries()) {
    // The page has the title above the chart.
    const { data, layout, config } = plotly({ charts: [{ ...chart, title: "" }] }, colours);
    void Plotly.react(document.getElementById(`chart-${i}`)!, data, layout, { ...config, responsive: true });
  }
}

draw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
