/** The middle of some values; of an even number the larger of the two. They stay as they are. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
