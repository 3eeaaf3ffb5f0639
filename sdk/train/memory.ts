/** How much of a step is in memory at once: rows in a micro batch, and what is computed again instead of kept. */
import { totalmem } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { activeCuda } from "../backend/cuda/backend.ts";
import type { Cuda } from "../backend/cuda/cuda.ts";
import { KEEPINGS, type Keeping } from "../model/keeping.ts";
import type { MistralModel } from "../model/mistral.ts";
import { hasKernels } from "../ops/op.ts";
import { bytes } from "../views/numbers.ts";
import type { MemoryEvent, StartEvent, StepEvent, TrainingPlan } from "./events.ts";
import { availableBytes, type ChosenPlan, choosePlan, type MemoryPlan, predictPeak } from "./gpuMemory.ts";
import { activationBytes } from "./gradients.ts";
import type { Workload } from "./layerMemory.ts";
import type { ResolvedTrainOptions } from "./options.ts";
import type { Plan } from "./plan.ts";

export interface TrainingMemory {
  /** Rows of one micro batch. */
  readonly microBatchSize: number;
  /** As the model's forward pass takes it. */
  readonly keeping: Keeping | readonly Keeping[];
  /** Once, before the first step, when the optimizer is there. @throws when a step cannot fit */
  open(): Promise<void>;
  /** After the last step. */
  close(): void;
  /** For the start event. */
  predicted(): Pick<StartEvent, "plan" | "predictedPeakBytes">;
  /** For a step event. */
  measured(): Pick<StepEvent, "gpuPeakBytes">;
  /**
   * After a micro batch of `rows` rows that did not fit, and of which nothing is left: makes the next ones smaller.
   *
   * @param step steps done
   * @returns undefined where that is not possible
   */
  makeRoom(rows: number, step: number): Promise<MemoryEvent | undefined>;
}

export function trainingMemory(
  model: MistralModel,
  plan: Plan,
  options: ResolvedTrainOptions,
): TrainingMemory {
  const cuda = activeCuda();
  return cuda ? new GpuMemory(cuda, model, plan, options) : hostMemory(model, plan, options);
}

/** On the host nothing is planned: the system has swap and overcommitment, and says nothing before it kills. */
function hostMemory(model: MistralModel, plan: Plan, options: ResolvedTrainOptions): TrainingMemory {
  const { gradientCheckpointing, microBatchSize } = options;
  // In a container the limit is its own, and 0 or undefined where there is none.
  const memory = Math.min(totalmem(), process.constrainedMemory?.() || Number.POSITIVE_INFINITY);
  const { tokens } = plan.largestBatch(microBatchSize);
  const isTight =
    gradientCheckpointing === "auto" ? activationBytes(model, tokens) > memory / 4 : gradientCheckpointing;
  return {
    microBatchSize,
    keeping: isTight && hasKernels() ? "input" : "all",
    open: async () => {},
    close() {},
    predicted: () => ({}),
    measured: () => ({}),
    makeRoom: async () => undefined,
  };
}

class GpuMemory implements TrainingMemory {
  microBatchSize: number;
  private chosen: ChosenPlan | undefined;
  private readonly keptBefore: boolean;

  constructor(
    private readonly cuda: Cuda,
    private readonly model: MistralModel,
    private readonly plan: Plan,
    private readonly options: ResolvedTrainOptions,
  ) {
    this.microBatchSize = options.microBatchSize;
    this.keptBefore = cuda.keepDequantized;
  }

  get keeping(): readonly Keeping[] {
    return this.chosen!.keeping;
  }

  async open(): Promise<void> {
    this.cuda.keepDequantized = false;
    await collectGarbage();
    const available = availableBytes(this.cuda);
    const chosen = this.choose(this.microBatchSize, available);
    if (!chosen) throw new Error(this.explain(available));
    this.use(chosen);
    this.cuda.memory.resetPeak();
  }

  close(): void {
    this.cuda.keepDequantized = this.keptBefore;
  }

  predicted(): { plan: TrainingPlan; predictedPeakBytes: number } {
    const { keeping, keptCopies, peakBytes } = this.chosen!;
    const layers = { all: 0, lean: 0, attention: 0, input: 0 };
    for (const kept of keeping) layers[kept]++;
    const plan = { layers, keptCopies };
    return { plan, predictedPeakBytes: peakBytes };
  }

  measured(): { gpuPeakBytes: number } {
    return { gpuPeakBytes: this.cuda.memory.bytes.peak };
  }

