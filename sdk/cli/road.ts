/** The road that `finetune` and `demo` share: CSV → examples → NF4 + LoRA → training → files, each step shown. */
import pc from "picocolors";
import type {
  DatasetReport,
  Device,
  DeviceInfo,
  DeviceOptions,
  Example,
  MistralModel,
  Table,
  TrainEvent,
} from "../index.ts";
import { bytes, count, percent, plural } from "../views/numbers.ts";
import { type Job, removeAdapter, requireFile, requireModel, writeJob, writtenFiles } from "./folders.ts";
import { catchInterrupt, type Interrupt } from "./interrupt.ts";
import { loadShown } from "./loading.ts";
import { firstLines, type Output } from "./output.ts";
import { watchTraining } from "./watchTraining.ts";

/** The SDK, loaded when a command runs. */
export type Lab = typeof import("../index.ts");

/** What decides how well and how long a model learns. */
export interface Recipe {
  epochs: number;
  learningRate: number;
  microBatchSize: number;
  gradientAccumulationSteps: number;
  /** Tokens. */
  maxSeqLength: number;
  loraR: number;
  loraAlpha: number;
  loraDropout: number;
  seed: number;
  /** Of each training row, with noise in the question. */
  noisyCopies: number;
}

export interface RoadOptions extends Recipe {
  job: Job;
  outputDir: string;
  device: Device;
  /** Steps between checkpoints. */
  saveSteps: number;
  resume: boolean;
  overwrite: boolean;
  /** Ends the training early. Default: after its epochs. */
  maxSteps?: number;
  /** How many of the held-out rows are used, the first ones. Default: all. */
  heldOut?: number;
}

export interface RoadEnd {
  /** Ctrl-C or SIGTERM came: the model has the values of the last whole step, and nothing but a checkpoint was written. */
  stopped: false | Pick<Interrupt, "exitCode">;
  tuned: MistralModel;
  testExamples: Example[];
}

type DoneEvent = Extract<TrainEvent, { type: "done" }>;

/** Chooses the device and says which; the note is what keeps a faster one away. */
export async function chooseDevice(
  lab: Lab,
  output: Output,
  wanted: Device,
  options: DeviceOptions = {},
): Promise<DeviceInfo> {
  const info = await lab.useDevice(wanted, options);
  output.topic("Device", info.description);
  if (info.note) output.warn(info.note);
  return info;
}

/** Walks the whole road. The device has been chosen. */
export async function walk(lab: Lab, output: Output, options: RoadOptions): Promise<RoadEnd> {
  const { job, outputDir } = options;
  requireModel(job.model);
  for (const path of [job.csv, ...(job.test ? [job.test] : [])]) requireFile(path, "a CSV file");

  const table = await lab.loadCsv(job.csv);
  const test = job.test === undefined ? undefined : await lab.loadCsv(job.test);
  showTable(output, "Data", table);
  if (test) showTable(output, "Held out", test);

  const base = await loadShown(lab, output, job.model);
  const { maxSeqLength, noisyCopies } = options;
  if (maxSeqLength > base.config.maxPositions) {
    throw new Error(
      `option "maxSeqLength": expected at most ${base.config.maxPositions}, the longest text that ${job.model} was made for, got ${maxSeqLength}`,
    );
  }
  const dataset = lab.prepareDataset(table, base.tokenizer, { maxSeqLength, noisyCopies });
  const held = test && lab.prepareDataset(test, base.tokenizer, { maxSeqLength });
  showDataset(output, dataset.report);
  showExample(lab, output, dataset.train[0], base);

  const quantized = await output.during("quantising", () => lab.quantize(base));
  const { loraR: r, loraAlpha: alpha, loraDropout: dropout, seed } = options;
  const tuned = lab.attachLora(quantized, { r, alpha, dropout, seed });
  const weights = { before: lab.weightBytes(base).bytes, ...lab.weightBytes(quantized) };
  const trainable = lab.trainableParameters(tuned);
  output.topic(
    "Memory",
    `${count(weights.parameters)} weights: ${bytes(weights.before)} before, ${bytes(weights.bytes)} after NF4 (${percent(weights.bytes / weights.before)})`,
  );
  output.topic(
    "LoRA",
    `r ${r}, alpha ${alpha}, dropout ${dropout}: ${count(trainable)} trained parameters (${percent(trainable / weights.parameters)} of the weights)`,
  );

  const testExamples = held?.train.slice(0, options.heldOut) ?? [];
  // Not before: until here there is nothing to save, and Ctrl-C ends the process as it always does.
  const interrupt = catchInterrupt(() =>
    process.stderr.write(
      "\nstopping after this micro batch, with a checkpoint; Ctrl-C again quits at once\n",
    ),
  );
  const events = lab.train(tuned, dataset.train, {
    epochs: options.epochs,
    learningRate: options.learningRate,
    microBatchSize: options.microBatchSize,
    gradientAccumulationSteps: options.gradientAccumulationSteps,
    maxSeqLength,
    ...(options.maxSteps === undefined ? {} : { maxSteps: options.maxSteps }),
    saveSteps: options.saveSteps,
    seed,
    outputDir,
    resume: options.resume,
    overwrite: options.overwrite,
    signal: interrupt.signal,
    ...(testExamples.length > 0 ? { evalExamples: testExamples } : {}),
  });
  const data = {
    rows: table.rows.length,
    repaired: table.repairs.length,
    rejected: table.rejected.length,
    dropped: dataset.report.dropped.length,
  };
  const done = await watchTraining(
    output,
    events,
    (start) => {
      // Only now is the folder known to be this run's.
      removeAdapter(outputDir);
      writeJob(outputDir, job);
      return { ...start, data, weightBytes: weights.bytes, weightBytesBefore: weights.before };
    },
    async ({ steps }) => {
      // What was learnt until then can be looked at; where not even this can be written, the training's error says more.
      const kept = await tuned.save(outputDir).catch((error: Error) => error);
      output.warn(
        kept instanceof Error ? kept.message : `the adapter of step ${steps} is kept in ${outputDir}`,
      );
    },
  ).finally(interrupt.release);
  if (done.reason === "stopped") {
    output.event(done);
    return { stopped: interrupt, tuned, testExamples };
  }
  await tuned.save(outputDir).catch((error: Error) => {
    throw new Error(
      `${error.message}. The training is done and kept in ${done.path}: --resume writes what is missing`,
      {
        cause: error,
      },
    );
  });
  tell(output, done, outputDir);
  return { stopped: false, tuned, testExamples };
}

