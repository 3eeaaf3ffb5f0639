/**
 * The values of a JSON text, one at a time: lines (JSONL), the elements of one array, or objects one after another.
 * Invariant: every value is given once, as a value or with the reason why it is none.
 */

export interface JsonItem {
  /** undefined where `reason` says why. */
  value?: unknown;
  text: string;
  /** Where it begins, from 1. */
  line: number;
  reason?: string;
}

/** Can the text be JSON? Its beginning must be a whole value, or the beginning of an array of objects. */
export function looksLikeJson(head: string, whole: boolean): boolean {
  const text = head.replace(/^\uFEFF/, "").trimStart();
  if (text[0] !== "{" && text[0] !== "[") return false;
  const splitter = new JsonValues();
  const [first] = splitter.push(text, whole);
  // A long first value does not end within the head.
  if (!first) return !whole && /^[[{]\s*["[{]/.test(text);
  return first.reason === undefined && typeof first.value === "object" && first.value !== null;
}

export class JsonValues {
  #text = "";
  #at = 0;
  #line = 1;
  /** "lines" until an array begins, or a line turns out not to be a value of its own. */
  #mode: "start" | "lines" | "array" | "end" = "start";
  /** Values stand on lines of their own: what is none is one broken line, not the beginning of a longer value. */
  #oneLineEach = false;

  /** @param last no more text comes */
  push(text: string, last: boolean): JsonItem[] {
    this.#text = this.#text.slice(this.#at) + text;
    this.#at = 0;
    const items: JsonItem[] = [];
    for (;;) {
      const item = this.#next(last);
      if (!item) return items;
      items.push(item);
    }
  }

  #next(last: boolean): JsonItem | undefined {
    this.#skipBlank();
    const text = this.#text;
    if (this.#mode === "start" && this.#at < text.length) {
      this.#mode = "lines";
      if (text[this.#at] === "[" && !isLineValue(text, this.#at)) {
        this.#mode = "array";
        this.#at++;
        this.#skipBlank();
      }
    }
    if (this.#mode === "array" && text[this.#at] === "]") {
      this.#mode = "lines";
      this.#at++;
      this.#skipBlank();
    }
    if (this.#at >= text.length) return undefined;
    const start = this.#at;
    const newline = text.indexOf("\n", start);
    const lineEnd = newline < 0 ? text.length : newline;
    if (this.#mode === "lines") {
      if (newline < 0 && !last) return undefined;
      const value = parsedJson(text.slice(start, lineEnd));
      if (value) {
        this.#oneLineEach = true;
        return this.#give(start, lineEnd, value.value);
      }
      if (this.#oneLineEach) return this.#give(start, lineEnd, undefined, "it is no JSON");
    }
    const end = valueEnd(text, start);
    if (end < 0) {
      // It may go on in the next piece.
      if (!last) return undefined;
      this.#oneLineEach = true;
      return this.#give(start, this.#mode === "lines" ? lineEnd : text.length, undefined, "it is no JSON");
    }
    const value = parsedJson(text.slice(start, end));
    if (value) return this.#give(start, end, value.value);
    return this.#give(
      start,
      Math.max(end, start + 1, this.#mode === "lines" ? lineEnd : 0),
      undefined,
      "it is no JSON",
    );
  }

  #give(start: number, end: number, value: unknown, reason?: string): JsonItem {
    const text = this.#text.slice(start, end);
    const line = this.#line;
    this.#at = end;
    for (let at = start; at < end; at++) if (this.#text.charCodeAt(at) === 10) this.#line++;
    return reason === undefined ? { value, text, line } : { text, line, reason };
  }

  /** White space, and the commas between values. */
  #skipBlank(): void {
    const text = this.#text;
    while (this.#at < text.length) {
      const code = text.charCodeAt(this.#at);
      if (code === 10) this.#line++;
      else if (code > 32 && code !== 0x2c && code !== 0xfeff) return;
      this.#at++;
    }
  }
}

/** @returns undefined where the text is no JSON */
export function parsedJson(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text.replace(/,\s*$/, "")) };
  } catch {
    return undefined; // the caller says what becomes of it
  }
}

/** A line such as `["question", "answer"]` in a file of such lines. */
function isLineValue(text: string, at: number): boolean {
  const newline = text.indexOf("\n", at);
  if (newline < 0) return false;
  const value = parsedJson(text.slice(at, newline))?.value;
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

/** Where the object, array or other value that begins at `start` ends; -1 when it does not. */
function valueEnd(text: string, start: number): number {
  let depth = 0;
  let inString = false;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (inString) {
      if (character === "\\") at++;
      else if (character === '"') {
        inString = false;
        if (depth === 0) return at + 1;
      }
    } else if (character === '"') inString = true;
    else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") {
      depth--;
      if (depth === 0) return at + 1;
      if (depth < 0) return at;
    } else if (depth === 0 && (character === "," || character === "\n")) return at;
  }
  return -1;
}
