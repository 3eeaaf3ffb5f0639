/** What a run has found, told as it comes, and how long it may go on. */
import { table } from "./table.ts";

/** A result as the JSON line has it: `work` names it, `peer` whose it is where it is not ours. */
export type Line = Record<string, unknown> & { work?: string };

export class Report {
  private readonly lines: Line[] = [];
  private readonly end: number;

  /** @param seconds from now on */
  constructor(seconds: number) {
    this.end = performance.now() + 1000 * seconds;
  }

  /** Seconds of the run that are left; negative when it should be over. */
  get left(): number {
    return (this.end - performance.now()) / 1000;
  }

  say(line: Line): void {
    this.lines.push(line);
    console.log(JSON.stringify(line));
  }

  /** What `work` gives, beside `line`; or its error, with which the run goes on. Not begun when the time is over. */
  async attempt(line: Line, work: () => unknown): Promise<void> {
    if (this.left < 0) {
      this.say({ ...line, problem: "left out: the run's time is over (--seconds)" });
      return;
    }
    try {
      this.say({ ...line, ...((await work()) as object) });
    } catch (error) {
      this.fail({ ...line, error: (error as Error).message.slice(0, 300) });
    }
  }

  /** Says it, and lets the program fail at its end. */
  fail(line: Line): void {
    this.say(line);
    process.exitCode = 1;
  }

  own(): Line[] {
    return this.lines.filter(({ peer }) => !peer);
  }

  printTable(): void {
    console.log(table(this.lines));
  }
}
