/**
 * What the cells of a column usually look like, learnt from records without faults. It gives the cost of putting a
 * text into the column, by which one reading of a faulty record is better than another.
 */
import { cellKind } from "./cellKind.ts";

interface Shapes {
  exact: Set<string>;
  /** With the number of cells that have it. */
  rough: Map<string, number>;
}

/** Digits and letters become "9", "A" and "a": "CC-2828" is "AA-9999". */
function exactShape(text: string): string {
  return text
    .replace(/\p{Lu}/gu, "A")
    .replace(/\p{L}/gu, "a")
    .replace(/\d/g, "9");
}

/** Runs become one: "AA-9999" is "A-9". */
function roughShape(exact: string): string {
  return exact.replace(/([9Aa])\1+/g, "$1");
}

function firstKind(text: string): string {
  const first = text[0];
  if (/\p{Lu}/u.test(first)) return "A";
  if (/\p{L}/u.test(first)) return "a";
  return /\d/.test(first) ? "9" : first;
}

/** As far as its last character says. */
export function endsSentence(text: string): boolean {
  return /[.!?…:»)\]"”。！？؟]$/.test(text);
}

/** With a question mark of any script at its end. */
export function endsQuestion(text: string): boolean {
  return /[?？؟]\s*$/.test(text);
}

// Longer cells are text, whatever their shape.
const LONGEST_SHAPE = 80;
const MISFIT = 2;

export class ColumnModel {
  /** Short cells, whose shapes are found out when they are asked for: most files are never asked. */
  readonly #short: string[] = [];
  #known: Shapes | undefined;
  readonly #firsts = new Map<string, number>();
  #filled = 0;
  #empty = 0;
  #questions = 0;
  #ended = 0;
  #length = 0;
  #texts = 0;
  #typed: boolean | undefined;
  #spaced = 0;
  readonly #values = new Set<string>();
  #shortest = Number.POSITIVE_INFINITY;

  /** Cells that are to be learnt from: a file without faults never asks. */
  #waiting: string[] = [];

  learn(cell: string): void {
    this.#typed = undefined;
    this.#waiting.push(cell);
  }

  /** All that was given is learnt from: the first line of whatever reads the counts. */
  #settle(): void {
    if (this.#waiting.length === 0) return;
    const cells = this.#waiting;
    this.#waiting = [];
    for (const cell of cells) this.#read(cell);
  }

  #read(cell: string): void {
    const text = cell.trim();
    if (text === "") {
      this.#empty++;
      return;
    }
    this.#filled++;
    this.#length += text.length;
    if (/\S\s+\S/.test(text)) this.#spaced++;
    this.#values.add(text);
    this.#shortest = Math.min(this.#shortest, text.length);
    if (cellKind(text) === "text") this.#texts++;
    if (endsQuestion(text)) this.#questions++;
    if (endsSentence(text)) this.#ended++;
    add(this.#firsts, firstKind(text));
    if (text.length <= LONGEST_SHAPE) this.#short.push(text);
    this.#known = undefined;
  }

  /** Few shapes cover nearly all cells: numbers, dates, codes, addresses. */
  get typed(): boolean {
    this.#typed ??= this.#isTyped();
    return this.#typed;
  }

  #isTyped(): boolean {
    this.#settle();
    if (this.#filled < 1 || this.#texts > 0.3 * this.#filled) return false;
    const counts = [...this.#shapes.rough.values()].sort((a, b) => b - a);
    const most = counts.slice(0, 4).reduce((sum, count) => sum + count, 0);
    return most >= 0.85 * this.#filled;
  }

  get #shapes(): Shapes {
    this.#settle();
    if (this.#known) return this.#known;
    const shapes: Shapes = { exact: new Set(), rough: new Map() };
    for (const text of this.#short) {
      const exact = exactShape(text);
      shapes.exact.add(exact);
      add(shapes.rough, roughShape(exact));
    }
    this.#known = shapes;
    return shapes;
  }

  get seen(): number {
    this.#settle();
    return this.#filled + this.#empty;
  }

  get alwaysEmpty(): boolean {
    this.#settle();
    return this.#filled === 0 && this.#empty > 0;
  }

  /** Share of cells that end like a sentence, in [0, 1]. */
  get endedShare(): number {
    this.#settle();
    return this.#filled === 0 ? 0 : this.#ended / this.#filled;
  }

  /** Share of cells that begin with a small letter, in [0, 1]. */
  get lowerShare(): number {
    this.#settle();
    return this.#filled === 0 ? 0 : (this.#firsts.get("a") ?? 0) / this.#filled;
  }

  get questionShare(): number {
    this.#settle();
    return this.#filled === 0 ? 0 : this.#questions / this.#filled;
  }

  /** Share of cells with more than one word, in [0, 1]. */
  get spacedShare(): number {
    this.#settle();
    return this.#filled === 0 ? 0 : this.#spaced / this.#filled;
  }

  /** How much the column says: the mean length, less where cells repeat or are missing. */
  get weight(): number {
    return this.seen === 0 ? 0 : (this.meanLength * this.#values.size) / this.seen;
  }

  /** As a name stands over longer texts; where the column is empty, any name does. */
  isShorterThanAll(text: string): boolean {
    this.#settle();
    return text.length < this.#shortest && text.length <= 0.7 * Math.max(this.meanLength, 1);
  }

  get meanLength(): number {
    this.#settle();
    return this.#filled === 0 ? 0 : this.#length / this.#filled;
  }

  /** 0 where the text fits, up to 2 where it cannot be a cell of this column. */
  cost(cell: string): number {
    this.#settle();
    const text = cell.trim();
    if (this.seen === 0) return text === "" ? 0.5 : 0;
    if (text === "") return 0.7 * (1 - this.#empty / this.seen);
    if (this.#filled === 0) return Math.min(1.5, 0.3 * this.#empty);
    if (this.typed) {
      if (text.length > LONGEST_SHAPE) return MISFIT;
      const exact = exactShape(text);
      if (this.#shapes.exact.has(exact)) return 0;
      return this.#shapes.rough.has(roughShape(exact)) ? 0.3 : MISFIT;
    }
    let cost = 0;
    // A column of sentences holds no bare number or date.
    if (this.#filled >= 5 && this.#firsts.get(firstKind(text)) === undefined) cost += 0.5;
    if (this.#filled >= 3 && this.questionShare > 0.6 && !endsQuestion(text)) cost += 0.5;
    if (this.#filled >= 3 && this.questionShare < 0.1 && endsQuestion(text)) cost += 0.4;
    return cost;
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Models of `columns` columns from the records that have as many fields. */
export function learnColumns(records: Iterable<readonly string[]>, columns: number): ColumnModel[] {
  const models = Array.from({ length: columns }, () => new ColumnModel());
  let count = 0;
  for (const fields of records) {
    if (fields.length !== columns) continue;
    for (const [i, model] of models.entries()) model.learn(fields[i]);
    // More examples teach nothing new.
    if (++count === 500) break;
  }
  return models;
}
