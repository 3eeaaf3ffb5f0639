/** A training's events as one value: what a notebook draws while it runs, and what is left of it afterwards. */
import { DISPLAY, type Displayable, type MimeBundle } from "../views/bundle.ts";
import { Plot } from "../views/figure.ts";
import { type TrainingState, trainingCharts, trainingLine, trainingView } from "../views/training.ts";
import type { DoneEvent, EvalEvent, StepEvent, TrainEvent } from "./events.ts";

/**
 * The events of a training so far. `live(train(…))` gives it; a notebook shows it as one figure, and `add` takes events by
 * hand.
 */
export class TrainingHistory implements Displayable {
  /** In the order in which they were told. */
  readonly events: TrainEvent[] = [];
  readonly steps: StepEvent[] = [];
  readonly evaluations: EvalEvent[] = [];
  readonly #notes: string[] = [];
  #total = 0;
  #end: TrainingState["end"];

  add(event: TrainEvent): void {
    this.events.push(event);
    if (event.type === "start") {
      this.#total = event.steps;
      this.#notes.push(...event.notes);
    } else if (event.type === "step") this.steps.push(event);
    else if (event.type === "eval") this.evaluations.push(event);
    else if (event.type === "memory") this.#notes.push(event.text);
    else if (event.type === "done") this.#end = { reason: event.reason, seconds: event.seconds };
  }

  /** Steps and evaluations of an earlier session of the run, to be drawn in front. */
  continueFrom(events: readonly TrainEvent[], startStep: number): void {
    for (const event of events) {
      if ((event.type === "step" || event.type === "eval") && event.step <= startStep) this.add(event);
    }
  }

  /** The consumer left the loop: there is no "done" event. */
  leave(seconds: number): void {
    this.#end ??= { reason: "stopped", seconds };
  }

  get done(): DoneEvent | undefined {
    return this.events.findLast((event) => event.type === "done");
  }

  /** Mean of -log p over the last step's trained tokens, in nats; undefined before the first step. */
  get loss(): number | undefined {
    return this.steps.at(-1)?.loss;
  }

  /** The curves alone. */
  get curves(): Plot {
    return new Plot(trainingCharts(this));
  }

  /** How far it is, in one line. */
  get line(): string {
    return trainingLine(this.#state);
  }

  /** Everything. `live`: it will be drawn again soon. */
  view(options: { live?: boolean } = {}): MimeBundle {
    return trainingView(this.#state, options);
  }

  /** One line: the figure was shown while it ran; `curves` shows it again. */
  [DISPLAY](): MimeBundle {
    return { "text/plain": this.line };
  }

  get #state(): TrainingState {
    const { steps, evaluations } = this;
    return { total: this.#total, steps, evaluations, end: this.#end, notes: this.#notes };
  }
}
