/** The training loop: from a model and examples to events, step by step. */

import { setImmediate as breathe } from "node:timers/promises";
import { activeCuda } from "../backend/cuda/backend.ts";
import { isOutOfMemory } from "../backend/cuda/memory.ts";
import { makeBatch, type PackedRow } from "../data/batches.ts";
import { checkExamples, checkLengths, type Example } from "../data/example.ts";
import { checkModel, type MistralModel } from "../model/mistral.ts";
import { gradientNorm } from "../ops/gradientNorm.ts";
import { Interruption } from "../views/frontEnd.ts";
import type { DoneEvent, EvalEvent, MemoryEvent, StepEvent, TrainEvent } from "./events.ts";
import { Accumulator, dropoutSeed, microBatchGradients } from "./gradients.ts";
import { clipFactor } from "./optimizer.ts";
import { type ResolvedTrainOptions, resolveTrainOptions, type TrainOptions } from "./options.ts";
import { TrainingRun } from "./run.ts";
import { learningRateAt } from "./schedule.ts";
import { shown } from "./shown.ts";
import { sampleAnswers, validationLoss } from "./validation.ts";

/**
 * Trains `model.trainableVariables()` in place: the adapter of `attachLora`, or every weight of a model that was
 * loaded for full training. AdamW; the loss of a step is the mean over its trained tokens, however they are split
 * into micro batches. One event a step; the event loop gets its turn after every micro batch.
 *
 *     for await (const event of train(model, examples, { epochs: 3 })) console.log(event);
 *
 * It ends with a "done" event. Leaving the loop early, or aborting `signal`, ends it after the current micro batch
 * with a checkpoint of the last whole step (where there is an `outputDir`). The model always has the values of the
 * last whole step. When a GPU's memory runs out, a "memory" event tells that micro batches are smaller from then on.
 *
 * @throws at the call: when an option is wrong, there is nothing to train, no example has a trained token, or one
 *   is longer than the model or `maxSeqLength` allows.
 *   In the loop: when `outputDir` is taken, when a resume does not fit (names all differences), when a checkpoint
 *   cannot be written, when no micro batch fits into a GPU's memory, when another training of the same model begins
 *   before this one ends, and after the event "done" with the reason "nan"
 *   when loss or gradient are not finite, or "memory" when not even one row fits any more.
 */
export function train(
  model: MistralModel,
  examples: readonly Example[],
  options: TrainOptions = {},
): AsyncGenerator<TrainEvent, void, void> {
  const resolved = resolveTrainOptions(options);
  checkModel("train", model);
  checkExamples("train", examples);
  if (model.trainableVariables().size === 0) {
    throw new Error("train: the model has nothing to train; attachLora(model) first");
  }
  const { maxPositions } = model.config;
  const { maxSeqLength, evalExamples } = resolved;
  checkLengths("train: examples", examples, maxPositions, "the longest text that the model was made for");
  if (evalExamples) {
    checkExamples("train: evalExamples", evalExamples);
    const most = Math.min(maxSeqLength, maxPositions);
    checkLengths("train: evalExamples", evalExamples, most, "what maxSeqLength and the model allow");
  }
  const run = new TrainingRun(model, examples, resolved);
  return shown(loop(run, resolved, new Interruption(resolved.signal)), resolved);
}

async function* loop(
  run: TrainingRun,
  options: ResolvedTrainOptions,
  interruption: Interruption,
): AsyncGenerator<TrainEvent, void, void> {
  // Stays true when the consumer leaves before the end: a generator then continues in `finally`, without an error.
  let left = true;
  try {
    yield run.tell(await run.open());
    let stopped = false;
    while (run.step < run.plan.steps) {
      const told: MemoryEvent[] = [];
      const outcome = await trainStep(run, options, interruption, told);
      for (const event of told) yield run.tell(event);
      if (outcome === "stopped") {
        stopped = true;
        break;
      }
      if ("problem" in outcome) {
        if (run.unsaved) yield run.tell(await run.save());
        left = false;
        yield run.tell(run.done(outcome.reason));
        throw new Error(explain(outcome, run, options));
      }
      yield run.tell(outcome);
      if (evaluationIsDue(run, options)) {
        const event = await evaluate(run, options, interruption);
        if (event) yield run.tell(event);
      }
      if (run.unsaved && run.step % options.saveSteps === 0) yield run.tell(await run.save());
    }
    if (run.unsaved) yield run.tell(await run.save());
    left = false;
    yield run.tell(run.done(stopped ? "stopped" : "finished"));
  } catch (error) {
    left = false;
    throw error;
  } finally {
    try {
      if (left) await run.leave();
    } finally {
      run.close();
    }
  }
}

interface Problem {
  problem: string;
  reason: Extract<DoneEvent["reason"], "nan" | "memory">;
}

type Outcome = StepEvent | "stopped" | Problem;

