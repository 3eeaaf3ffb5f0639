import type { StepEvent, TrainEvent } from "../../sdk/train/events.ts";

/** All events of a run. */
export async function collect(run: AsyncIterable<TrainEvent>): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

export function steps(events: TrainEvent[]): StepEvent[] {
  return events.filter((event) => event.type === "step");
}

export function losses(events: TrainEvent[]): number[] {
  return steps(events).map(({ loss }) => loss);
}

/** 12 steps over 3 epochs with dropout, a checkpoint every 3: for the tests that stop and resume. */
export const resumeLora = { dropout: 0.1 };
export const resumeOptions = {
  epochs: 3,
  maxSeqLength: 40,
  microBatchSize: 1,
  gradientAccumulationSteps: 1,
  learningRate: 1e-2,
  maxSteps: 12,
  saveSteps: 3,
  seed: 4,
};
