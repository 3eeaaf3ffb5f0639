/** `mistral-lab notebook run`: runs notebooks without Python, in a kernel of their own each. */
import { basename, dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { type Command, InvalidArgumentError } from "commander";
import pc from "picocolors";
import { duration, plural } from "../views/numbers.ts";
import { UsageError } from "./errors.ts";
import { catchInterrupt } from "./interrupt.ts";
import { Output } from "./output.ts";

interface Flags {
  out?: string;
  timeout?: number;
  param?: Map<string, unknown>;
}

function seconds(value: string): number {
  const number = Number(value);
  if (!(number > 0)) throw new InvalidArgumentError("expected seconds, more than 0");
  return number;
}

/** JSON where it is JSON, else text: `epochs=2`, `name=mini`, `files=["a","b"]`. */
function parameter(value: string, all: Map<string, unknown> = new Map()): Map<string, unknown> {
  const [, name, text] = /^([A-Za-z_$][\w$]*)=([\s\S]*)$/.exec(value) ?? [];
  if (name === undefined) throw new InvalidArgumentError("expected name=value, such as epochs=2");
  let parsed: unknown = text;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Text.
  }
  return new Map(all).set(name, parsed);
}

export function addNotebook(program: Command): void {
  const notebook = program
    .command("notebook")
    .summary("run notebooks without Jupyter")
    .description("Run notebooks without Jupyter and without Python.");
  notebook
    .command("run")
    .description(
      "Run all cells of each notebook in a kernel of its own, and write the outputs into it. Stops at the first error, with its traceback and exit code 1.",
    )
    .argument("<files...>", "notebooks (.ipynb)")
    .option("--out <dir>", "write the results into this folder; the notebooks stay as they are")
    .option("--timeout <seconds>", "the most one cell may take (default: no limit)", seconds)
    .option(
      "--param <name=value>",
      'a value for the notebook\'s parameters, put after its cell tagged "parameters"; may be repeated',
      parameter,
    )
    .action((files: string[], flags: Flags) => run(files, flags));
}

async function run(files: readonly string[], { out, timeout, param = new Map() }: Flags): Promise<void> {
  const names = files.map((file) => basename(file));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (out !== undefined && twice !== undefined)
    throw new UsageError(`--out: two notebooks are called ${twice}: run them apart.`);
  const { runNotebook } = await import("../../kernel-ext/runNotebook.ts");
  const { notebookText } = await import("../../kernel-ext/notebook.ts");
  const { makeFolder, writeWhole } = await import("../files.ts");
  const output = new Output();
  const interrupt = catchInterrupt(() => output.warn("stopping the running cell; once more ends at once"));
  try {
    for (const file of files) {
      const { notebook, failure, seconds } = await output.during(`running ${file}`, () =>
        runNotebook(file, { timeout, parameters: param, signal: interrupt.signal }),
      );
      const target = join(out ?? dirname(file), basename(file));
      makeFolder(dirname(target));
      writeWhole(target, notebookText(notebook));
      const count = notebook.cells.filter(({ cell_type }) => cell_type === "code").length;
      if (!failure) {
        output.say(`${pc.green("ok")} ${file}: ${plural(count, "cell")}, ${duration(seconds)}`);
        continue;
      }
      output.say(`${pc.red("failed")} ${file}: cell ${failure.cell} of ${count}, ${duration(seconds)}`);
      // The kernel paints tracebacks for front ends; a file or a pipe wants the text.
      const traceback = failure.traceback.join("\n");
      process.stderr.write(
        `${process.stderr.isTTY && pc.isColorSupported ? traceback : stripVTControlCharacters(traceback)}\n`,
      );
      process.exitCode = interrupt.signal.aborted ? interrupt.exitCode : 1;
      return;
    }
  } finally {
    interrupt.release();
  }
}
