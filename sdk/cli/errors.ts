/** How a command ends when it cannot go on: exit codes, and messages in the words of the command line. */
import type { Command } from "commander";

/** The command line asks for something that cannot be: exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Ctrl-C: everything there is to say has been said; exit code 130. */
export class Interrupted extends Error {
  override name = "Interrupted";
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
