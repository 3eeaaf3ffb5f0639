/** How a command ends when it cannot go on: exit codes, and messages in the words of the command line. */
import type { Command } from "commander";

/** The command line asks for something that cannot be: exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/**
 * A flag without which a command can do nothing. Commander's own check comes before it sees a misspelt flag, and so would
 * call `--dat x.csv` a missing `--data`.
 *
 * @param flag as the help shows it, such as "--data <csv>"
 */
export function required(value: string | undefined, flag: string): string {
  if (value === undefined) throw new UsageError(`required option '${flag}' not specified`);
  return value;
}

/** Flags as they come, where `required` has not seen `Name` yet. */
export type Unchecked<Flags, Name extends keyof Flags> = Omit<Flags, Name> & Partial<Pick<Flags, Name>>;

/** Ctrl-C or SIGTERM: everything there is to say has been said. */
export class Interrupted extends Error {
  override name = "Interrupted";

  constructor(readonly exitCode: number) {
    super();
  }
}

/**
 * An SDK message in the words of the command line: "outputDir" is the flag --output-dir there, and
 * "resume: true" is --resume.
 */
export function inFlags(message: string, command: Command | undefined): string {
  let text = message;
  for (const option of command?.options ?? []) {
    const name = option.attributeName();
    const flag = option.long ?? option.flags;
    text = text.replaceAll(`${name}: true`, flag);
    // A name of one word is also an English word; only what is unmistakably a key is translated.
    if (/[A-Z]/.test(name)) text = text.replace(new RegExp(`"?\\b${name}\\b"?`, "g"), flag);
    else text = text.replaceAll(`option "${name}"`, `option ${flag}`);
  }
  return text;
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
