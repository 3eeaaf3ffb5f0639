/**
 * The facts of a domain, searchable from both sides: which fact a question asks for, and which fact an
 * answer states. Similarity is cosine over stems, with rare stems counting more.
 */

import type { Language } from "../language/language.ts";
import { type AnalysedText, fold, type Token } from "../reading/normalise.ts";
import type { Domain } from "./domainSchema.ts";

/** A fact with what the checks compare. */
export interface Fact {
  text: string;
  category: string;
  analysed: AnalysedText;
  stems: Set<string>;
  norm: number;
}

/** A fact and how near it is, 0 to 1. */
export interface FactMatch {
  fact: Fact;
  similarity: number;
}

export class FactBook {
  readonly facts: Fact[];
  /** All facts as one text, and as letters and digits only. */
  readonly text: string;
  readonly bare: string;
  readonly #language: Language;
  readonly #rarity = new Map<string, number>();
  readonly #found = new WeakMap<readonly Token[], FactMatch[]>();
  readonly #byStem = new Map<string, number[]>();

  /** From the stem of a form to that of its normal form: "retour" is "retourner". */
  readonly #same = new Map<string, string>();

  /** Forms of the domain's actions count as one word. */
  constructor(
    facts: Domain["facts"],
    actions: Domain["entities"]["actions"],
    language: Language,
    analyse: (text: string) => AnalysedText,
  ) {
    this.#language = language;
    this.text = facts.map(({ text }) => text).join(" ");
    this.bare = lettersOnly(this.text);
    for (const { normal, forms } of actions)
      for (const form of forms) {
        const [own, other] = [analyse(normal).tokens, analyse(form).tokens];
        if (own.length === 1 && other.length === 1) this.#same.set(other[0].stem, own[0].stem);
      }
    for (const group of language.synonyms) {
      const [first, ...others] = group.map((word) => analyse(word).tokens[0].stem);
      const same = this.#same.get(first) ?? first;
      for (const stem of others) if (!this.#same.has(stem) && stem !== same) this.#same.set(stem, same);
    }
    const texts = facts.map((fact) => analyse(fact.text));
    const stemSets = texts.map((text) => this.stems(text.tokens));
    for (const [i, stems] of stemSets.entries())
      for (const stem of stems) {
        const list = this.#byStem.get(stem);
        if (list === undefined) this.#byStem.set(stem, [i]);
        else list.push(i);
      }
    for (const [stem, list] of this.#byStem) this.#rarity.set(stem, Math.log(1 + facts.length / list.length));
    this.facts = facts.map((fact, i) => ({
      text: fact.text,
      category: fact.category,
      analysed: texts[i],
      stems: stemSets[i],
      norm: this.#norm(stemSets[i]),
    }));
  }

  /** The stems of a text that carry topic: no grammar, no numbers. */
  stems(tokens: readonly Token[]): Set<string> {
    const stems = new Set<string>();
    for (const { word, stem } of tokens)
      if (word.length > 1 && !this.#language.stopWords.has(word) && !/^\d/.test(word))
        stems.add(this.#same.get(stem) ?? stem);
    return stems;
  }

  /** How rare a stem is among the facts; the rarest value where no fact has it. */
  rarity(stem: string): number {
    return this.#rarity.get(stem) ?? Math.log(1 + this.facts.length);
  }

  /** The facts that a stem stands in. */
  withStem(stem: string): Fact[] {
    return (this.#byStem.get(stem) ?? []).map((i) => this.facts[i]);
  }

  /** The facts nearest to a text, best first, at most `count`. Several checks ask about the same text. */
  nearest(tokens: readonly Token[], count = 3): FactMatch[] {
    let found = this.#found.get(tokens);
    if (found === undefined) {
      found = this.#search(tokens);
      this.#found.set(tokens, found);
    }
    return found.slice(0, count);
  }

  #search(tokens: readonly Token[]): FactMatch[] {
    const stems = this.stems(tokens);
    const shared = new Map<number, number>();
    for (const stem of stems)
      for (const i of this.#byStem.get(stem) ?? [])
        shared.set(i, (shared.get(i) ?? 0) + this.rarity(stem) ** 2);
    const norm = this.#norm(stems);
    return [...shared]
      .map(([i, dot]) => ({ fact: this.facts[i], similarity: dot / (norm * this.facts[i].norm || 1) }))
      .sort((a, b) => b.similarity - a.similarity);
  }

  #norm(stems: Set<string>): number {
    let squares = 0;
    for (const stem of stems) squares += this.rarity(stem) ** 2;
    return Math.sqrt(squares);
  }
}

/** A text as what a number, name or address is compared by: folded letters, digits and @. */
export function lettersOnly(text: string): string {
  return fold(text).replace(/[^a-z\d@]/g, "");
}
