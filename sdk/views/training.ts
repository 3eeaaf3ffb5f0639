/** What one sees of a training: its figure, how far it is, what the model answered at each evaluation. */
import { type MimeBundle, mimeBundle } from "./bundle.ts";
import { type Chart, type Series, smooth, thin } from "./chart.ts";
import { figureBundle } from "./figure.ts";
import { bar, facts, type Html, html, output, TONES } from "./html.ts";
import { bytes, clock, number, short, sparkline } from "./numbers.ts";

/** The numbers of a step that are drawn; `train`'s step events have them. */
export interface StepNumbers {
  step: number;
  steps: number;
  epoch: number;
  loss: number;
  learningRate: number;
  tokensPerSecond: number;
  secondsLeft: number;
  memoryBytes: number;
  gpuPeakBytes?: number;
}

/** An answer of the model to a held-out question. */
export interface SampleAnswer {
  question: string;
  answer: string;
  reference: string;
}

export interface EvaluationNumbers {
  step: number;
  loss: number;
  perplexity: number;
  samples?: readonly SampleAnswer[];
}

/** A training as far as it has come. */
export interface TrainingState {
  /** Optimizer steps of the whole run. */
  total: number;
  steps: readonly StepNumbers[];
  evaluations: readonly EvaluationNumbers[];
  /** Absent while it runs. */
  end?: { reason: string; seconds: number };
  notes: readonly string[];
}

/** Loss, learning rate, throughput and memory over the steps. */
export function trainingCharts({
  steps,
  evaluations,
}: Pick<TrainingState, "steps" | "evaluations">): Chart[] {
  const x = steps.map(({ step }) => step);
  const curve = (name: string, y: number[], style: Series["style"], at = x): Series =>
    thin({ name, x: at, y, style });
  const losses = steps.map(({ loss }) => loss);
  const speeds = steps.map(({ tokensPerSecond }) => tokensPerSecond);
  const gpu = steps.some(({ gpuPeakBytes }) => gpuPeakBytes !== undefined);
  const memory = steps.map((step) => (gpu ? (step.gpuPeakBytes ?? Number.NaN) : step.memoryBytes) / 2 ** 20);
  const loss = [curve("each step", losses, "raw"), curve("smoothed", smooth(losses), "line")];
  if (evaluations.length > 0) {
    const at = evaluations.map(({ step }) => step);
    loss.push(
      curve(
        "validation",
        evaluations.map(({ loss }) => loss),
        "points",
        at,
      ),
    );
  }
  const over = { xTitle: "step", tickFormat: "", fromZero: true };
  return [
    { ...over, title: "Loss", yTitle: "nats per token", fromZero: false, series: loss },
    {
      ...over,
      title: "Learning rate",
      yTitle: "learning rate",
      series: [
        curve(
          "learning rate",
          steps.map(({ learningRate }) => learningRate),
          "line",
        ),
      ],
    },
    {
      ...over,
      title: "Throughput",
      yTitle: "tokens per second",
      tickFormat: ",.0f",
      series: [curve("each step", speeds, "raw"), curve("smoothed", smooth(speeds), "line")],
    },
    {
      ...over,
      title: gpu ? "GPU memory at its peak" : "Memory",
      yTitle: "MiB",
      tickFormat: ",.0f",
      series: [{ ...curve("memory", memory, "line"), tone: "third" }],
    },
  ];
}

/** The whole view. `live`: it will be drawn again soon. */
export function trainingView(state: TrainingState, { live = false } = {}): MimeBundle {
  const text = trainingText(state);
  if (state.steps.length === 0 && state.evaluations.length === 0)
    return mimeBundle(text, output(html`<p class="mlab-line">${text}</p>${notes(state)}`));
  return figureBundle(
    { charts: trainingCharts(state), words: { above: trainingLine(state), below: answerLines(state) } },
    {
      text,
      still: !live,
      around: (figure) => html`${head(state)}${figure}${samples(state)}${notes(state)}`,
    },
  );
}

/** One line: how far it is, the loss, the speed. */
export function trainingLine(state: TrainingState): string {
  return trainingFacts(state)
    .map(([label, value]) => `${label} ${value}`)
    .join(" · ");
}

