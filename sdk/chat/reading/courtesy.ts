/**
 * Courtesy: insults, abuse and threats, also lightly disguised ("c0nn@rd", "c o n n a r d", "m**de",
 * "connnaaard"), and not the innocent ("pique-nique", "TG 450", "je suis bête"). Works on whole words only,
 * so "concombre" holds no insult.
 */
import type { RudeWords } from "../language/rudeWords.ts";
import { Disguise, type Word } from "./disguise.ts";
import { fold } from "./normalise.ts";

/** "rude": swearing at nobody. "insult": at somebody. "threat": of harm. */
export type OffenceGrade = "none" | "rude" | "insult" | "threat";

/** What the courtesy check finds in a text. */
export interface Offence {
  grade: OffenceGrade;
  /** The words that decided, as typed, with their place. */
  found: { grade: OffenceGrade; text: string; start: number; end: number }[];
}

const RANK: Record<OffenceGrade, number> = { none: 0, rude: 1, insult: 2, threat: 3 };

/** Phrases found by their first word. */
type Phrases = Map<string, string[][]>;

/** Finds offences in texts; holds the lists of the languages and of one domain. */
export class CourtesyCheck {
  readonly #insults: Set<string>;
  readonly #disguise: Disguise;
  readonly #insultPhrases: Phrases;
  readonly #threats: Phrases;
  readonly #innocent: Phrases;
  /** Read backwards, from the word before the one in question. */
  readonly #throwers: Phrases;
  /** Those of them that stand before things less often than before people. */
  readonly #throwersAtPeople: Phrases;
  readonly #aboutSelf: Phrases;
  readonly #thrown: Set<string>;
  readonly #shortInsults: Set<string>;
  readonly #modelWords: Set<string>;
  readonly #swearing: Set<string>;
  readonly #alsoThings: Set<string>;
  readonly #between: Set<string>;
  /** Spellings inside phrases that customers vary. */
  readonly #spellings: Map<string, string>;
  readonly #namers: NonNullable<RudeWords["calledNames"]>[];
  readonly #fold = (text: string) => (fold(text).match(/[a-z0-9]+/g) ?? []).map((word) => this.#spelt(word));

