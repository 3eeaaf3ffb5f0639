/** `await live(train(…))`: a whole training in one line of code, to be watched while it runs. */
import { frontEnd } from "../views/frontEnd.ts";
import type { TrainEvent } from "./events.ts";
import { TrainingHistory } from "./history.ts";

/** In a file or a pipe, about so many lines in all. */
const PLAIN_LINES = 20;
/** Redrawing a terminal faster is invisible and costs time. */
const REDRAW_MS = 100;

/**
 * Runs a training to its end. In a notebook its figure shows itself; in a script its progress is one line, in place on
 * a terminal, and otherwise a line now and then.
 *
 * @param run what `train` gives, or any events of a training
 * @returns all that was told: steps, evaluations with their sample answers, the last loss
 * @throws what the training throws
 */
export async function live(run: AsyncIterable<TrainEvent>): Promise<TrainingHistory> {
  const history = new TrainingHistory();
  const line = frontEnd() ? undefined : new Line();
  try {
    for await (const event of run) {
      history.add(event);
      line?.show(history, event);
    }
  } finally {
    line?.end();
  }
  return history;
}

class Line {
  #drawn = false;
  #lastStep = 0;
  #lastTime = 0;

  show(history: TrainingHistory, event: TrainEvent): void {
    if (event.type === "start" || event.type === "checkpoint") return;
    if (process.stdout.isTTY) this.#draw(history, event);
    else this.#print(history, event);
  }

  #draw(history: TrainingHistory, event: TrainEvent): void {
    const now = performance.now();
    if (event.type === "step" && now - this.#lastTime < REDRAW_MS) return;
    this.#lastTime = now;
    this.#drawn = true;
    // A full line would make some terminals wrap.
    process.stdout.write(`\r${history.line.slice(0, (process.stdout.columns || 80) - 1)}\u001b[K`);
  }

  #print(history: TrainingHistory, event: TrainEvent): void {
    if (event.type === "step") {
      if (event.step - this.#lastStep < event.steps / PLAIN_LINES) return;
      this.#lastStep = event.step;
    }
    process.stdout.write(`${history.line}\n`);
  }

  end(): void {
    if (this.#drawn) process.stdout.write("\n");
  }
}
