/** `mistral-lab finetune`: trains a LoRA adapter on a CSV file of questions and answers. */
import { type Command, Option } from "commander";
import pc from "picocolors";
import { resolveDatasetOptions } from "../data/dataset.ts";
import type { Compute, Device } from "../index.ts";
import { resolveLoraOptions } from "../model/loraOptions.ts";
import { resolveTrainOptions } from "../train/options.ts";
import { Interrupted } from "./errors.ts";
import { BUNDLED_MODEL, bundled, OUTPUT_DIR, requireFile, requireModel, runMarks } from "./folders.ts";
import { computeOption, deviceOption, jsonOption, real, whole } from "./options.ts";
import { Output, shellWords } from "./output.ts";
import { chooseDevice, type Recipe, showWritten, walk } from "./road.ts";

interface FinetuneFlags extends Recipe {
  model: string;
  outputDir: string;
  test?: string;
  saveSteps: number;
  device: Device;
  compute: Compute;
  resume?: boolean;
  overwrite?: boolean;
  json?: boolean;
}

/** Of the original recipe. */
const DEFAULT_MODEL = "mistralai/Mistral-7B-Instruct-v0.3";
/** What the bundled model learns best with in so few rows. */
const SMALL_STEPS = "--learning-rate 3e-3 --gradient-accumulation-steps 1 --max-seq-length 128";
const DEFAULT_CSV = "data/ecommerce.fr.csv";

export function addFinetune(program: Command): void {
  const positive = whole({ min: 1 });
  // What the SDK does without a flag, so that the help cannot say anything else.
  const training = resolveTrainOptions({});
  const adapter = resolveLoraOptions({});
  const data = resolveDatasetOptions({});
  program
    .command("finetune")
    .summary("train an adapter on a CSV file of questions and answers")
    .description(
      "Train a LoRA adapter beside a model's 4-bit weights, on a CSV file with a question and an answer a row.",
    )
    .argument("[csv]", `questions and answers, with a header (default: the bundled ${DEFAULT_CSV})`)
    .addOption(
      new Option(
        "--model <dir>",
        "the base: a folder, a GGUF file, or a model of the Hugging Face hub",
      ).default(DEFAULT_MODEL, DEFAULT_MODEL),
    )
    .addOption(
      new Option("--output-dir <dir>", "where everything is written").default(OUTPUT_DIR, OUTPUT_DIR),
    )
    .addOption(
      new Option("--test <csv>", "held-out questions and answers: their loss is shown after each epoch"),
    )
    .optionsGroup("Training:")
    .addOption(
      new Option("--epochs <n>", "passes over the examples").argParser(positive).default(training.epochs),
    )
    .addOption(
      new Option(
        "--micro-batch-size <n>",
        "sequences in one forward pass; more is faster and takes more memory",
      )
        .argParser(positive)
        .default(training.microBatchSize),
    )
    .addOption(
      new Option("--gradient-accumulation-steps <n>", "micro batches in one step of the optimizer")
        .argParser(positive)
        .default(training.gradientAccumulationSteps),
    )
    .addOption(
      new Option(
        "--learning-rate <x>",
        `peak rate; it warms up, then follows the schedule "${training.scheduler}"`,
      )
        .argParser(real({ above: 0 }))
        .default(training.learningRate, training.learningRate.toExponential()),
    )
    .addOption(
      new Option("--max-seq-length <n>", "tokens in one sequence; longer examples are left out and listed")
        .argParser(whole({ min: 2 }))
        .default(training.maxSeqLength),
    )
    .addOption(
      new Option("--noisy-copies <n>", "copies of each row with words missing or swapped in the question")
        .argParser(whole({ min: 0 }))
        .default(data.noisyCopies),
    )
    .addOption(
      new Option("--seed <n>", "of the order of the examples, dropout and the adapter's start")
        .argParser(whole({ min: 0, max: 0xffffffff }))
        .default(training.seed),
    )
    .optionsGroup("Adapter:")
    .addOption(
      new Option("--lora-r <n>", "rank: how much it can learn").argParser(positive).default(adapter.r),
    )
    .addOption(
      new Option("--lora-alpha <x>", "its effect is scaled by alpha / r")
        .argParser(real({ above: 0 }))
        .default(adapter.alpha),
    )
    .addOption(
      new Option("--lora-dropout <x>", "share of its inputs left out at random in training")
        .argParser(real({ min: 0, below: 1 }))
        .default(adapter.dropout),
    )
    .optionsGroup("Run:")
    .addOption(
      new Option("--save-steps <n>", "steps between two checkpoints; the end and Ctrl-C save one too")
        .argParser(positive)
        .default(training.saveSteps),
    )
    .addOption(
      new Option(
        "--resume",
        "go on from the newest checkpoint in --output-dir, with the same values",
      ).conflicts("overwrite"),
    )
    .addOption(new Option("--overwrite", "delete the run that --output-dir holds"))
    .addOption(deviceOption())
    .addOption(computeOption())
    .addOption(jsonOption('"start", "step", "memory", "eval", "checkpoint", "done", "error"'))
    .addHelpText(
      "after",
      `
${pc.bold("Examples:")}
  mistral-lab finetune data/ecommerce.fr.csv --model ${BUNDLED_MODEL} ${SMALL_STEPS}
  mistral-lab finetune data.csv --test test.csv --epochs 5 --output-dir run-2
  mistral-lab finetune data.csv --resume
  mistral-lab finetune data.csv --json | jq -r 'select(.type == "step").loss'

The defaults are those of a 7 B model. The bundled one wants a higher rate and many small steps, as in the first example.
Ctrl-C (or SIGTERM) saves a checkpoint and prints how to go on; pressed twice it quits at once.`,
    )
    .action((csv: string | undefined, flags: FinetuneFlags) => finetune(csv ?? bundled(DEFAULT_CSV), flags));
}

