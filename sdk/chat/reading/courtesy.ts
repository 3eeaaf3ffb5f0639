/**
 * Courtesy: insults, abuse and threats, also lightly disguised ("c0nn@rd", "c o n n a r d", "m**de",
 * "connnaaard"), and not the innocent ("pique-nique", "TG 450", "je suis bête"). Works on whole words only,
 * so "concombre" holds no insult.
 */
import type { RudeWords } from "../language/rudeWords.ts";
import { fold } from "./normalise.ts";

/** "rude": swearing at nobody. "insult": at somebody. "threat": of harm. */
export type OffenceGrade = "none" | "rude" | "insult" | "threat";

/** What the courtesy check finds in a text. */
export interface Offence {
  grade: OffenceGrade;
  /** The words that decided, as typed, with their place. */
  found: { grade: OffenceGrade; text: string; start: number; end: number }[];
}

/** More letters than any insult has, also one with letters repeated. */
const LONGEST_DISGUISE = 40;

const RANK: Record<OffenceGrade, number> = { none: 0, rude: 1, insult: 2, threat: 3 };

/** Phrases found by their first word. */
type Phrases = Map<string, string[][]>;

interface Word {
  /** Folded, its disguise undone. */
  word: string;
  start: number;
  end: number;
  /** As typed. */
  text: string;
  /** True where letters were hidden: nobody hides an innocent word. */
  masked: boolean;
}

