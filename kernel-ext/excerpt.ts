/** A place in a cell, shown. */

/** The line (from 1) with the two before it, and a mark under the column (from 1). */
export function excerpt(code: string, line: number, column: number): string[] {
  const lines = code.split("\n");
  const first = Math.max(1, line - 2);
  const width = String(line).length;
  const shown = lines
    .slice(first - 1, line)
    .map((text, index) => `${String(first + index).padStart(width)} | ${text}`);
  return [...shown, `${" ".repeat(width)} | ${" ".repeat(Math.max(0, column - 1))}^`];
}
