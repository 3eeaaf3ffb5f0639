/**
 * One record of a text. Most records are clean and nobody looks at more than their fields, so what stands in the file
 * (`raw`) is cut out when it is asked for.
 */
import type { RepairKind } from "../report/report.ts";

export interface CellRepair {
  /** Place of the column; undefined where the whole record is meant. */
  column?: number;
  kind: RepairKind;
}

const noRepairs: readonly CellRepair[] = [];

export class TextRecord {
  /** What was mended in it; none as the reader gives it. */
  repairs: readonly CellRepair[] = noRepairs;
  /** Why it could not be read as cells. */
  reason: string | undefined = undefined;

  /** @param text what it stands in, from `start` to `stop`, its record end left out */
  constructor(
    readonly fields: string[],
    /** False where quotes break the rules; then `fields` are split at every delimiter. */
    readonly clean: boolean,
    /** Where it begins, from 1. */
    readonly line: number,
    /** How many lines it takes. */
    readonly lines: number,
    readonly text: string,
    readonly start: number,
    readonly stop: number,
  ) {}

  /** As it stands in the text, without its record end. */
  get raw(): string {
    return this.text.slice(this.start, this.stop);
  }

  /** Its record end: "\n", "\r\n", "\r", or "" at the end of the text. */
  get end(): string {
    const first = this.text.charAt(this.stop);
    return first === "\r" && this.text.charAt(this.stop + 1) === "\n" ? "\r\n" : first;
  }

  /** The same record, read otherwise. */
  mended(fields: string[], repairs: readonly CellRepair[], raw = this.raw): TextRecord {
    const record = new TextRecord(fields, this.clean, this.line, this.lines, raw, 0, raw.length);
    record.repairs = repairs;
    return record;
  }

  /** The same record, set aside. */
  because(reason: string): TextRecord {
    const record = this.mended(this.fields, this.repairs);
    record.reason = reason;
    return record;
  }
}
