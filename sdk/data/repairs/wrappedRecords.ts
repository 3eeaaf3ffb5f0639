/**
 * Files whose records were each taken for one cell and quoted once more: `"a,""b, c"""` is `a,"b, c"`. It happens when
 * a CSV file is opened and saved by a program that expects another delimiter.
 */

const wrapped = /^"((?:[^"\n\r]|"")*)"[,;\t ]*(?=\r?$)/gm;

/**
 * True where every line of the sample is such a record, and is more than one cell without the quotes. The header may
 * be as it should be.
 */
export function looksWrapped(sample: string): boolean {
  const lines = sample.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (lines.length < 2) return false;
  const inside = lines.map((line) => /^"((?:[^"]|"")*)"[,;\t ]*$/.exec(line)?.[1]);
  if (inside[0] === undefined && lines.length >= 3 && !lines[0].includes('"')) inside[0] = lines[0];
  const several = inside.filter((text) => text !== undefined && /[,;\t|]/.test(text)).length;
  // A file of one column has doubled quotes only where a sentence has quotes.
  const begins = inside.filter(
    (text) => text !== undefined && /(?:^|[,;\t|])""|""(?:[,;\t|]|$)/.test(text),
  ).length;
  return inside.every((text) => text !== undefined) && several === lines.length && begins >= 1;
}

export function unwrap(text: string): string {
  return text.replace(wrapped, (_, inner: string) => inner.replaceAll('""', '"'));
}

/** The record as it stands in the file. */
export function wrap(raw: string): string {
  return `"${raw.replaceAll('"', '""')}"`;
}
