import type { Domain } from "../domain/domainSchema.ts";

export type Command = keyof Domain["ui"]["commands"];

/** The command that a line is; undefined for a line that is said. */
export function commandOf(line: string, { commands }: Domain["ui"]): Command | undefined {
  const word = line.trim().toLowerCase();
  return (Object.keys(commands) as Command[]).find((name) => commands[name].includes(word));
}

/** Puts values into a text of the domain: "{seconds} s". */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
}