async function finetune(csv: string, flags: FinetuneFlags): Promise<void> {
  const { model, outputDir, test, json } = flags;
  // All that can be wrong without the SDK is said before it is loaded.
  requireModel(model);
  requireFile(csv, "a CSV file");
  if (test !== undefined) requireFile(test, "a CSV file");
  if (!flags.resume && !flags.overwrite) refuseOtherRun(outputDir);

  const output = new Output(json);
  const lab = await import("../index.ts");
  await chooseDevice(lab, output, flags.device, { compute: flags.compute });
  const job = { command: "finetune" as const, model, csv, ...(test === undefined ? {} : { test }) };
  const { stopped } = await walk(lab, output, {
    ...flags,
    job,
    resume: flags.resume === true,
    overwrite: flags.overwrite === true,
  });
  if (stopped) {
    const words = process.argv.slice(2).filter((word) => word !== "--resume" && word !== "--overwrite");
    const again = `npx mistral-lab ${shellWords([...words, "--resume"])}`;
    (json ? process.stderr : process.stdout).write(`Stopped. To go on:\n  ${pc.bold(again)}\n`);
    throw new Interrupted(stopped.exitCode);
  }
  showWritten(output, outputDir);
  output.topic("Next", `npx mistral-lab chat ${shellWords([outputDir])}`);
  if (test !== undefined)
    output.topic("", `npx mistral-lab evaluate ${shellWords([outputDir, "--data", test])}`);
}

/** The same as `train` says, but before the model is loaded. */
function refuseOtherRun(dir: string): void {
  const marks = runMarks(dir);
  if (marks.length === 0) return;
  const resume = marks.some((name) => name.startsWith("checkpoint-"))
    ? "--resume goes on with it, --overwrite deletes it"
    : "--overwrite deletes it";
  throw new Error(
    `--output-dir ${dir} holds another run (${marks.join(", ")}): ${resume}; or choose another folder with --output-dir`,
  );
}