/** The last event, once everything lies on the disk. */
function tell(output: Output, done: DoneEvent, outputDir: string): void {
  const files = writtenFiles(outputDir).map(({ path }) => path);
  output.event({ ...done, files });
}

/** What was read, repaired and set aside; long lists are cut, never silently. */
function showTable(output: Output, topic: string, table: Table): void {
  const { source, rows, repairs, rejected, duplicates, blankLines } = table;
  const numbers = [
    plural(rows.length, "row"),
    `${count(repairs.length)} repaired`,
    `${count(rejected.length)} rejected`,
    ...(duplicates.length > 0 ? [`${plural(duplicates.length, "duplicate")} kept`] : []),
    ...(blankLines > 0 ? [`${plural(blankLines, "blank line")} skipped`] : []),
  ];
  output.topic(topic, `${source}: ${numbers.join(", ")}`);
  const [, ...rest] = String(table.report).split("\n");
  for (const kind of ["other columns", "repaired", "rejected", "duplicate"]) {
    const lines = rest.filter((line) => line.startsWith(kind));
    for (const line of firstLines(lines, 3)) output.below(line, pc.dim);
  }
}

function showDataset(output: Output, report: DatasetReport): void {
  const { train, trainTokens, trainedTokens, longest } = report;
  output.topic(
    "Tokens",
    `${plural(train, "example")}, ${count(trainTokens)} tokens, ${count(trainedTokens)} of them trained (${percent(trainedTokens / trainTokens)}); the longest has ${longest.tokens} (line ${longest.line})`,
  );
  const dropped = report.dropped.map(
    ({ line, tokens, reason }) => `left out: line ${line}, ${tokens} tokens, ${reason}`,
  );
  for (const line of firstLines(dropped, 3)) output.below(line, pc.yellow);
  for (const warning of report.warnings) output.below(`worth a look: ${warning}`, pc.yellow);
}

function showExample(lab: Lab, output: Output, example: Example, { tokenizer }: MistralModel): void {
  if (output.json) return;
  const color = pc.isColorSupported;
  const marked = color ? `what is trained is ${pc.green("green")}` : "what is trained stands in ⟦ ⟧";
  const text = lab.previewExample(example, tokenizer, { color });
  output.topic("Example", `line ${example.line}, ${plural(example.ids.length, "token")}; ${marked}\n${text}`);
}

/** The files that were written, with a word on each. */
export function showWritten(output: Output, dir: string): void {
  const files = writtenFiles(dir);
  const width = Math.max(...files.map(({ path }) => path.length));
  const lines = files.map(
    ({ path, text, size }) => `${path.padEnd(width)}  ${size.padStart(8)}  ${pc.dim(text)}`,
  );
  output.topic("Written", lines.join("\n"));
}
