/** The state of one training run: where it stands, what it owns, what it writes. */
import * as tf from "@tensorflow/tfjs";
import type { Example } from "../data/dataset.ts";
import type { MistralModel } from "../model/mistral.ts";
import { displayable } from "../views/bundle.ts";
import { eventView } from "../views/training.ts";
import type { TrainedValue } from "./checkpoint.ts";
import type { CheckpointEvent, DoneEvent, StartEvent, StepEvent, TrainEvent } from "./events.ts";
import { datasetFingerprint, modelFingerprint } from "./fingerprint.ts";
import { type TrainingMemory, trainingMemory } from "./memory.ts";
import { AdamW } from "./optimizer.ts";
import { mathematics, type ResolvedTrainOptions } from "./options.ts";
import { Plan } from "./plan.ts";
import { reportProblem, writeReport } from "./report.ts";
import { checkpointToResume, type Identity, restore } from "./resume.ts";
import { RunFolder } from "./runFolder.ts";
import { runSettings } from "./settings.ts";

/** The run that trains a variable at present: the one that was opened last. */
const trainers = new WeakMap<tf.Variable, TrainingRun>();

export class TrainingRun {
  readonly variables: ReadonlyMap<string, tf.Variable>;
  readonly plan: Plan;
  /** How much memory the micro batches may take. */
  readonly memory: TrainingMemory;
  /** Optimizer steps done. */
  step = 0;
  /** The newest checkpoint. */
  savedPath: string | undefined;
  private savedStep = -1;
  private startStep = 0;
  private started = 0;
  private loss: number | null = null;
  private folder: RunFolder | undefined;
  private ownOptimizer: AdamW | undefined;
  private identity: Identity | undefined;

  constructor(
    readonly model: MistralModel,
    private readonly examples: readonly Example[],
    private readonly options: ResolvedTrainOptions,
  ) {
    this.variables = model.trainableVariables();
    this.plan = new Plan(examples, options);
    this.memory = trainingMemory(model, this.plan, options);
  }

  /**
   * One step of the optimizer: `gradients` times `scale`.
   *
   * @throws when another training of the same variables has begun meanwhile: neither run would mean anything
   */
  update(gradients: ReadonlyMap<string, tf.Tensor>, learningRate: number, scale: number): void {
    for (const variable of this.variables.values()) {
      if (trainers.get(variable) === this) continue;
      throw new Error(
        `train: stopped at step ${this.step + 1} of ${this.plan.steps}: another training of the same model has begun. ` +
          "Await the end of one before the next begins, or give each a model of its own (attachLora on the same base)",
      );
    }
    this.optimizer.step(gradients, learningRate, scale);
  }

  /** Owned by the run from `open` to `close`. */
  private get optimizer(): AdamW {
    if (!this.ownOptimizer) throw new Error("train: the run is not open");
    return this.ownOptimizer;
  }

  /** True when there is a folder and the present step is not saved in it. */
  get unsaved(): boolean {
    return this.folder !== undefined && this.savedStep !== this.step;
  }

  /** Takes the folder, restores the checkpoint where one is to be continued, and makes the optimizer. */
  async open(): Promise<StartEvent> {
    const { outputDir, overwrite, resume } = this.options;
    this.ownOptimizer = new AdamW(this.variables, this.options);
    for (const variable of this.variables.values()) trainers.set(variable, this);
    await this.memory.open();
    const checkpoint = resume === false ? undefined : checkpointToResume(this.options, this.identify());
    if (outputDir !== undefined) {
      this.folder = new RunFolder(outputDir, {
        resumeFrom: checkpoint && { path: checkpoint.path, logBytes: checkpoint.state.logBytes },
        resume: resume === true,
        overwrite,
        settings: runSettings(this.model, this.options, this.identify()),
      });
    }
    const notes = [...(this.folder?.notes ?? [])];
    const problem = this.folder && reportProblem();
    if (problem) notes.push(problem);
    if (checkpoint) {
      const { path, state } = checkpoint;
      restore(checkpoint, this.variables, this.optimizer);
      this.step = this.startStep = this.savedStep = state.step;
      this.savedPath = path;
      this.loss = state.loss;
      notes.push(`goes on from ${path}`);
      const device = tf.getBackend();
      if (state.device !== device) {
        notes.push(
          `the checkpoint was made on ${state.device}; on ${device} the values will differ in rounding`,
        );
      }
    } else if (resume === true) notes.push(`${outputDir} has no checkpoint yet: begins at step 0`);
    this.started = performance.now();
    return this.startEvent(notes);
  }