/** One optimizer step. Does not touch the model unless it returns a step event. */
async function trainStep(
  run: TrainingRun,
  options: ResolvedTrainOptions,
  interruption: Interruption,
  told: MemoryEvent[],
): Promise<Outcome> {
  const started = performance.now();
  const learningRate = learningRateAt(run.step, { ...options, steps: run.plan.steps });
  const sum = new Accumulator();
  const rows = run.plan.rows(run.step);
  const seed = dropoutSeed(options.seed, run.step);
  try {
    for (let next = 0; next < rows.length; ) {
      if (interruption.aborted) return "stopped";
      const { microBatchSize } = run.memory;
      const micro = rows.slice(next, next + microBatchSize);
      try {
        const value = await addMicroBatch(sum, run, micro, seed);
        if (!Number.isFinite(value)) {
          const index = Math.floor(next / microBatchSize);
          return { problem: `the loss of micro batch ${index + 1} is ${value}`, reason: "nan" };
        }
        next += micro.length;
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        const event = await run.memory.makeRoom(micro.length, run.step);
        if (!event)
          return { problem: `not even one row fits: ${(error as Error).message}`, reason: "memory" };
        told.push(event);
      }
      await breathe();
    }
    if (interruption.aborted) return "stopped";
    // A step can consist of masked examples only; it teaches nothing and must not divide by 0.
    const tokens = Math.max(1, sum.trainedTokens);
    const gradNorm = (await gradientNorm(sum.gradients.values())) / tokens;
    if (!Number.isFinite(gradNorm)) return { problem: `the gradient norm is ${gradNorm}`, reason: "nan" };
    run.update(sum.gradients, learningRate, clipFactor(gradNorm, options.maxGradNorm) / tokens);
    return run.stepDone({
      loss: sum.lossSum / tokens,
      learningRate,
      gradNorm,
      tokensPerSecond: sum.tokens / ((performance.now() - started) / 1000),
    });
  } catch (error) {
    if (isOutOfMemory(error)) return { problem: (error as Error).message, reason: "memory" };
    throw error;
  } finally {
    sum.dispose();
  }
}

/** Adds the rows' loss and gradients to `sum`: all of it, or nothing when memory runs out. Returns the loss. */
async function addMicroBatch(
  sum: Accumulator,
  run: TrainingRun,
  rows: readonly PackedRow[],
  dropoutSeed: number,
): Promise<number> {
  const batch = makeBatch(rows);
  const { keeping } = run.memory;
  const options = { dropoutSeed, tokensBefore: sum.tokens, keeping };
  const work = () => microBatchGradients(run.model, run.variables, batch, options);
  const cuda = activeCuda();
  const { lossSum, gradients } = cuda ? cuda.withConstants(work) : work();
  const [value] = await lossSum.data<"float32">();
  lossSum.dispose();
  sum.add(value, gradients, batch);
  return value;
}

function evaluationIsDue(run: TrainingRun, { evalExamples, evalSteps }: ResolvedTrainOptions): boolean {
  if (!evalExamples?.length) return false;
  return evalSteps === undefined
    ? run.plan.endsEpoch(run.step)
    : run.step % evalSteps === 0 || run.step === run.plan.steps;
}

async function evaluate(
  run: TrainingRun,
  { evalExamples, maxSeqLength, sampleAnswers: count }: ResolvedTrainOptions,
  interruption: Interruption,
): Promise<EvalEvent | undefined> {
  const loss = await validationLoss(run.model, evalExamples!, maxSeqLength, interruption);
  if (loss === undefined) return undefined;
  const samples = await sampleAnswers(run.model, evalExamples!, count, interruption);
  const told = samples.length > 0 ? { samples } : {};
  return { type: "eval", step: run.step, loss, perplexity: Math.exp(loss), ...told };
}

/** What a person can do about it. */
function explain({ problem, reason }: Problem, run: TrainingRun, options: ResolvedTrainOptions): string {
  const rate = learningRateAt(run.step, { ...options, steps: run.plan.steps });
  const kept = run.savedPath ? ` and is saved in ${run.savedPath}` : "";
  const where = `train: stopped at step ${run.step + 1} of ${run.plan.steps}: ${problem}`;
  const model = `The model keeps the values of step ${run.step}${kept}.`;
  if (reason === "memory") {
    return (
      `${where}. ${model} Next: end what else uses the GPU, and go on with resume; ` +
      `or begin again with a maxSeqLength below ${options.maxSeqLength}`
    );
  }
  const clipped = options.maxGradNorm > 0;
  return (
    `${where} (learning rate ${rate.toExponential(2)}). ${model} Likely causes: a learning rate that is too high` +
    `${clipped ? "" : ", gradient clipping switched off"}, or weights that are already damaged. ` +
    `Next: begin again with learningRate ${(options.learningRate / 4).toPrecision(2)}` +
    `${clipped ? "" : " and maxGradNorm 1"}; ` +
    "if it stops at the same step, look at that step's examples and at the base model's loss"
  );
}
