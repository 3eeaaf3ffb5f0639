/**
 * The likeliest reading of a faulty record as a given number of cells. The record is cut at its delimiters; dynamic
 * programming finds the cells with the least total cost, where each fault has a price (see `prices`) and a text that
 * does not look like its column costs what `ColumnModel.cost` says. Cost 0 is a record without fault.
 */

import type { ColumnModel } from "../columns/columnModel.ts";
import type { Syntax } from "../records/syntax.ts";
import type { RepairKind } from "../report/report.ts";
import { type CellReading, GrowingCell, readCell } from "./cellReading.ts";

export interface AlignedCell {
  text: string;
  /** What was wrong with it. */
  kind?: RepairKind;
}

export interface Alignment {
  cells: AlignedCell[];
  cost: number;
  /** Empty fields that were one too many. */
  dropped: number;
}

export const prices = {
  /** An empty field that is one too many. */
  surplus: 1,
  /** A separator that is not there. */
  missing: 1.2,
  /** A column that the record does not have, at its end. */
  absentAtEnd: 1,
  /** A further one. */
  absentFurther: 0.5,
  /** The same, before another column. */
  absent: 1.6,
};

// The work grows with the square of it; a record with more is set aside.
const MOST_CUTS = 400;
// The same for quoted texts, of which each is looked at as a whole, and for texts that may be two cells.
const MOST_LOOKS = 60;
const MOST_SPLITS = 400;
const MOST_SEAMS = 60;

interface Step {
  cost: number;
  from: Step | undefined;
  cells: AlignedCell[];
}

/** @returns undefined where the record has too many delimiters to say anything */
export function align(raw: string, syntax: Syntax, models: readonly ColumnModel[]): Alignment | undefined {
  const cuts = cutPlaces(raw, syntax);
  if (cuts.length > MOST_CUTS) return undefined;
  const starts = [0, ...cuts.map((at) => at + syntax.delimiter.length)];
  const ends = [...cuts, raw.length];
  const pieces = starts.length;
  let splits = 0;
  const columns = models.length;
  // best[j][p]: the first j columns hold the first p pieces.
  const best: (Step | undefined)[][] = Array.from({ length: columns + 1 }, () => []);
  best[0][0] = { cost: 0, from: undefined, cells: [] };
  // Two cells with quotes and no separator between them show them back to back.
  const doubleMark = syntax.quote === "" ? "\0" : syntax.quote[0] + syntax.quote[0];
  const offer = (j: number, p: number, from: Step, cost: number, cells: AlignedCell[]) => {
    const total = from.cost + cost;
    const known = best[j][p];
    if (!known || total < known.cost - 1e-9) best[j][p] = { cost: total, from, cells };
  };
  for (let p = 0; p <= pieces; p++) {
    const readings = p < pieces ? new Readings(raw, starts[p], ends, p, syntax) : undefined;
    for (let j = 0; j <= columns; j++) {
      const step = best[j][p];
      if (!step) continue;
      if (p < pieces && raw.slice(starts[p], ends[p]).trim() === "" && pieces > columns)
        offer(j, p + 1, step, prices.surplus, []);
      if (j === columns) continue;
      const further = step.cells[0]?.kind === "ragged";
      const price = p < pieces ? prices.absent : further ? prices.absentFurther : prices.absentAtEnd;
      offer(j + 1, p, step, price + 0.5 * models[j].cost(""), [{ text: "", kind: "ragged" }]);
      if (!readings) continue;
      for (let q = p + 1; q <= pieces; q++) {
        const reading = readings.upTo(q);
        if (!reading) break;
        const typed = models[j].typed && reading.kind === "unquoted delimiter" ? 1 : 0;
        offer(j + 1, q, step, reading.cost + typed + models[j].cost(reading.text), [reading]);
        const length = ends[q - 1] - starts[p];
        if (j + 1 < columns && splits < MOST_SPLITS && (q - p <= 2 || (reading.quoted && length < 4000))) {
          const text = raw.slice(starts[p], ends[q - 1]);
          if (q - p <= 2 || text.includes(doubleMark)) {
            splits++;
            const parts = splitPiece(text, syntax, models[j], models[j + 1]);
            if (parts) offer(j + 2, q, step, prices.missing + parts.cost, parts.cells);
          }
        }
        // Typed cells are short; joining on leads nowhere.
        if (models[j].typed && length > 200) break;
      }
    }
  }
  const end = best[columns][pieces];
  if (!end) return undefined;
  const cells: AlignedCell[] = [];
  let dropped = 0;
  for (let step: Step | undefined = end; step?.from; step = step.from) {
    cells.unshift(...step.cells);
    if (step.cells.length === 0) dropped++;
  }
  return { cells, cost: end.cost, dropped };
}

