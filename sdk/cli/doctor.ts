/** `mistral-lab doctor`: what is there, what is missing, what to do about it. */
import type { Command } from "commander";
import pc from "picocolors";
import type { Check } from "./binaryChecks.ts";
import { jsonOption } from "./options.ts";
import { Output } from "./output.ts";

const COLORS: Record<Check["status"], (text: string) => string> = {
  ok: pc.green,
  missing: pc.yellow,
  broken: pc.red,
};

export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .summary("check this machine, and say what to do about what is missing")
    .description(
      "Check this machine: device in use, CPU addon, compiler, GPU and its kernels, versions, memory, disk, bundled model. Says what to do about what is missing.",
    )
    .addOption(jsonOption('one "check" a line, then "done"'))
    .addHelpText(
      "after",
      `
Each line is ok, missing (works without it, slower or with less) or broken (must be put right).
The exit code is 1 when something is broken.`,
    )
    .action(({ json }: { json?: boolean }) => doctor(new Output(json)));
}

async function doctor(output: Output): Promise<void> {
  const broken: string[] = [];
  // Loaded here: it brings tfjs, which the help needs not wait for.
  const { runChecks } = await import("./checks.ts");
  for await (const check of runChecks()) {
    const { name, status, detail, todo } = check;
    output.event({ type: "check", ...check });
    output.say(`${COLORS[status](status.padEnd(8))} ${pc.bold(name.padEnd(10))} ${detail}`);
    if (todo) output.say(`${" ".repeat(20)}→ ${todo}`);
    if (status === "broken") broken.push(name);
  }
  output.event({ type: "done", broken });
  output.say();
  if (broken.length > 0) {
    output.say(pc.red(`To put right: ${broken.join(", ")}.`));
    process.exitCode = 1;
  } else output.say("Everything that is needed is there.");
}
