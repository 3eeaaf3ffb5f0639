/**
 * Text normalisation shared by every stage of the reasoning: customers write without accents, glue
 * punctuation to words, use SMS spellings and mistype. Everything downstream compares stems, and every
 * token remembers its place in the text as it was typed, so that evidence can point at it.
 */
import type { Language } from "../language/language.ts";

/** One word or number of a text. `start` and `end` are places in the text as it was typed. */
export interface Token {
  /** As typed. */
  text: string;
  start: number;
  end: number;
  /** Lower case, without accents, abbreviation spelt out, typing error repaired. */
  word: string;
  /** The part that plurals, genders and conjugations share. */
  stem: string;
  /** The singular, where it is a noun. */
  noun: string;
  /** True where `word` is a repair: an abbreviation or a typing error. */
  repaired: boolean;
  /** How many commas, full stops and the like come before it: words of one phrase have one number. */
  clause: number;
}

/** A text with its tokens. */
export interface AnalysedText {
  raw: string;
  tokens: Token[];
}

const ASCII_ONLY = /^[\0-\x7f]*$/;
const LIGATURES: Record<string, string> = { œ: "oe", æ: "ae", ß: "ss" };

/** Lower case without accents and ligatures; typographic apostrophes become plain. */
export function fold(text: string): string {
  const lower = text.toLowerCase();
  if (ASCII_ONLY.test(lower)) return lower;
  return lower
    .replace(/[œæß]/g, (letter) => LIGATURES[letter])
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/[’ʼ`´]/g, "'");
}

/** What `repair` says of a word that was glued to the one before it: "j'" and the rest. */
const GLUED = /^([a-z])'([a-z]+)$/;

const TOKEN = /\p{L}[\p{L}\p{M}]*|\d+(?:[.,]\d+)*|[€$£%?!]/gu;

/** Between two words it ends what is said in one go. A line that is merely wrapped does not. */
const CLAUSE_END = /[,;:()…]|\.\s|\n\s*\n|\s[-–—]\s/;

/** A letter written three times or more is an emotion, not a spelling: "merciiii". */
function calm(word: string): string {
  return /(.)\1\1/.test(word) && !/^\d/.test(word) ? word.replace(/([a-z])\1{2,}/g, "$1") : word;
}

/**
 * Splits a text into tokens. Elided articles ("l'", "d'") are left out, abbreviations of the language are
 * spelt out (one typed word may then give several tokens with the same place), and `repair` may replace
 * an unknown word by a known one.
 */
export function analyseText(
  raw: string,
  language: Language,
  repair: (word: string) => string | undefined = () => undefined,
): AnalysedText {
  const tokens: Token[] = [];
  let clause = 0;
  let last = 0;
  for (const match of raw.matchAll(TOKEN)) {
    const text = match[0];
    const start = match.index;
    const end = start + text.length;
    if (start > last + 1 && CLAUSE_END.test(raw.slice(last, start))) clause++;
    last = end;
    const folded = calm(fold(text));
    const next = raw[end];
    const elided = next === "'" || next === "’" || (text.length === 1 && next !== "-");
    // "l'" says nothing, but the l of "34 l" is a unit.
    const full = elided ? language.elisions.get(folded) : undefined;
    if (full !== undefined && !/^\d/.test(tokens.at(-1)?.text ?? "")) {
      if (full !== "") push(full, false);
      continue;
    }
    const read = language.readToken?.(folded, raw, start, end);
    if (read !== undefined) {
      for (const word of read) push(word, false);
      continue;
    }
    const expanded = language.abbreviations.get(folded);
    if (expanded !== undefined) {
      for (const word of expanded) push(word, true);
      continue;
    }
    const better = repair(folded);
    // "jcherche" and "lutiliser" have lost a space or an apostrophe.
    const glued = better === undefined ? undefined : GLUED.exec(better);
    if (glued !== null && glued !== undefined) {
      if (glued[1] === language.gluedSubject?.letter)
        push(language.gluedSubject.word, true, start, start + 1);
      push(glued[2], true, start + 1, end);
      continue;
    }
    push(better ?? folded, better !== undefined);

    function push(word: string, repaired: boolean, from = start, to = end): void {
      const [stem, noun] = [language.stem(word), language.singular(word)];
      tokens.push({ text: raw.slice(from, to), start: from, end: to, word, stem, noun, repaired, clause });
    }
  }
  return { raw, tokens };
}

/** Whether `a` and `b` differ by one letter put in, left out, replaced, or by two neighbours swapped. */
export function oneEditApart(a: string, b: string): boolean {
  if (a.length > b.length) return oneEditApart(b, a);
  const extra = b.length - a.length;
  if (extra > 1 || a === b) return false;
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  if (extra === 1) return a.slice(i) === b.slice(i + 1);
  if (a.slice(i + 1) === b.slice(i + 1)) return true;
  return a[i] === b[i + 1] && a[i + 1] === b[i] && a.slice(i + 2) === b.slice(i + 2);
}

/**
 * Repairs typing errors against a list of known words: one edit away, same first letter, five letters or
 * more, and the commonest word wins. Short words are left alone because too many of them are one edit
 * from another real word ("table", "sable").
 */
export class Speller {
  readonly #known: Map<string, number>;
  /** From a word with one letter left out to the known words that it may come from. */
  readonly #deletions = new Map<string, string[]>();

  readonly #language: Language;
  readonly #stems = new Set<string>();

  /** `known` maps each known folded word to how often it was seen; another form of one is no error. */
  constructor(known: ReadonlyMap<string, number>, language: Language) {
    this.#known = new Map(known);
    this.#language = language;
    for (const word of known.keys()) {
      this.#stems.add(language.stem(word));
      if (word.length < 5 || /\d/.test(word)) continue;
      for (const shorter of [word, ...withoutOneLetter(word)]) {
        const list = this.#deletions.get(shorter);
        if (list === undefined) this.#deletions.set(shorter, [word]);
        else if (!list.includes(word)) list.push(word);
      }
    }
    // Common words are no errors, and nothing is taken for one of them: a domain's own words are what is meant.
    for (const word of language.commonWords) {
      this.#stems.add(language.stem(word));
      if (!this.#known.has(word)) this.#known.set(word, 1);
    }
  }

  /** "jattends", "lavoir": a known word of four letters or more behind the letter. */
  #unglue(word: string): string | undefined {
    const rest = word.slice(1);
    const consonant = word[0] !== this.#language.gluedSubject?.letter && !/^[aeiouyh]/.test(rest);
    if (rest.length < 4 || consonant) return undefined;
    return this.knows(rest) ? `${word[0]}'${rest}` : undefined;
  }

  /** "bloke" is spelt as it sounds. */
  #sounds(word: string): string | undefined {
    for (const [letters, meant] of this.#language.soundsLike) {
      if (!word.includes(letters)) continue;
      const spelling = meant
        .map((other) => word.replaceAll(letters, other))
        .find((other) => this.knows(other));
      if (spelling !== undefined) return spelling;
    }
    return undefined;
  }

  /** Whether a word, or another form of it, was seen. */
  knows(word: string): boolean {
    return this.#known.has(word) || this.#stems.has(this.#language.stem(word));
  }

  /**
   * The known word that `word` was meant to be, or undefined where it is known or nothing is near. A word that
   * lost its apostrophe comes back with it: "j'attends".
   */
  repair(word: string): string | undefined {
    if (word.length < 4 || !/^[a-z]/.test(word)) return undefined;
    const { elisions, gluedSubject } = this.#language;
    // No French word begins with j and a consonant, wherever it was seen.
    const lost = word[0] === gluedSubject?.letter && /^.[^aeiouy]/.test(word);
    if (!lost && this.knows(word)) return undefined;
    const glued = elisions.has(word[0]) ? this.#unglue(word) : undefined;
    if (glued !== undefined) return glued;
    const spelt = this.#sounds(word);
    if (spelt !== undefined || word.length < 5) return spelt;
    let best: string | undefined;
    for (const key of [word, ...withoutOneLetter(word)]) {
      for (const candidate of this.#deletions.get(key) ?? []) {
        if (!oneEditApart(word, candidate)) continue;
        // In a five-letter word a replaced letter gives another real word too often.
        if (word.length === 5 && candidate.length === 5 && !isSwap(word, candidate)) continue;
        if (best === undefined || this.#known.get(candidate)! > this.#known.get(best)!) best = candidate;
      }
    }
    return best;
  }
}

function isSwap(a: string, b: string): boolean {
  return [...a].sort().join("") === [...b].sort().join("");
}

/** The first letter stays: it is hardly ever the wrong one. */
function withoutOneLetter(word: string): string[] {
  const result: string[] = [];
  for (let i = 1; i < word.length; i++) result.push(word.slice(0, i) + word.slice(i + 1));
  return result;
}