const WORD = /[\p{L}\p{M}\d@$*!|€#_]+/gu;
const LEET: Record<string, string> = {
  ...{ "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b" },
  ...{ "@": "a", $: "s", "!": "i", "|": "l", "€": "e", _: "" },
};
/** Finds offences in texts; holds the lists of the languages and of one domain. */
export class CourtesyCheck {
  readonly #insults: Set<string>;
  readonly #squeezed = new Map<string, string>();
  /** First two letters of all insults: most words are none by these alone. */
  readonly #initials: Set<string>;
  readonly #insultPhrases: Phrases;
  readonly #threats: Phrases;
  readonly #innocent: Phrases;
  /** Read backwards, from the word before the one in question. */
  readonly #throwers: Phrases;
  /** Those of them that stand before things less often than before people. */
  readonly #throwersAtPeople: Phrases;
  readonly #aboutSelf: Phrases;
  readonly #thrown: Set<string>;
  readonly #masked: string[];
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
    this.#masked = all(({ masked }) => masked);
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
    for (const word of this.#insults) if (word.length > 3) this.#squeezed.set(squeeze(word), word);
    this.#initials = new Set([...this.#squeezed.keys()].map((word) => word.slice(0, 2)));
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
    const words = this.#words(raw);
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

  /** The words with their disguise undone: symbols for letters, spaces between letters, letters repeated. */
  #words(raw: string): Word[] {
    const words: Word[] = [];
    for (const match of raw.matchAll(WORD)) {
      const text = match[0].replace(/[!|_]+$/, "");
      if (text === "") continue;
      const start = match.index;
      const shown = this.#undisguise(text);
      const masked = /[*#]/.test(text) && !/[*#]/.test(shown);
      words.push({ word: this.#spelt(shown), start, end: start + text.length, text, masked });
    }
    return this.#joinPieces(words, raw);
  }

  #undisguise(text: string): string {
    const folded = fold(text);
    if (/^[a-z]+$/.test(folded)) {
      if (this.#insults.has(folded)) return folded;
      // "connnard", "conaard": a run of letters is squeezed; "cone" must not become "conne".
      if (/(.)\1\1/.test(folded)) return this.#squeezed.get(squeeze(folded)) ?? squeeze(folded);
      if (folded.includes("k")) {
        // "kons", "konnard": spelt as it sounds.
        const spelt = [folded.replace(/k/g, "c"), folded.replace(/k/g, "qu")];
        const meant = spelt.find((word) => this.#thrown.has(word) || this.#insults.has(word));
        if (meant !== undefined) return meant;
      }
      if (folded.length >= 6 && this.#initials.has(folded.slice(0, 2)))
        return this.#squeezed.get(squeeze(folded)) ?? folded;
      return folded;
    }
    if (/[*#]/.test(folded)) return this.#unmask(folded) ?? folded;
    if (!/[a-z]/.test(folded)) return folded;
    const letters = [...folded].map((letter) => LEET[letter] ?? letter).join("");
    if (this.#thrown.has(letters) || this.#insults.has(letters)) return letters;
    return this.#squeezed.get(squeeze(letters)) ?? folded;
  }

  /** "m**de", "p***n": an insult whose letters fit around the asterisks. A footnote ("prix*") is none. */
  #unmask(masked: string): string | undefined {
    if (!/^[a-z]/.test(masked) || /^[a-z]{3,}[*#]$/.test(masked) || !/[*#]/.test(masked.slice(1)))
      return undefined;
    // A pattern of any length would be one that no engine takes.
    if (masked.length > LONGEST_DISGUISE) return undefined;
    const pattern = [...masked].map((c) => (c === "*" || c === "#" ? "\\w" : (LEET[c] ?? c))).join("");
    const exact = new RegExp(`^${pattern}$`);
    const loose = new RegExp(`^${pattern.replace(/(?:\\w)+/g, "\\w+")}$`);
    // Where several fit, the mildest is meant.
    const candidates = [...this.#swearing, ...this.#insults, ...this.#masked];
    return candidates.find((word) => exact.test(word)) ?? candidates.find((word) => loose.test(word));
  }

  /** "c o n n a r d", "f.d.p", "con nard": pieces that make an insult when joined. */
  #joinPieces(words: Word[], raw: string): Word[] {
    const joined: Word[] = [];
    let end = 0;
    for (let i = 0; i < words.length; ) {
      // A run is read once, however many of its letters are tried as the beginning.
      if (end <= i) end = endOfLetters(words, i, raw);
      const letters =
        end - i >= 3 && end - i <= LONGEST_DISGUISE
          ? words
              .slice(i, end)
              .map(({ word }) => word)
              .join("")
          : "";
      const whole = letters === "" ? undefined : this.#asInsult(letters);
      const pair =
        words[i + 1] !== undefined && near(words, i + 1, raw) ? words[i].word + words[i + 1].word : "";
      if (whole !== undefined) {
        joined.push({
          word: whole,
          start: words[i].start,
          end: words[end - 1].end,
          text: letters,
          masked: false,
        });
        i = end;
      } else if ((pair.length >= 6 && this.#insults.has(pair)) || this.#isSplit(words, i, raw)) {
        joined.push({ word: pair, start: words[i].start, end: words[i + 1].end, text: pair, masked: false });
        i += 2;
      } else joined.push(words[i++]);
    }
    return joined;
  }

  /** "m.erde", "con-nard": a dot or dash inside a word hides it. */
  #isSplit(words: readonly Word[], at: number, raw: string): boolean {
    const next = words[at + 1];
    if (next === undefined || !/^[._-]$/.test(raw.slice(words[at].end, next.start))) return false;
    const whole = words[at].word + next.word;
    return (
      whole.length >= 4 &&
      (this.#insults.has(whole) || this.#thrown.has(whole)) &&
      !this.#thrown.has(words[at].word)
    );
  }

  #asInsult(letters: string): string | undefined {
    if (this.#insults.has(letters) || this.#thrown.has(letters)) return letters;
    return this.#squeezed.get(squeeze(letters));
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

/** Where the single letters that begin at a word end: "c o n n a r d". */
function endOfLetters(words: readonly Word[], at: number, raw: string): number {
  let end = at;
  while (end < words.length && words[end].word.length === 1 && (end === at || near(words, end, raw))) end++;
  return end;
}

/** How many words from `at` on (or backwards) the longest phrase has that stands there; 0 for none. */
function longest(words: readonly Word[], at: number, step: 1 | -1, phrases: Phrases): number {
  let best = 0;
  for (const phrase of phrases.get(words[at]?.word) ?? [])
    if (phrase.length > best && phrase.every((word, k) => words[at + step * k]?.word === word))
      best = phrase.length;
  return best;
}

function near(words: readonly Word[], at: number, raw: string): boolean {
  return /^[ ._-]{1,2}$/.test(raw.slice(words[at - 1].end, words[at].start));
}

/** Every run of a letter as one letter. */
function squeeze(word: string): string {
  return word.replace(/(.)\1+/g, "$1");
}
