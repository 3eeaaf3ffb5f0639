/**
 * Keeps reasoning out of answers: takes guidance sentences that a model repeats out of a stream of text. What
 * might be the beginning of one is held back until it is certain, so that nothing leaks where the stream is cut.
 */
export class AnswerFilter {
  readonly #forbidden: string[];
  #held = "";

  /** `guidance` is the text that went into the prompt, one sentence a line. */
  constructor(guidance: string) {
    // Short lines would take innocent words out of answers.
    this.#forbidden = guidance
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line.length >= 12)
      .sort((a, b) => b.length - a.length);
  }

  /** Takes a piece and returns the text that is certain by now. */
  push(piece: string): string {
    this.#held += piece;
    for (const line of this.#forbidden) this.#held = this.#held.split(line).join("");
    const keep = this.#possibleStart();
    const out = this.#held.slice(0, this.#held.length - keep);
    this.#held = this.#held.slice(this.#held.length - keep);
    return out;
  }

  /** The rest at the end of the stream. A long beginning of guidance is guidance cut short and is dropped. */
  end(): string {
    const rest = this.#held;
    this.#held = "";
    return this.#forbidden.some((line) => rest.length >= 12 && line.startsWith(rest)) ? "" : rest;
  }

  /** Length of the longest end of the held text that begins a forbidden line. */
  #possibleStart(): number {
    for (let n = this.#held.length; n > 0; n--) {
      const tail = this.#held.slice(-n);
      if (this.#forbidden.some((line) => line.length > n && line.startsWith(tail))) return n;
    }
    return 0;
  }
}
