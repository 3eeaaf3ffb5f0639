/** Jupyter counts the cursor in Unicode characters, JavaScript in UTF-16 units. */

export function toUnits(text: string, characters: number): number {
  let units = 0;
  for (const character of text) {
    if (characters-- <= 0) break;
    units += character.length;
  }
  return units;
}

export function toCharacters(text: string, units: number): number {
  return [...text.slice(0, units)].length;
}
