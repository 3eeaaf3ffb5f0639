/**
 * Finds known phrases in a text: keywords, products, actions, places, set expressions. One index of stems
 * serves them all, so a phrase of the domain file matches its plurals, conjugations and repaired typing
 * errors without a rule for each.
 */
import type { AnalysedText, Token } from "./normalise.ts";

/** A phrase that was found: which entry, from which token to which (exclusive). */
export interface PhraseMatch<Entry> {
  entry: Entry;
  /** The phrase as the domain writes it. */
  phrase: string;
  from: number;
  to: number;
}

interface Pattern<Entry> {
  entry: Entry;
  phrase: string;
  keys: string[];
}

/** An index of phrases, by their first stem. Longer phrases win over shorter ones at the same place. */
export class PhraseIndex<Entry> {
  readonly #byFirst = new Map<string, Pattern<Entry>[]>();
  readonly #by: "stem" | "noun";
  readonly #withinClause: boolean;

  /**
   * `analyse` must be the analysis that the searched texts get, so that both sides speak of equal stems.
   * `by` says what is compared: stems, which conjugations share, or singulars, which only plurals share.
   * `withinClause`: a phrase does not go on behind a comma, so "pas, la …" is no "pas là".
   */
  constructor(
    entries: Iterable<{ entry: Entry; phrase: string }>,
    analyse: (text: string) => AnalysedText,
    by: "stem" | "noun" = "stem",
    withinClause = false,
  ) {
    this.#by = by;
    this.#withinClause = withinClause;
    for (const { entry, phrase } of entries) {
      const keys = analyse(phrase).tokens.map((token) => token[by]);
      if (keys.length === 0) continue;
      const list = this.#byFirst.get(keys[0]);
      if (list === undefined) this.#byFirst.set(keys[0], [{ entry, phrase, keys }]);
      else list.push({ entry, phrase, keys });
    }
    for (const list of this.#byFirst.values()) list.sort((a, b) => b.keys.length - a.keys.length);
  }

  /** All phrases, from left to right, without overlaps. */
  find(tokens: readonly Token[]): PhraseMatch<Entry>[] {
    const found: PhraseMatch<Entry>[] = [];
    for (let at = 0; at < tokens.length; ) {
      const match = this.at(tokens, at);
      if (match !== undefined) found.push(match);
      at = match?.to ?? at + 1;
    }
    return found;
  }

  /** The longest phrase that begins at a token. */
  at(tokens: readonly Token[], from: number): PhraseMatch<Entry> | undefined {
    const patterns = from < tokens.length ? this.#byFirst.get(tokens[from][this.#by]) : undefined;
    if (patterns === undefined) return undefined;
    for (const { entry, phrase, keys } of patterns) {
      const to = from + keys.length;
      if (to > tokens.length) continue;
      if (this.#withinClause && tokens[to - 1].clause !== tokens[from].clause) continue;
      let k = 1;
      while (k < keys.length && tokens[from + k][this.#by] === keys[k]) k++;
      if (k === keys.length) return { entry, phrase, from, to };
    }
    return undefined;
  }
}
