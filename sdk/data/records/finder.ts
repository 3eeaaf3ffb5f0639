/** The next place of a string or a pattern, searched for once although it is asked for often. */
export class Finder {
  #from = 0;
  #found = -1;

  /** @param what "" is nowhere; a pattern must be global */
  constructor(readonly what: string | RegExp) {}

  /** The text is another one. */
  forget(): void {
    this.#from = 0;
    this.#found = -1;
  }

  /** @returns Infinity when there is none */
  find(text: string, from: number): number {
    if (from >= this.#from && from <= this.#found) return this.#found;
    this.#from = from;
    const at = this.#search(text, from);
    this.#found = at < 0 ? Number.POSITIVE_INFINITY : at;
    return this.#found;
  }

  #search(text: string, from: number): number {
    const { what } = this;
    if (typeof what === "string") return what === "" ? -1 : text.indexOf(what, from);
    what.lastIndex = from;
    return what.exec(text)?.index ?? -1;
  }
}

/** Any of some characters. */
export function anyOf(marks: string): Finder {
  return new Finder(marks.length > 1 ? new RegExp(`[${marks}]`, "g") : marks);
}