  /** Notes a finished step and says how the run stands. */
  stepDone(numbers: Pick<StepEvent, "loss" | "learningRate" | "gradNorm" | "tokensPerSecond">): StepEvent {
    this.step++;
    this.loss = numbers.loss;
    const secondsPerStep = this.seconds() / (this.step - this.startStep);
    return {
      type: "step",
      step: this.step,
      steps: this.plan.steps,
      epoch: this.plan.epochsDone(this.step),
      ...numbers,
      secondsLeft: secondsPerStep * (this.plan.steps - this.step),
      memoryBytes: process.memoryUsage.rss(),
      ...this.memory.measured(),
    };
  }

  /** Writes the event to the log, where there is one, and hands it back; at the end, the report too. */
  tell<E extends TrainEvent>(event: E): E {
    this.folder?.append(event);
    displayable(event, eventView);
    if (this.folder && event.type === "done" && !reportProblem()) writeReport(this.folder.dir);
    return event;
  }

  /** Saves a checkpoint of the present step. @throws when it cannot be written; the model in memory is not touched. */
  async save(): Promise<CheckpointEvent> {
    const trainable = new Map<string, TrainedValue>();
    for (const [name, variable] of this.variables) {
      trainable.set(name, {
        shape: variable.shape,
        data: Float32Array.from(await variable.data<"float32">()),
      });
    }
    const state = {
      format: 1 as const,
      step: this.step,
      ...this.plan.position(this.step),
      seed: this.options.seed,
      loss: this.loss,
      ...this.identify(),
      device: tf.getBackend(),
      logBytes: this.folder!.logBytes,
    };
    try {
      this.savedPath = this.folder!.save({ trainable, optimizer: await this.optimizer.state(), state });
    } catch (error) {
      const earlier = this.savedPath ? ` The last good checkpoint is ${this.savedPath}.` : "";
      throw new Error(
        `train: stopped after step ${this.step}: ${(error as Error).message}.${earlier} The model in memory has the values of step ${this.step}: save it elsewhere, or free some room and resume`,
        { cause: error },
      );
    }
    this.savedStep = this.step;
    return { type: "checkpoint", step: this.step, path: this.savedPath };
  }

  done(reason: DoneEvent["reason"]): DoneEvent {
    return {
      type: "done",
      reason,
      steps: this.step,
      seconds: this.seconds(),
      loss: this.loss,
      path: this.savedPath,
    };
  }

  /** The consumer left the loop: saves what is not saved, and notes it in the log; nobody hears events any more. */
  async leave(): Promise<void> {
    if (this.unsaved && this.step > this.startStep) this.tell(await this.save());
    this.tell(this.done("stopped"));
  }

  /** Frees what the run owns. The model stays the caller's. */
  close(): void {
    for (const variable of this.variables.values()) {
      if (trainers.get(variable) === this) trainers.delete(variable);
    }
    this.ownOptimizer?.dispose();
    this.ownOptimizer = undefined;
    this.memory.close();
    this.folder?.release();
    this.folder = undefined;
  }

  private startEvent(notes: string[]): StartEvent {
    let trainableParameters = 0;
    for (const { size } of this.variables.values()) trainableParameters += size;
    return {
      type: "start",
      steps: this.plan.steps,
      startStep: this.startStep,
      epochs: this.options.epochs,
      examples: this.examples.length,
      trainableParameters,
      tokensPerEpoch: this.plan.tokensPerEpoch,
      trainedTokensPerEpoch: this.plan.trainedTokensPerEpoch,
      gradientCheckpointing: [this.memory.keeping].flat().some((kept) => kept !== "all"),
      ...this.memory.predicted(),
      device: tf.getBackend(),
      notes,
    };
  }

  // Hashing reads all data, so it is done once, and not at all where nothing is written.
  private identify(): Identity {
    this.identity ??= {
      options: mathematics(this.options),
      dataset: datasetFingerprint(this.examples),
      model: modelFingerprint(this.model),
    };
    return this.identity;
  }

  private seconds(): number {
    return (performance.now() - this.started) / 1000;
  }
}
