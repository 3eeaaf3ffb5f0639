/**
 * Text out of tokens that arrive one by one. Invariant: the pieces of `push`, then `end`, join to
 * `decode` of all ids; no piece ends inside a UTF-8 character.
 */

// What decoders write for bytes that are no complete character (yet).
const incomplete = "\uFFFD";

export class StreamDecoder {
  readonly #decode: (ids: readonly number[]) => string;
  // The ids since the last boundary but one. A token alone can decode differently from the same token after
  // another (the space before a first word is dropped), so the tokens of the last piece stay as context.
  #window: number[] = [];
  #contextLength = 0;
  #contextText = "";

  /** @param decode turns ids into text, as `Tokenizer.decode` does */
  constructor(decode: (ids: readonly number[]) => string) {
    this.#decode = decode;
  }

  /**
   * Takes the next id.
   * @returns the text that is now certain; "" while a character is incomplete
   */
  push(id: number): string {
    this.#window.push(id);
    const text = this.#decode(this.#window);
    return text.endsWith(incomplete) ? "" : this.#take(text);
  }

  /** @returns what `push` still held back; afterwards the decoder starts anew */
  end(): string {
    const rest = this.#decode(this.#window).slice(this.#contextText.length);
    this.#window = [];
    this.#contextLength = 0;
    this.#contextText = "";
    return rest;
  }

  #take(text: string): string {
    const piece = text.slice(this.#contextText.length);
    // A window without text (special tokens only) would lose its place as context, so it waits for text.
    if (piece === "") return "";
    this.#window = this.#window.slice(this.#contextLength);
    this.#contextLength = this.#window.length;
    this.#contextText = this.#decode(this.#window);
    return piece;
  }
}