  async makeRoom(rows: number, step: number): Promise<MemoryEvent | undefined> {
    const size = Math.min(rows, this.microBatchSize);
    const smallest = this.smallest();
    const before = this.chosen!;
    const isSmallest = before.keeping.every((kept, i) => kept === smallest.keeping[i]) && !before.keptCopies;
    if (size === 1 && isSmallest) return undefined;
    this.cuda.keepDequantized = false;
    await collectGarbage();
    this.cuda.memory.trim();
    this.microBatchSize = Math.ceil(size / 2);
    const found = size === 1 ? undefined : this.choose(this.microBatchSize, availableBytes(this.cuda), step);
    const workload = this.workload(this.microBatchSize, step);
    this.use(found ?? { ...smallest, peakBytes: predictPeak(this.cuda, this.model, workload, smallest) });
    const total = this.options.microBatchSize * this.options.gradientAccumulationSteps;
    const gradientAccumulationSteps = Math.ceil(total / this.microBatchSize);
    const { plan } = this.predicted();
    const how =
      size === 1
        ? "the step goes on with as little kept as possible"
        : `the step goes on with microBatchSize ${this.microBatchSize} and gradientAccumulationSteps ${gradientAccumulationSteps}, which is the same mathematics`;
    const text = `out of GPU memory in step ${step + 1} with ${rows === 1 ? "1 row" : `${rows} rows`} in a micro batch: ${how}`;
    return {
      type: "memory",
      step,
      microBatchSize: this.microBatchSize,
      gradientAccumulationSteps,
      plan,
      text,
    };
  }

  private use(chosen: ChosenPlan): void {
    this.chosen = chosen;
    this.cuda.keepDequantized = chosen.keptCopies;
  }

  private smallest(): MemoryPlan {
    const keepings = this.keepings();
    const keeping = this.model.weights.layers.map(() => keepings[keepings.length - 1]);
    return { keeping, keptCopies: false };
  }

  /** What the options leave to choose from; those that keep less come later. */
  private keepings(): readonly Keeping[] {
    const { gradientCheckpointing } = this.options;
    if (gradientCheckpointing === "auto") return KEEPINGS;
    return [gradientCheckpointing ? "input" : "all"];
  }

  private workload(microBatchSize: number, step = 0): Workload {
    const total = this.options.microBatchSize * this.options.gradientAccumulationSteps;
    return { ...this.plan.largestBatch(microBatchSize, step), accumulates: total > microBatchSize };
  }

  private choose(microBatchSize: number, available: number, step = 0) {
    const workload = this.workload(microBatchSize, step);
    return choosePlan(this.cuda, this.model, workload, available, this.keepings());
  }

  /** What a person can do when no plan fits. */
  private explain(available: number): string {
    const { cuda, model, options } = this;
    const { microBatchSize, gradientAccumulationSteps, maxSeqLength, gradientCheckpointing } = options;
    const smallest = this.smallest();
    const least = predictPeak(cuda, model, this.workload(microBatchSize), smallest);
    const problem =
      `train: a step with microBatchSize ${microBatchSize} and maxSeqLength ${maxSeqLength} takes at least ` +
      `${bytes(least)} of GPU memory, and ${bytes(available)} can be had (${bytes(cuda.driver.memory().total)} in all)`;
    const automatic = gradientCheckpointing === false ? "; leave gradientCheckpointing to itself, or" : ":";
    for (let size = microBatchSize - 1; size >= 1; size--) {
      if (predictPeak(cuda, model, this.workload(size), smallest) > available) continue;
      const rows = microBatchSize * gradientAccumulationSteps;
      let divisor = size;
      while (rows % divisor !== 0) divisor--;
      const same = `gradientAccumulationSteps ${rows / divisor}`;
      const how =
        divisor === size
          ? `set ${same} with it for the same result`
          : `for the same result set microBatchSize ${divisor} and ${same}`;
      return `${problem}${automatic} the largest microBatchSize that fits is ${size}; ${how}`;
    }
    const { accumulates } = this.workload(1);
    const fits = (tokens: number) =>
      predictPeak(cuda, model, { tokens, longest: tokens, trainedTokens: tokens, accumulates }, smallest) <=
      available;
    const length = largest(maxSeqLength, fits);
    return length >= 2
      ? `${problem}; not even microBatchSize 1 fits${automatic} the largest maxSeqLength that does is ${length}`
      : `${problem}; the model itself does not fit: free the GPU's memory, quantise the model, or take a smaller one`;
  }
}

/** The largest n <= limit for which `fits`, which holds for all below one that it holds for; 0 where there is none. */
function largest(limit: number, fits: (n: number) => boolean): number {
  let [low, high] = [0, limit];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Device memory of objects that nobody can reach any more comes back when they are collected. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  // Their finalisers run as tasks of their own.
  await nextTurn();
  await nextTurn();
}
