#!/usr/bin/env node
/**
 * The command `mistral-lab`. Exit codes: 0 done, 1 failed, 2 the command line is wrong, 130 ended by Ctrl-C, 143 by SIGTERM.
 * Only light modules are imported here: `--help` and a typing error answer at once; each command loads the SDK
 * when it runs.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import pc from "picocolors";
import { packageRoot } from "../backend/packageRoot.ts";
import { harmless } from "../text/harmless.ts";
import { addChat } from "./chat.ts";
import { addDemo } from "./demo.ts";
import { addDoctor } from "./doctor.ts";
import { addDomain } from "./domain.ts";
import { Interrupted, inFlags, messageOf, UsageError } from "./errors.ts";
import { addEvaluate } from "./evaluate.ts";
import { addExport, addInspect } from "./export.ts";
import { addFinetune } from "./finetune.ts";
import { addKernel } from "./kernel.ts";
import { nearestFlag } from "./nearestFlag.ts";
import { addNotebook } from "./notebook.ts";
import { Output } from "./output.ts";
import { addReason } from "./reason.ts";
import { addRepair } from "./repair.ts";

const FAILED = 1;
const USAGE = 2;

function version(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as { version: string })
    .version;
}

function createProgram(): Command {
  const program = new Command("mistral-lab")
    .description("Fine-tune Mistral with LoRA on 4-bit weights, chat with it, and see how it reasons.")
    .version(version(), "-v, --version", "print the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command")
    .configureHelp({ styleTitle: (title) => pc.bold(title), showGlobalOptions: false })
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(withNearestFlag(text, program)) });
  addFinetune(program);
  addChat(program);
  addReason(program);
  addDomain(program);
  addEvaluate(program);
  addExport(program);
  addInspect(program);
  addRepair(program);
  addDoctor(program);
  addDemo(program);
  addKernel(program);
  addNotebook(program);
  return program.addHelpText(
    "after",
    `
${pc.bold("Examples:")}
  mistral-lab demo                                  the whole road on the bundled model, in a minute or two
  mistral-lab finetune data.csv --model data/models/mini
  mistral-lab chat mistral-finetuned
  mistral-lab evaluate mistral-finetuned --data test.csv
  mistral-lab export mistral-finetuned --to gguf --out gguf
  mistral-lab inspect mistral-finetuned             what a file or folder is, and the memory that it takes
  mistral-lab kernel install                        notebooks in Jupyter and VS Code
  mistral-lab repair export.csv --out clean.jsonl   any CSV to rows of instruction and response
  mistral-lab doctor                                what is there, what is missing, what to do

${pc.bold("Exit codes:")} 0 done, 1 failed, 2 wrong command line, 130 ended by Ctrl-C, 143 by SIGTERM.
MISTRAL_LAB_DEBUG=1 shows where in the program an error came from.`,
  );
}

/** The command that the words name; the program itself where they name none. */
function commandOf(program: Command, words: readonly string[]): Command {
  const named = program.commands.find((command) => command.name() === words[0]);
  return named ? commandOf(named, words.slice(1)) : program;
}

/** "mistral-lab domain check" */
function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

/** Commander compares letters only, and offers --help for --temp. */
function withNearestFlag(text: string, program: Command): string {
  const [line] = text.split("\n");
  const flag = /unknown option '([^']+)'/.exec(line)?.[1];
  if (flag === undefined) return text;
  const command = commandOf(program, process.argv.slice(2));
  const nearest = nearestFlag(flag, [...command.options.flatMap(({ long }) => long ?? []), "--help"]);
  return `${line}\n(${nearest ? `Did you mean ${nearest}?` : `${pathOf(command)} --help lists all.`})\n`;
}

async function run(argv: readonly string[]): Promise<number> {
  let active: Command | undefined;
  const program = createProgram().hook("preAction", (_, command) => {
    active = command;
  });
  const output = new Output(argv.includes("--json"));
  try {
    await program.parseAsync([...argv], { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Commander has printed its message, or the help that was asked for.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      const message = withNearestFlag(error.message, program).trimEnd();
      output.event({ type: "error", message: message.replace(/^error: /, "").replaceAll("\n", " ") });
      return USAGE;
    }
    if (error instanceof Interrupted) return error.exitCode;
    const message = inFlags(messageOf(error), active);
    process.stderr.write(`${pc.red("error")}: ${harmless(message)}\n`);
    if (process.env.MISTRAL_LAB_DEBUG && error instanceof Error)
      process.stderr.write(`${harmless(error.stack ?? "")}\n`);
    output.event({ type: "error", message });
    return error instanceof UsageError ? USAGE : FAILED;
  }
}

// A reader that has seen enough (`mistral-lab … | head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

// No process.exit: what is still on its way into a pipe must arrive.
process.exitCode = await run(process.argv.slice(2));
