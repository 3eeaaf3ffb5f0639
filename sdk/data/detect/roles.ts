/** Which columns hold question and answer, where their names do not say it: by what the cells look like. */
import type { ColumnModel } from "../columns/columnModel.ts";
import type { ColumnNames } from "../columns/columns.ts";
import { type ColumnPlaces, findColumns, isOtherName, namedSide } from "../columns/columns.ts";
import type { Layout } from "./layout.ts";

/** Share of the cells that end with a question mark: not every customer sets one. */
const ASKING = 0.6;

/** @returns undefined where it takes a guess to say */
export function findRoles(
  { header, headerRecords, models }: Layout,
  wanted: Partial<ColumnNames> | undefined,
): ColumnPlaces | undefined {
  const named = findColumns(header, wanted);
  if (named || wanted?.instruction !== undefined || wanted?.response !== undefined) return named;
  const half = namedSide(header);
  if (half) return completed(half, { header, models });
  const texts = models
    .map((model, place) => ({ model, place }))
    .filter(({ model, place }) =>
      models.length === 2 ? !isOtherName(header[place]) : isProse(model, headerRecords > 0),
    );
  if (models.every((model) => model.typed)) return undefined;
  // Single words neither ask nor answer: a list of names, or prose that was cut at its blanks.
  if (models.every((model) => model.spacedShare === 0)) return undefined;
  const [first, second] = longestTwo(texts);
  if (!first || !second) return undefined;
  // Questions end with a question mark; where that says nothing, they stand first.
  const swapped = second.model.questionShare >= ASKING && first.model.questionShare <= 0.1;
  return {
    instruction: (swapped ? second : first).place,
    response: (swapped ? first : second).place,
    exact: false,
  };
}

/** One side is named: the other is the column that asks, or else the one with the most prose, if there is one. */
function completed(
  { side, at }: NonNullable<ReturnType<typeof namedSide>>,
  { header, models }: Pick<Layout, "header" | "models">,
): ColumnPlaces | undefined {
  const prose = models
    .map((model, place) => ({ model, place }))
    .filter(({ model, place }) => place !== at && !isOtherName(header[place]) && isProse(model, true));
  // Beside an answer, notes may be longer than the question.
  const asking = side === "response" ? prose.filter(({ model }) => model.questionShare >= ASKING) : [];
  const [other] = (asking.length > 0 ? asking : prose).sort((a, b) => b.model.weight - a.model.weight);
  if (!other) return undefined;
  return side === "instruction"
    ? { instruction: at, response: other.place, exact: false }
    : { instruction: other.place, response: at, exact: false };
}

interface Candidate {
  model: ColumnModel;
  place: number;
}

/** Under names that say something else, only sentences are taken. */
function isProse(model: ColumnModel, hasHeader: boolean): boolean {
  if (model.typed || model.alwaysEmpty || model.seen === 0) return false;
  if (hasHeader) return model.meanLength >= 8 && model.spacedShare >= 0.5;
  return true;
}

/** Of several text columns, a category repeats itself and is short: the two with the longest texts, in their order. */
function longestTwo(candidates: readonly Candidate[]): Candidate[] {
  return [...candidates]
    .sort((a, b) => b.model.weight - a.model.weight)
    .slice(0, 2)
    .sort((a, b) => a.place - b.place);
}
