/** What a report shows, from a run's events and settings: plain numbers and texts, ready to draw. */
import { type Chart, smooth } from "../views/chart.ts";
import { bytes, count, duration, number } from "../views/numbers.ts";
import { trainingCharts } from "../views/training.ts";
import type { TrainEvent } from "./events.ts";
import type { RunSettings } from "./settings.ts";

export interface ReportData {
  title: string;
  subtitle: string;
  /** Big numbers at the top. */
  facts: [label: string, value: string][];
  charts: Chart[];
  tables: { title: string; rows: [label: string, value: string][] }[];
}

/** @throws when the events hold no start */
export function reportData(events: readonly TrainEvent[], settings: RunSettings): ReportData {
  const start = events.find((event) => event.type === "start");
  if (!start) throw new Error("report: the log holds no run: train first");
  const steps = events.filter((event) => event.type === "step");
  const evaluations = events.filter((event) => event.type === "eval");
  const done = events.findLast((event) => event.type === "done");
  const losses = steps.map(({ loss }) => loss);
  const last = evaluations.at(-1);
  const best = evaluations.toSorted((a, b) => a.loss - b.loss)[0];
  const facts: [string, string][] = [
    ["steps", `${steps.at(-1)?.step ?? 0} of ${start.steps}`],
    ["loss at the end (smoothed)", number(smooth(losses).at(-1))],
  ];
  if (last)
    facts.push(["validation loss", number(last.loss)], ["validation perplexity", number(last.perplexity)]);
  facts.push([
    "tokens per second (median)",
    number(median(steps.map(({ tokensPerSecond }) => tokensPerSecond)), 0),
  ]);

  const results: [string, string][] = [
    ["end", done ? ENDS[done.reason] : "still running, or killed"],
    ["time of the last session", done ? duration(done.seconds) : "–"],
    ["first loss → last loss (nats)", `${number(losses[0])} → ${number(losses.at(-1))}`],
    ["largest gradient norm", number(largest(steps.map(({ gradNorm }) => gradNorm)))],
    ["largest memory", bytes(largest(steps.map(({ memoryBytes }) => memoryBytes)))],
  ];
  if (best) results.push(["best validation loss", `${number(best.loss)} at step ${best.step}`]);
  return {
    title: "Training report",
    subtitle: `${settings.baseModel} · ${settings.startedAt.slice(0, 16).replace("T", " ")} UTC`,
    facts,
    charts: trainingCharts({ steps, evaluations }),
    tables: [
      { title: "Results", rows: results },
      {
        title: "Data and model",
        rows: [
          ["examples", count(start.examples)],
          [
            "tokens of an epoch",
            `${count(start.tokensPerEpoch)}, ${count(start.trainedTokensPerEpoch)} of them trained`,
          ],
          ["trained parameters", count(start.trainableParameters)],
          ...Object.entries(settings.lora ?? {}).map(([key, value]): [string, string] => [
            `lora.${key}`,
            text(value),
          ]),
          ["device", start.device],
          ["node", settings.node],
        ],
      },
      { title: "Settings", rows: Object.entries(settings.options).map(([key, value]) => [key, text(value)]) },
    ],
  };
}

const ENDS = {
  finished: "finished",
  stopped: "stopped before its end",
  nan: "stopped: loss or gradient not finite",
  memory: "stopped: not enough GPU memory",
};

// Not Math.max(...values): a long run has more steps than a call may have arguments.
function largest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

function text(value: unknown): string {
  if (Array.isArray(value)) return value.join(", ");
  return value === null || value === undefined ? "–" : String(value);
}