  /** `insults` and `innocent` are words and phrases of the domain, beside those of the languages. */
  constructor(
    languages: readonly RudeWords[],
    { insults = [], innocent = [] }: { insults?: readonly string[]; innocent?: readonly string[] } = {},
  ) {
    const all = (of: (rude: RudeWords) => readonly string[]) => languages.flatMap(of);
    this.#spellings = new Map(languages.flatMap(({ spellings }) => Object.entries(spellings)));
    this.#thrown = new Set(all(({ thrown }) => thrown));
    this.#shortInsults = new Set(all(({ shortInsults }) => shortInsults));
    this.#modelWords = new Set(all(({ modelWords }) => modelWords));
    this.#swearing = new Set(all(({ swearing }) => swearing));
    this.#alsoThings = new Set(all(({ alsoThings }) => alsoThings));
    this.#between = new Set(all(({ between }) => between));
    this.#namers = languages.flatMap(({ calledNames }) => calledNames ?? []);
    const own = insults.map((text) => fold(text));
    this.#insults = new Set([
      ...all((rude) => rude.insults),
      ...own.filter((text) => /^[a-z]+$/.test(text) && !this.#thrown.has(text)),
    ]);
    const masked = all((rude) => rude.masked);
    this.#disguise = new Disguise(this.#insults, this.#thrown, [
      ...this.#swearing,
      ...this.#insults,
      ...masked,
    ]);
    this.#insultPhrases = this.#index([
      ...all(({ phrases }) => phrases),
      ...own.filter((text) => /[^a-z]/.test(text)),
    ]);
    this.#threats = this.#index(all(({ threats }) => threats));
    this.#innocent = this.#index([...all((rude) => rude.innocent), ...innocent]);
    const throwers = all((rude) => rude.throwers);
    const ofThings = new Set(all(({ throwersOfThings }) => throwersOfThings));
    this.#throwers = this.#index(throwers, true);
    this.#throwersAtPeople = this.#index(
      throwers.filter((phrase) => !ofThings.has(phrase)),
      true,
    );
    this.#aboutSelf = this.#index(
      all(({ aboutSelf }) => aboutSelf),
      true,
    );
  }

  #spelt(word: string): string {
    return this.#spellings.get(word) ?? word;
  }

  /** The gravest offence of a text. */
  check(raw: string): Offence {
    const words = this.#disguise.words(raw, (word) => this.#spelt(word));
    const spared = new Set<number>();
    words.forEach((_, i) => {
      const length = longest(words, i, 1, this.#innocent);
      for (let k = 0; k < length; k++) spared.add(i + k);
    });
    const found: Offence["found"] = [];
    const add = (grade: OffenceGrade, from: number, to: number) => {
      const { start } = words[from];
      const { end } = words[to - 1];
      found.push({ grade, text: raw.slice(start, end), start, end });
    };
    for (let i = 0; i < words.length; ) {
      const threat = spared.has(i) ? 0 : longest(words, i, 1, this.#threats);
      const phrase = spared.has(i) ? 0 : longest(words, i, 1, this.#insultPhrases);
      const self = () => longest(words, i - 1, -1, this.#aboutSelf) > 0;
      const named = spared.has(i) ? 0 : this.#calledNames(words, i, raw);
      if (threat > 0) add("threat", i, i + threat);
      else if (phrase > 0 && !self()) add("insult", i, i + phrase);
      else if (named > 0) add("insult", i, i + named);
      else if (!spared.has(i) && this.#isInsult(words, i, raw) && !self())
        add(this.#swearing.has(words[i].word) ? "rude" : "insult", i, i + 1);
      i += Math.max(1, threat, phrase, named);
    }
    const grade = found.reduce<OffenceGrade>(
      (worst, one) => (RANK[one.grade] > RANK[worst] ? one.grade : worst),
      "none",
    );
    return { grade, found };
  }

  /** How many words call names, where none of them is known as an insult by itself. */
  #calledNames(words: readonly Word[], at: number, raw: string): number {
    const length = Math.max(0, ...this.#namers.map((calledNames) => calledNames(words, at)));
    for (let k = 1; k < length; k++) if (this.#isInsult(words, at + k, raw)) return 0;
    return length;
  }

  #isInsult(words: readonly Word[], i: number, raw: string): boolean {
    const { word } = words[i];
    if (this.#insults.has(word) || words[i].masked) return true;
    if (this.#shortInsults.has(word)) return this.#isShortInsult(words, i, raw);
    if (!this.#thrown.has(word)) return false;
    const throwers = this.#alsoThings.has(word) ? this.#throwersAtPeople : this.#throwers;
    return words.length === 1 || this.#isThrown(words, i, throwers);
  }

  #isThrown(words: readonly Word[], at: number, throwers: Phrases): boolean {
    for (let before = at - 1; before >= 0 && before >= at - 3; before--) {
      if (longest(words, before, -1, throwers) > 0) return true;
      if (!this.#between.has(words[before].word)) return false;
    }
    return false;
  }

  /** "tg" insults alone or at an end; with a number or an article it is a model or a unit. */
  #isShortInsult(words: readonly Word[], i: number, raw: string): boolean {
    if (/^\d/.test(words[i + 1]?.word ?? "") || /^[-/]\d/.test(raw.slice(words[i].end))) return false;
    return !this.#modelWords.has(words[i - 1]?.word);
  }

  #index(texts: readonly string[], backwards = false): Phrases {
    const index: Phrases = new Map();
    for (const text of texts) {
      const words = this.#fold(text);
      if (backwards) words.reverse();
      const list = index.get(words[0]);
      if (list === undefined) index.set(words[0], [words]);
      else list.push(words);
    }
    return index;
  }
}

/** How many words from `at` on (or backwards) the longest phrase has that stands there; 0 for none. */
function longest(words: readonly Word[], at: number, step: 1 | -1, phrases: Phrases): number {
  let best = 0;
  for (const phrase of phrases.get(words[at]?.word) ?? [])
    if (phrase.length > best && phrase.every((word, k) => words[at + step * k]?.word === word))
      best = phrase.length;
  return best;
}
