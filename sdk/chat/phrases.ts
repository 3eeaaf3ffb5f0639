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
  stems: string[];
}

/** An index of phrases, by their first stem. Longer phrases win over shorter ones at the same place. */
export class PhraseIndex<Entry> {
  readonly #byFirst = new Map<string, Pattern<Entry>[]>();

  /** `analyse` must be the analysis that the searched texts get, so that both sides speak of equal stems. */
  constructor(entries: Iterable<{ entry: Entry; phrase: string }>, analyse: (text: string) => AnalysedText) {
    for (const { entry, phrase } of entries) {
      const stems = analyse(phrase).tokens.map((token) => token.stem);
      if (stems.length === 0) continue;
      const list = this.#byFirst.get(stems[0]) ?? [];
      list.push({ entry, phrase, stems });
      list.sort((a, b) => b.stems.length - a.stems.length);
      this.#byFirst.set(stems[0], list);
    }
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
    for (const { entry, phrase, stems } of this.#byFirst.get(tokens[from]?.stem) ?? []) {
      if (from + stems.length > tokens.length) continue;
      if (stems.every((stem, i) => tokens[from + i].stem === stem))
        return { entry, phrase, from, to: from + stems.length };
    }
    return undefined;
  }
}
