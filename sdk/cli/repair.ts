/** `mistral-lab repair`: any file of questions and answers to a clean one, with a report of what was done. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import pc from "picocolors";
import type { TableReport } from "../index.ts";
import { count, plural } from "../views/numbers.ts";
import { messageOf, required, type Unchecked, UsageError } from "./errors.ts";
import { jsonOption } from "./options.ts";
import { firstLines, Output } from "./output.ts";

interface RepairFlags {
  out: string;
  csv?: boolean;
  grid?: boolean;
  strict?: boolean;
  dropDuplicates?: boolean;
  instruction?: string;
  response?: string;
  json?: boolean;
}

type Form = "jsonl" | "csv" | "grid";

export function addRepair(program: Command): void {
  program
    .command("repair")
    .summary("read any CSV, JSON, Parquet or dialogue and write clean rows")
    .description(
      'Read files of questions and answers however they are written (encoding, delimiter, quotes, broken rows, JSON, Parquet, turns such as "Q: …" and "R: …") and write clean rows, with a report of every repair. Records without both sides are written as they stand to <output>.rejected.',
    )
    .argument("<in...>", "files, or a folder with files")
    .addOption(
      new Option(
        "--out <path>",
        "the file to write, .jsonl or .csv; with several inputs or a folder, the folder to write into",
      ),
    )
    .option("--csv", "write CSV also where --out names a folder")
    .option("--grid", "write the whole table as read: all columns, header first, no meaning given to columns")
    .option("--strict", "any repair is an error")
    .option("--drop-duplicates", "keep the first of equal rows only")
    .option("--instruction <column>", "name of the column with the questions, where it is unusual")
    .option("--response <column>", "name of the column with the answers, where it is unusual")
    .addOption(jsonOption('"report" for each input, with dialect, counts, repairs and rejected; "error"'))
    .addHelpText(
      "after",
      `
${pc.bold("Exit codes:")} 0 also where records were rejected; 1 where nothing could be read.

${pc.bold("Examples:")}
  mistral-lab repair export.csv --out clean.jsonl
  mistral-lab repair export.csv --out clean.csv --json | jq .counts
  mistral-lab repair exports/ --out clean/ --csv
  mistral-lab repair table.csv --out table.clean.csv --grid`,
    )
    .action((inputs: string[], { out, ...flags }: Unchecked<RepairFlags, "out">) =>
      repair(inputs, { ...flags, out: required(out, "--out <path>") }),
    );
}

async function repair(inputs: string[], flags: RepairFlags): Promise<void> {
  const output = new Output(flags.json);
  const jobs = planJobs(inputs, flags);
  // Without the whole SDK: tfjs would take a good part of the memory that a large file may take.
  const { repairFile } = await import("../data/repairFile.ts");
  const columns = {
    ...(flags.instruction === undefined ? {} : { instruction: flags.instruction }),
    ...(flags.response === undefined ? {} : { response: flags.response }),
  };
  let read = 0;
  for (const { input, target, form } of jobs) {
    try {
      const { report, rejectedFile } = await output.during(`reading ${input}`, () =>
        repairFile(input, target, {
          form,
          strict: flags.strict ?? false,
          dropDuplicates: flags.dropDuplicates ?? false,
          ...(Object.keys(columns).length > 0 ? { columns } : {}),
        }),
      );
      read++;
      show(output, report, target, rejectedFile);
    } catch (error) {
      // One input alone ends as every command does.
      if (jobs.length === 1) throw error;
      output.warn(messageOf(error));
      output.event({ type: "error", source: input, message: messageOf(error) });
    }
  }
  if (read === 0) throw new Error(`none of ${plural(jobs.length, "input")} could be read`);
  if (jobs.length > 1) output.say(`${count(read)} of ${plural(jobs.length, "input")} read`);
}

interface Job {
  input: string;
  target: string;
  form: Form;
}

/** @throws UsageError when two inputs would be written to one file, or an input over itself */
function planJobs(inputs: readonly string[], flags: RepairFlags): Job[] {
  const isFolder = (path: string) => existsSync(path) && statSync(path).isDirectory();
  const several = inputs.length > 1 || isFolder(inputs[0]);
  const files = inputs.flatMap((path) => (isFolder(path) ? filesOf(path) : [path]));
  if (files.length === 0) throw new Error(`${inputs.join(", ")}: expected files, got an empty folder`);
  const into = several || isFolder(flags.out);
  const asCsv = flags.csv || flags.grid || (!into && /\.csv$/i.test(flags.out));
  const form: Form = flags.grid ? "grid" : asCsv ? "csv" : "jsonl";
  const jobs = files.map((input) => ({
    input,
    target: into ? join(flags.out, targetName(input, files, asCsv ? "csv" : "jsonl")) : flags.out,
    form,
  }));
  for (const { input, target } of jobs)
    if (resolve(input) === resolve(target))
      throw new UsageError(`${input}: the output would be written over its input. Give another --out`);
  const targets = new Set(jobs.map(({ target }) => resolve(target)));
  if (targets.size < jobs.length)
    throw new UsageError("two inputs have the same name. Give them in two calls, each with its own --out");
  return jobs;
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => join(folder, entry.name))
    .sort();
}

/** `<name>` without its ending, unless two inputs then have one name. */
function targetName(input: string, inputs: readonly string[], ending: string): string {
  const stem = (path: string) => basename(path).replace(/\.[^.]+$/, "") || basename(path);
  const alone = inputs.filter((path) => stem(path) === stem(input)).length === 1;
  return `${alone ? stem(input) : basename(input)}.${ending}`;
}

function show(output: Output, report: TableReport, target: string, rejectedFile: string | undefined): void {
  const rejected = report.rejected.map(({ line, raw, text, reason }) => ({
    line,
    reason,
    text,
    raw: raw.toString("base64"),
  }));
  output.event({
    type: "report",
    ...report,
    rejected,
    output: target,
    ...(rejectedFile ? { rejectedFile } : {}),
  });
  if (output.json) return;
  const [first, ...rest] = String(report).split("\n");
  output.topic("Read", first);
  for (const kind of [
    "dialect",
    "a dialogue",
    "columns",
    "other columns",
    "before",
    "comments",
    "other table",
  ])
    for (const line of rest.filter((text) => text.startsWith(`${kind}:`) || text.startsWith(`${kind},`)))
      output.below(line, pc.dim);
  for (const kind of ["repaired", "rejected", "duplicate"])
    for (const line of firstLines(
      rest.filter((text) => text.startsWith(`${kind}:`)),
      10,
    ))
      output.below(line, pc.dim);
  output.topic("Written", rejectedFile ? `${target}\nset aside: ${rejectedFile}` : target);
}
