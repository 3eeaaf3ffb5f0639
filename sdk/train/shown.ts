/** Lets a training show itself in the notebook that it runs in: one figure, drawn again in the same place. */
import { Place } from "../views/bundle.ts";
import { frontEnd } from "../views/frontEnd.ts";
import type { TrainEvent } from "./events.ts";
import { TrainingHistory } from "./history.ts";
import type { ResolvedTrainOptions } from "./options.ts";
import { readRunLog } from "./runLog.ts";

/** Milliseconds between two drawings: more often cannot be followed, and fills the browser's queue. */
const REDRAW_MS = 300;
/** Drawing takes at most this share of the time. */
const DRAWING_SHARE = 0.05;

/** The same events; in a notebook, unless `figure` is false, with their figure. */
export function shown(
  run: AsyncGenerator<TrainEvent, void, void>,
  options: Pick<ResolvedTrainOptions, "figure" | "outputDir">,
): AsyncGenerator<TrainEvent, void, void> {
  return options.figure && frontEnd() ? draw(run, options.outputDir) : run;
}

async function* draw(
  run: AsyncGenerator<TrainEvent, void, void>,
  outputDir: string | undefined,
): AsyncGenerator<TrainEvent, void, void> {
  const place = new Place();
  const history = new TrainingHistory();
  const started = performance.now();
  let next = 0;
  try {
    for await (const event of run) {
      if (event.type === "start" && event.startStep > 0 && outputDir !== undefined)
        history.continueFrom(readRunLog(outputDir), event.startStep);
      history.add(event);
      const now = performance.now();
      // An evaluation brings new text, which should be seen even when the next step is long.
      if (now >= next || event.type === "eval") {
        place.draw(history.view({ live: true }));
        const took = performance.now() - now;
        next = now + Math.max(REDRAW_MS, took / DRAWING_SHARE);
      }
      yield event;
    }
  } finally {
    history.leave((performance.now() - started) / 1000);
    place.draw(history.view());
  }
}
