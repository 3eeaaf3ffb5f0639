/** Does a line go on with the text of the line before? */
import { type ColumnModel, endsQuestion } from "../columns/columnModel.ts";

/**
 * What the seam between two lines says.
 *
 * @param before the text that may go on
 * @param line what may be its next line
 * @param begin model of the column that a record begins with
 * @returns above 0 where it speaks for one text, below 0 for two; about -1.2 to 2
 */
export function seam(before: string, line: string, begin: ColumnModel): number {
  const last = before.trimEnd();
  const first = line.trimStart();
  let evidence = 0;
  // In a file without capitals, a small letter says nothing.
  if (/^\p{Ll}/u.test(first)) evidence += begin.typed || begin.lowerShare < 0.6 ? 1 : 0;
  else if (/^(?:[-–—*•·,;:.)\]»…]|\d{1,2}[.)]\s)/.test(first)) evidence += 1;
  else if (/^\p{Lu}/u.test(first)) evidence -= 0.4;
  if (/[,;:(–—-]$/.test(last)) evidence += 0.8;
  else if (/[.!?…»"”)]$/.test(last)) evidence -= 0.8;
  else evidence += 0.3;
  return evidence;
}

/**
 * The same, for the beginning of a record and a line that has further cells.
 *
 * @param first the first cell so far
 * @param next the first cell of the line
 */
export function joins(before: string, line: string, first: string, next: string, begin: ColumnModel): number {
  let evidence = seam(before, line, begin);
  // Records that begin with a question have one question mark there.
  if (!begin.typed && begin.seen >= 2 && begin.questionShare > 0.6 && endsQuestion(next))
    evidence += endsQuestion(first) ? -1.5 : 0.6;
  return evidence;
}

/**
 * The same, for a line that may belong to the last cell of the record before.
 *
 * @param model of the column that `before` stands in
 */
export function continues(before: string, line: string, model: ColumnModel, begin: ColumnModel): number {
  let evidence = seam(before, line, begin);
  // Its neighbours end like sentences and it does not.
  if (!/[,;:(–—.!?…»"”)-]$/.test(before.trimEnd()) && model.seen >= 2 && model.endedShare > 0.65)
    evidence += 0.6;
  // Records that begin with a question begin with one here too.
  if (!begin.typed && begin.seen >= 2 && begin.questionShare > 0.6)
    evidence += endsQuestion(line) ? -1.5 : 1.6;
  return evidence;
}
