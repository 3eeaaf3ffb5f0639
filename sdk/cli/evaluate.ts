/** `mistral-lab evaluate`: how good are the answers, and what has the adapter changed? */
import { type Command, Option } from "commander";
import pc from "picocolors";
import { resolveEvaluateOptions } from "../evaluate/options.ts";
import type { Device, Evaluation } from "../index.ts";
import { plural } from "../views/numbers.ts";
import { required, type Unchecked } from "./errors.ts";
import { requireFile, requireModel } from "./folders.ts";
import { loadShown } from "./loading.ts";
import { measure, showEvaluations, showWorst } from "./measure.ts";
import { deviceOption, jsonOption, whole } from "./options.ts";
import { Output } from "./output.ts";
import { chooseDevice } from "./road.ts";

interface EvaluateFlags {
  data: string;
  maxNewTokens: number;
  limit?: number;
  worst: number;
  device: Device;
  json?: boolean;
}

export function addEvaluate(program: Command): void {
  program
    .command("evaluate")
    .summary("measure a model on held-out questions, with and without its adapter")
    .description(
      "Measure a model on held-out questions: loss, perplexity, chrF, expected facts, and whether it stops by itself. A folder with an adapter is measured with and without it.",
    )
    .argument("<model-dir>", "folder of a model, or of an adapter that finetune wrote")
    .addOption(
      new Option(
        "--data <csv>",
        'questions and answers; a column "expected" may hold the fact, with | between spellings',
      ),
    )
    .addOption(
      new Option("--max-new-tokens <n>", "tokens of one answer at most")
        .argParser(whole({ min: 1 }))
        .default(resolveEvaluateOptions({}).maxNewTokens),
    )
    .addOption(new Option("--limit <n>", "only the first n questions").argParser(whole({ min: 1 })))
    .addOption(
      new Option("--worst <n>", "how many of the worst answers to show")
        .argParser(whole({ min: 0 }))
        .default(5),
    )
    .addOption(deviceOption())
    .addOption(jsonOption('"start", "progress", "evaluation" with all answers, "done", "error"'))
    .addHelpText(
      "after",
      `
${pc.bold("Measures:")}
  loss             mean of -log p over the tokens of the expected answers, in nats
  perplexity       exp(loss)
  chrF             0 to 100: characters in common with the expected answers
  expected fact    share of the answers that hold the fact of the column "expected"
  stops by itself  share of the answers that the model ended before --max-new-tokens

${pc.bold("Examples:")}
  mistral-lab evaluate mistral-finetuned --data data/ecommerce.fr.test.csv
  mistral-lab evaluate mistral-finetuned --data test.csv --limit 20 --worst 10
  mistral-lab evaluate mistral-finetuned --data test.csv --json | jq 'select(.type == "evaluation").loss'`,
    )
    .action((dir: string, { data, ...flags }: Unchecked<EvaluateFlags, "data">) =>
      evaluate(dir, { ...flags, data: required(data, "--data <csv>") }),
    );
}

async function evaluate(dir: string, flags: EvaluateFlags): Promise<void> {
  requireModel(dir);
  requireFile(flags.data, "a CSV file");
  const output = new Output(flags.json);
  const lab = await import("../index.ts");
  const { device } = await chooseDevice(lab, output, flags.device);
  const table = await lab.loadCsv(flags.data);
  const model = await loadShown(lab, output, dir);
  const maxSeqLength = model.config.maxPositions;
  const { train: all, report } = lab.prepareDataset(table, model.tokenizer, { maxSeqLength });
  const examples = all.slice(0, flags.limit);
  output.topic(
    "Data",
    `${flags.data}: ${plural(examples.length, "question")}${examples.length < all.length ? ` of ${all.length}` : ""}`,
  );
  for (const { line, reason } of table.rejected) output.warn(`line ${line} is left out: ${reason}`);
  for (const { line, tokens } of report.dropped)
    output.warn(`line ${line} is left out: its ${tokens} tokens are more than the model's ${maxSeqLength}`);
  output.event({ type: "start", modelDir: dir, data: flags.data, examples: examples.length, device });

  const columns: Record<string, Evaluation> = {};
  const isTuned = lab.trainableParameters(model) > 0;
  if (isTuned) columns.base = await measure(lab, output, "base", lab.withoutLora(model), examples, flags);
  const name = isTuned ? "tuned" : "model";
  columns[name] = await measure(lab, output, name, model, examples, flags);
  output.topic("Result", isTuned ? "base against tuned" : "no adapter in this folder: the model alone");
  showEvaluations(lab, output, columns);
  if (flags.worst > 0 && !flags.json) {
    output.topic("Worst", `the answers of ${name} that need a look first`);
    showWorst(lab, output, columns[name].answers, flags.worst);
  }
  output.event({ type: "done" });
}