/** Readings of the texts that begin with one piece and end with another, each made once. */
class Readings {
  readonly #cell: GrowingCell;
  readonly #known: (CellReading | undefined)[] = [];
  #looks = 0;

  constructor(
    raw: string,
    start: number,
    readonly ends: readonly number[],
    readonly first: number,
    syntax: Syntax,
  ) {
    this.#cell = new GrowingCell(raw, start, ends[first], syntax);
  }

  /** @returns undefined where too much was looked at already */
  upTo(q: number): CellReading | undefined {
    const at = q - this.first - 1;
    while (this.#known.length <= at) {
      const next = this.#known.length;
      if (next > 0) this.#cell.grow(this.ends[this.first + next]);
      const known = this.#looks < MOST_LOOKS;
      if (this.#cell.isWrapped) this.#looks++;
      this.#known.push(known ? this.#cell.read() : undefined);
    }
    return this.#known[at];
  }
}

function cutPlaces(raw: string, { delimiter }: Syntax): number[] {
  const cuts: number[] = [];
  if (delimiter === "") return cuts;
  for (let at = raw.indexOf(delimiter); at >= 0; at = raw.indexOf(delimiter, at + delimiter.length)) {
    cuts.push(at);
    if (cuts.length > MOST_CUTS) break;
  }
  return cuts;
}

/** One text that holds two cells: at a quote between them, or where both sides look like their columns. */
function splitPiece(
  text: string,
  syntax: Syntax,
  left: ColumnModel,
  right: ColumnModel,
): { cost: number; cells: AlignedCell[] } | undefined {
  let best: { cost: number; cells: AlignedCell[] } | undefined;
  const quote = syntax.quote[0];
  if (text.length > 4000) return undefined;
  const byShape = (left.typed || right.typed) && text.length <= 200;
  let seams = 0;
  for (let at = 1; at < text.length; at++) {
    const atQuote = quote !== undefined && (text[at] === quote || text[at - 1] === quote);
    if (!atQuote && !byShape) continue;
    if (atQuote && ++seams > MOST_SEAMS) break;
    // What has a separator between it lacks none.
    if (text.startsWith(syntax.delimiter, at) || text.endsWith(syntax.delimiter, at)) continue;
    const first = readCell(text.slice(0, at), syntax);
    const second = readCell(text.slice(at), syntax);
    if (first.kind !== undefined || second.kind !== undefined) continue;
    // Nor does what has one just inside a quote: that quote stands at the wrong place.
    if (first.text.endsWith(syntax.delimiter) || second.text.startsWith(syntax.delimiter)) continue;
    // Without a quote between them, only the shapes speak.
    if (!atQuote && (first.quoted || second.quoted)) continue;
    if (atQuote && !first.quoted && !second.quoted) continue;
    // A blank at the seam is one of a sentence, and no cell begins with what ends one.
    const seam = /\s$/.test(first.text) || /^[\s?!.,;:)]/.test(second.text) ? 0.6 : 0;
    const cost = left.cost(first.text) + right.cost(second.text) + (atQuote ? seam : 0.3);
    if (cost >= 1.5 || (best && cost >= best.cost)) continue;
    best = {
      cost,
      cells: [
        { text: first.text, kind: "missing separator" },
        { text: second.text, kind: "missing separator" },
      ],
    };
  }
  return best;
}