function trainingFacts({ total, steps, evaluations, end }: TrainingState): [string, string][] {
  const last = steps.at(-1);
  const pairs: [string, string][] = [];
  if (end) pairs.push([end.reason, `${clock(end.seconds)}`]);
  pairs.push(["step", `${number(last?.step ?? 0)} of ${number(total)}`]);
  if (!last) return pairs;
  pairs.push(
    ["epoch", last.epoch.toFixed(2)],
    ["loss", short(smooth(steps.map(({ loss }) => loss)).at(-1)!)],
  );
  const evaluation = evaluations.at(-1);
  if (evaluation)
    pairs.push(["validation", `${short(evaluation.loss)} (perplexity ${short(evaluation.perplexity)})`]);
  pairs.push(["tokens/s", number(smooth(steps.map(({ tokensPerSecond }) => tokensPerSecond)).at(-1), 0)]);
  pairs.push(["memory", bytes(last.gpuPeakBytes ?? last.memoryBytes)]);
  if (!end) pairs.push(["left", clock(last.secondsLeft)]);
  return pairs;
}

const TRACK =
  "height:4px;border-radius:2px;background:rgba(128,128,128,.25);margin:.2em 0 .6em;overflow:hidden";

function head(state: TrainingState): Html {
  const share = (state.steps.at(-1)?.step ?? 0) / Math.max(1, state.total);
  const colour = state.end && state.end.reason !== "finished" ? TONES.second : TONES.third;
  return html`${facts(trainingFacts(state))}<div style="${TRACK}"><div style="height:4px;width:${(100 * share).toFixed(1)}%;background:${colour}"></div></div>`;
}

/** The newest answers in full, the earlier ones folded. */
function samples({ evaluations }: TrainingState): Html | undefined {
  const told = evaluations.filter((evaluation) => (evaluation.samples?.length ?? 0) > 0);
  const newest = told.at(-1);
  if (!newest) return undefined;
  const earlier = told.slice(0, -1).reverse();
  return html`<details open><summary>What it answers at step ${newest.step}</summary>${sampleTable([newest], true)}</details>${
    earlier.length > 0 &&
    html`<details><summary>What it answered before</summary>${sampleTable(earlier, false)}</details>`
  }`;
}

function sampleTable(evaluations: readonly EvaluationNumbers[], references: boolean): Html {
  const rows = evaluations.flatMap(({ step, samples = [] }) =>
    samples.map(
      ({ question, answer, reference }) =>
        html`<tr><td class="mlab-n">${step}</td><td>${question}</td><td>${answer || "(nothing)"}</td>${references && html`<td class="mlab-muted">${reference}</td>`}</tr>`,
    ),
  );
  return html`<table class="mlab-t"><thead><tr><th class="mlab-n">step</th><th>question</th><th>answer</th>${references && html`<th>reference</th>`}</tr></thead><tbody>${rows}</tbody></table>`;
}

function notes({ notes }: TrainingState): Html | undefined {
  return notes.length > 0
    ? html`<ul class="mlab-muted">${notes.map((note) => html`<li>${note}</li>`)}</ul>`
    : undefined;
}

function trainingText(state: TrainingState): string {
  const text = [trainingLine(state)];
  if (state.steps.length > 1) text.push(`loss ${sparkline(smooth(state.steps.map(({ loss }) => loss)))}`);
  return [...text, ...answerLines(state)].join("\n");
}

/** The newest answers, and the notes. */
function answerLines({ evaluations, notes }: TrainingState): string[] {
  const told = evaluations.findLast((evaluation) => (evaluation.samples?.length ?? 0) > 0);
  const answers = (told?.samples ?? []).map(
    ({ question, answer }) => `« ${question} » → ${answer || "(nothing)"}`,
  );
  return [...(told ? [`What it answers at step ${told.step}:`] : []), ...answers, ...notes];
}

/** One event of a training as a row of facts; `event` is any plain object with a `type`. */
export function eventView(event: { type: string }): MimeBundle {
  const pairs = Object.entries(event)
    .filter(
      ([key, value]) =>
        key !== "type" && value !== undefined && (typeof value !== "object" || value === null),
    )
    .map(([key, value]): [string, string] => [words(key), eventValue(key, value)]);
  const rest = Object.entries(event).filter(
    ([, value]) => typeof value === "object" && value !== null && Object.keys(value).length > 0,
  );
  const text = `${event.type}: ${pairs.map(([label, value]) => `${label} ${value}`).join(", ")}`;
  const lists = rest.map(([key, value]) => `${words(key)} ${JSON.stringify(value)}`);
  const share = "step" in event && "steps" in event ? Number(event.step) / Number(event.steps) : undefined;
  return mimeBundle(
    [text, ...lists].join("\n"),
    output(
      html`<p class="mlab-line"><b>${event.type}</b> ${share !== undefined && bar(share, "third", 8)}</p>`,
      facts(pairs),
      lists.map((line) => html`<p class="mlab-line">${line}</p>`),
    ),
  );
}

function words(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function eventValue(key: string, value: unknown): string {
  if (typeof value !== "number") return String(value);
  if (/bytes$/i.test(key)) return bytes(value);
  return Number.isInteger(value) ? number(value) : short(value);
}
