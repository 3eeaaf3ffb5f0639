/** A record that is written with another delimiter than its file. */

import type { ColumnModel } from "../columns/columnModel.ts";
import type { Syntax } from "../records/syntax.ts";
import { type Alignment, align } from "./align.ts";

const others = [",", ";", "\t", "|", " "];
// Dearer than one fault of another kind.
const PRICE = 1;

/**
 * The best reading with another delimiter, if there is one.
 *
 * @param isHeader the record holds names, which have no blanks inside
 */
export function alignOtherwise(
  raw: string,
  syntax: Syntax,
  models: readonly ColumnModel[],
  isHeader = false,
): Alignment | undefined {
  let best: Alignment | undefined;
  const typed = models.filter((model) => model.typed).length;
  for (const delimiter of others) {
    if (delimiter === syntax.delimiter || !raw.includes(delimiter)) continue;
    // Blanks are everywhere in texts: the columns must say where the cells end.
    const pieces = raw.split(delimiter).length;
    if (
      delimiter === " " &&
      typed < 0.4 * models.length &&
      !(isHeader && pieces === models.length && pieces >= 4)
    )
      continue;
    if (pieces < models.length) continue;
    const found = align(raw, { ...syntax, delimiter, blankAfterDelimiter: false }, models);
    if (!found || found.cells.some(({ kind }) => kind === "ragged" || kind === "missing separator")) continue;
    // A mark that a sentence holds too separates where nothing else in the record is strange.
    const joined = delimiter !== " " && found.cells.some(({ kind }) => kind !== undefined);
    const cost = found.cost + PRICE + (joined ? 0.5 : 0);
    if (!best || cost < best.cost)
      best = {
        ...found,
        cost,
        cells: found.cells.map((cell) => ({ ...cell, kind: "other delimiter" })),
      };
  }
  return best;
}
