/**
 * Text onto a terminal as it comes, with words kept whole at its edge: a word that has begun at the end of a line and goes
 * on is taken back and begins the next one. The last column stays free, where terminals differ in what a step back means.
 */
export class WordWrap {
  readonly #output: { write(text: string): unknown; columns?: number };
  #column: number;
  /** What stands on the line since its last blank. */
  #word = "";

  /** @param column where the text begins: the width of what stands before it on its line */
  constructor(output: { write(text: string): unknown; columns?: number }, column: number) {
    this.#output = output;
    this.#column = column;
  }

  /** Writes text without control characters but tabs and line ends. Where the width is unknown it stays as it is. */
  write(text: string): void {
    const { columns } = this.#output;
    this.#output.write(columns === undefined || columns < 2 ? text : this.#wrapped(text, columns - 1));
  }

  #wrapped(text: string, limit: number): string {
    let out = "";
    for (const char of text) {
      const size = char === "\t" ? 8 - (this.#column % 8) : width(char);
      const fits = this.#column + size <= limit;
      if (char === "\n" || ((char === " " || char === "\t") && !fits)) {
        // A blank at the edge has done its work.
        out += "\n";
        this.#column = 0;
        this.#word = "";
        continue;
      }
      if (!fits) {
        // A word longer than a line is cut where the line ends.
        const moved =
          textWidth(this.#word) + size <= limit && this.#column > textWidth(this.#word) ? this.#word : "";
        const back = textWidth(moved);
        out += back > 0 ? `\x1b[${back}D\x1b[K\n${moved}` : "\n";
        this.#column = back;
        this.#word = moved;
      }
      out += char;
      this.#column += size;
      this.#word = char === " " || char === "\t" ? "" : this.#word + char;
    }
    return out;
  }
}

/** Columns that a terminal takes for a text. */
export function textWidth(text: string): number {
  let sum = 0;
  for (const char of text) sum += width(char);
  return sum;
}

/** Blocks of characters that take two columns: East Asian ones and pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}]/u;
const NONE = /\p{Mn}|\p{Me}|\u200d|\ufe0f/u;

function width(char: string): number {
  return NONE.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
}
