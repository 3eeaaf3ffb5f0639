/** Progress of long work: one line drawn in place on a terminal, a plain line now and then elsewhere. */
import pc from "picocolors";
import type { Output } from "./output.ts";

/** How far the work is. */
export interface Progress {
  done: number;
  total: number;
  /** `done` and `total` for a person, such as bytes in GB. Default: the numbers. */
  show?(value: number): string;
  /** Pieces beside the bar, the most important first: those that do not fit the terminal are left out. */
  facts: readonly string[];
}

/** Redrawing faster is invisible and costs time. */
const REDRAW_MS = 50;
/** About so many plain lines in all where there is no terminal. */
const PLAIN_LINES = 20;
const BAR = { least: 6, usual: 10, most: 30 };

export class ProgressLine {
  private drawn = false;
  private lastDraw = 0;
  private lastPlain = 0;

  /** @param label what is being done, in one or two words */
  constructor(
    private readonly output: Output,
    private readonly label: string,
  ) {}

  /** Shows the present state. The last one (done = total) is always shown. */
  update(progress: Progress): void {
    if (this.output.json) return;
    if (this.output.live) this.draw(progress);
    else this.plain(progress);
  }

  private draw(progress: Progress): void {
    const now = performance.now();
    if (progress.done < progress.total && now - this.lastDraw < REDRAW_MS) return;
    this.lastDraw = now;
    this.drawn = true;
    // \r and "erase to the end of the line": the next drawing takes the same place.
    process.stdout.write(`\r${progressText(this.label, progress, process.stdout.columns || 80)}\u001b[K`);
  }

  /** Prints a line above the bar, which is drawn again by the next update. */
  note(text: string): void {
    this.clear();
    this.output.say(text);
  }

  /** Removes the bar: what it showed is of no use any more. */
  clear(): void {
    if (this.drawn) process.stdout.write("\r\u001b[K");
    this.drawn = false;
  }

  /** Leaves the bar as it is and goes to the next line. */
  end(): void {
    if (this.drawn) process.stdout.write("\n");
    this.drawn = false;
  }

  private plain({ done, total, facts, show = String }: Progress): void {
    const every = Math.max(1, Math.ceil(total / PLAIN_LINES));
    if (done !== total && done - this.lastPlain < every) return;
    this.lastPlain = done;
    this.output.say(`${this.label} ${show(done)}/${show(total)}${facts.map((fact) => `, ${fact}`).join("")}`);
  }
}

/** One line of at most `columns - 1` characters: a full line would make some terminals wrap. */
export function progressText(
  label: string,
  { done, total, facts, show = String }: Progress,
  columns: number,
): string {
  const counter = `${show(done).padStart(show(total).length)}/${show(total)}`;
  const room = columns - 1;
  const beside = [counter, ...facts].reduce((sum, text) => sum + 2 + text.length, 0);
  // Rather all facts than the label, which says what one knows.
  const shortened = label.length + 2 + BAR.usual + beside > room && BAR.least + beside <= room;
  const before = shortened ? "" : `${label}  `;
  const least = shortened ? BAR.least : BAR.usual;
  const fixed = before.length + 2 + counter.length;
  const shown: string[] = [];
  let used = fixed + least;
  for (const fact of facts) {
    if (used + 2 + fact.length > room) break;
    shown.push(fact);
    used += 2 + fact.length;
  }
  const width = Math.min(BAR.most, least + room - used);
  if (width < least) return `${label} ${counter}`.slice(0, Math.max(0, room));
  const filled = total > 0 ? Math.floor((width * done) / total) : width;
  const bar = pc.green("━".repeat(filled)) + pc.dim("─".repeat(width - filled));
  return [`${before}${bar}`, counter, ...shown].join("  ");
}
