/**
 * What the commands print. stdout carries either text for a person or, with --json, JSON lines and nothing else;
 * warnings and errors go to stderr in both.
 */
import { stripVTControlCharacters } from "node:util";
import pc from "picocolors";
import { harmless } from "../text/harmless.ts";

export class Output {
  /** True when stdout is a terminal that a person looks at: progress is drawn in place. */
  readonly live: boolean;

  constructor(readonly json = false) {
    this.live = !json && process.stdout.isTTY === true;
  }

  /** Text for a person; nothing with --json. */
  say(text = ""): void {
    if (!this.json) process.stdout.write(`${text}\n`);
  }

  /** A line with its topic in front, the same column in every command; further lines are indented below it. */
  topic(name: string, text: string): void {
    const [first, ...rest] = text.split("\n").flatMap((line) => wrap(line, columnsOf(process.stdout)));
    this.say(`${pc.bold(name.padEnd(TOPIC_WIDTH))}${first}`);
    for (const line of rest) this.say(indented(line));
  }

  /** A line below a topic, in a colour of its own. */
  below(line: string, paint: (text: string) => string): void {
    for (const part of wrap(line, columnsOf(process.stdout))) this.say(indented(paint(part)));
  }

  /** One JSON line, whose `type` says what it tells; nothing without --json. */
  event<Event extends { type: string }>(event: Event): void {
    if (this.json) process.stdout.write(`${JSON.stringify(event)}\n`);
  }

  /** Does work that gives no sign of life, with a word on a terminal that goes away when it is done. */
  async during<T>(text: string, work: () => T | Promise<T>): Promise<T> {
    if (!this.live) return work();
    process.stdout.write(pc.dim(`${text} …`));
    try {
      return await work();
    } finally {
      process.stdout.write("\r\u001b[K");
    }
  }

  /** Something that does not stop the work but should be known; also with --json, as it goes to stderr. */
  warn(text: string): void {
    const [first, ...rest] = wrap(`note: ${harmless(text)}`, columnsOf(process.stderr) + TOPIC_WIDTH);
    process.stderr.write(`${[first.replace(/^note/, pc.yellow("note")), ...rest].join("\n")}\n`);
  }
}

/** Columns beside the topics. A file has none; there a line stays a line, for grep. */
function columnsOf({ isTTY, columns }: NodeJS.WriteStream): number {
  return isTTY ? (columns || 80) - TOPIC_WIDTH : Number.POSITIVE_INFINITY;
}

/** Breaks a line at spaces; colours take no room. A longer word is left to the terminal. */
export function wrap(line: string, width: number): string[] {
  const lines: string[] = [];
  let current: string | undefined;
  let length = 0;
  for (const word of line.split(" ")) {
    const size = stripVTControlCharacters(word).length;
    if (current !== undefined && length + 1 + size <= width) {
      current += ` ${word}`;
      length += 1 + size;
      continue;
    }
    if (current !== undefined) lines.push(current);
    current = word;
    length = size;
  }
  return [...lines, current ?? ""];
}

/** Columns that `topic` leaves for the name. */
export const TOPIC_WIDTH = 10;

/** The text under a topic's first line. */
export function indented(text: string): string {
  return text
    .split("\n")
    .map((line) => " ".repeat(TOPIC_WIDTH) + line)
    .join("\n");
}

/** The first lines of a list, and how many more there are. */
export function firstLines(lines: readonly string[], most: number): string[] {
  if (lines.length <= most + 1) return [...lines];
  return [...lines.slice(0, most), `and ${lines.length - most} more`];
}

/** A learning rate in always the same width: "2.0e-4". */
export function rate(value: number): string {
  return value.toExponential(1);
}

/** Words of a command line as a shell takes them. */
export function shellWords(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`))
    .join(" ");
}
