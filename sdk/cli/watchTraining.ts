/** Shows the events of a training as they come: JSON lines, a bar on a terminal, or plain lines. */
import pc from "picocolors";
import type { TrainEvent } from "../index.ts";
import { bytes, clock, count, duration, plural } from "../views/numbers.ts";
import { type Output, rate } from "./output.ts";
import { ProgressLine } from "./progress.ts";

type StartEvent = Extract<TrainEvent, { type: "start" }>;
type StepEvent = Extract<TrainEvent, { type: "step" }>;
type DoneEvent = Extract<TrainEvent, { type: "done" }>;

/**
 * Consumes the events to the end.
 *
 * @param onStart called once the run owns its folder; gives the start event as it is told to other programs
 * @param onBroken called where a loss that is not a number, or lack of memory, ends the run, before it throws
 * @returns the "done" event, which is not told yet: the caller may have files to write first
 */
export async function watchTraining(
  output: Output,
  events: AsyncIterable<TrainEvent>,
  onStart: (event: StartEvent) => StartEvent,
  onBroken: (event: DoneEvent) => Promise<void>,
): Promise<DoneEvent> {
  const bar = new ProgressLine(output, "training");
  let firstLoss: number | undefined;
  let tokensPerSecond: number[] = [];
  try {
    for await (const event of events) {
      switch (event.type) {
        case "start":
          output.event(onStart(event));
          showStart(output, event);
          bar.update({ done: event.startStep, total: event.steps, facts: [] });
          break;
        case "step":
          output.event(event);
          firstLoss ??= event.loss;
          tokensPerSecond = [...tokensPerSecond.slice(-9), event.tokensPerSecond];
          bar.update({ done: event.step, total: event.steps, facts: facts(event, mean(tokensPerSecond)) });
          break;
        case "eval":
          output.event(event);
          bar.note(
            `${at(event.step)} held-out loss ${event.loss.toFixed(3)}, perplexity ${event.perplexity.toFixed(2)}`,
          );
          break;
        case "memory":
          output.event(event);
          bar.note(`${at(event.step)} ${pc.yellow(event.text)}`);
          break;
        case "checkpoint":
          output.event(event);
          bar.note(`${at(event.step)} ${pc.dim(`checkpoint ${event.path}`)}`);
          break;
        case "done":
          bar.clear();
          if (event.reason === "finished") showDone(output, event, firstLoss);
          // With a loss that is not a number, or without memory, the next turn of the loop throws and says why.
          if (event.reason === "finished" || event.reason === "stopped") return event;
          output.event(event);
          await onBroken(event);
      }
    }
  } finally {
    bar.clear();
  }
  throw new Error("the training ended without saying so");
}

function showStart(output: Output, event: StartEvent): void {
  const { steps, startStep, epochs, examples, tokensPerEpoch } = event;
  output.topic(
    "Training",
    `${plural(steps, "step")}: ${plural(epochs, "epoch")} of ${plural(examples, "example")}, ${count(tokensPerEpoch)} tokens each`,
  );
  if (startStep > 0) output.topic("", `goes on after step ${startStep}`);
  if (event.plan) output.topic("", memoryPlan(event.plan, event.predictedPeakBytes ?? 0));
  else if (event.gradientCheckpointing)
    output.topic("", "activations are computed twice to save memory (gradient checkpointing)");
  for (const note of event.notes) output.warn(note);
}

function memoryPlan(
  { layers: { all, lean, attention, input }, keptCopies }: NonNullable<StartEvent["plan"]>,
  peak: number,
): string {
  const layers = all + lean + attention + input;
  const twice = attention + input;
  const parts = [
    ...(twice > 0
      ? [
          `activations of ${twice === layers ? "all layers" : `${twice} of ${plural(layers, "layer")}`} are computed twice`,
        ]
      : []),
    ...(lean > 0 ? [`norms and SwiGLU ${lean === layers ? "" : `of ${plural(lean, "layer")} `}too`] : []),
  ];
  const activations = parts.length === 0 ? "activations are kept" : parts.join(", ");
  const weights = keptCopies ? ", frozen weights are kept decoded" : "";
  return `about ${bytes(peak)} of GPU memory: ${activations}${weights}`;
}

function showDone(output: Output, { steps, seconds, loss }: DoneEvent, firstLoss: number | undefined): void {
  const fall =
    firstLoss === undefined || loss === null ? "" : `, loss ${firstLoss.toFixed(3)} → ${loss.toFixed(3)}`;
  output.topic("Trained", `${plural(steps, "step")} in ${duration(seconds)}${fall}`);
}

/** In the order in which they may be left out on a narrow terminal, the last first. */
function facts(event: StepEvent, tokensPerSecond: number): string[] {
  return [
    `loss ${event.loss.toFixed(3)}`,
    `lr ${rate(event.learningRate)}`,
    `grad ${event.gradNorm.toFixed(2)}`,
    `${tokensPerSecond.toFixed(0)} tok/s`,
    `ETA ${clock(event.secondsLeft)}`,
  ];
}

function at(step: number): string {
  return `          step ${step}:`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
