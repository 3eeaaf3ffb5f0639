/**
 * Text normalisation shared by every stage of the reasoning: customers write without accents, glue
 * punctuation to words, use SMS spellings and mistype. Everything downstream compares stems, and every
 * token remembers its place in the text as it was typed, so that evidence can point at it.
 */
import type { Language } from "./language/language.ts";

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
const LIGATURES: Record<string, string> = { œ: "oe", æ: "ae", Œ: "oe", Æ: "ae" };

/** Lower case without accents and ligatures; typographic apostrophes become plain. */
export function fold(text: string): string {
  const lower = text.toLowerCase();
  if (ASCII_ONLY.test(lower)) return lower;
  return lower
    .replace(/[œæ]/g, (letter) => LIGATURES[letter])
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/[’ʼ`´]/g, "'");
}

/** English verbs whose n belongs to them, or that change before "n't". */
const NOT_VERBS: Record<string, string> = { can: "can", won: "will" };

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
    if (elided && language.elisions.has(folded) && !/^\d/.test(tokens.at(-1)?.text ?? "")) {
      if (folded === "n") push("ne", false);
      continue;
    }
    // "-t-" in "existe-t-il".
    if (folded === "t" && raw[start - 1] === "-") continue;
    if (/^['’]t\b/.test(raw.slice(end, end + 3)) && folded.endsWith("n")) {
      push(NOT_VERBS[folded] ?? folded.slice(0, -1), false);
      continue;
    }
    if (folded === "t" && /['’]/.test(raw[start - 1] ?? " ")) {
      push("not", false);
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
      if (glued[1] === "j") push("je", true, start, start + 1);
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

  readonly #stem: (word: string) => string;
  readonly #stems = new Set<string>();
  readonly #elisions: Set<string>;

  /** `known` maps each known folded word to how often it was seen; another form of one is no error. */
  constructor(known: Map<string, number>, stem: (word: string) => string, elisions = new Set<string>()) {
    this.#known = known;
    this.#elisions = elisions;
    this.#stem = stem;
    for (const word of known.keys()) {
      this.#stems.add(stem(word));
      if (word.length < 5 || /\d/.test(word)) continue;
      for (const shorter of [word, ...withoutOneLetter(word)]) {
        const list = this.#deletions.get(shorter);
        if (list === undefined) this.#deletions.set(shorter, [word]);
        else if (!list.includes(word)) list.push(word);
      }
    }
  }

  /** "jattends", "lavoir": a known word of four letters or more behind the letter. */
  #unglue(word: string): string | undefined {
    const rest = word.slice(1);
    const consonant = word[0] !== "j" && !/^[aeiouyh]/.test(rest);
    if (rest.length < 4 || consonant) return undefined;
    return this.#known.has(rest) || this.#stems.has(this.#stem(rest)) ? `${word[0]}'${rest}` : undefined;
  }

  /** "bloke" is spelt as it sounds. */
  #sounds(word: string): string | undefined {
    return [word.replace(/k/g, "qu"), word.replace(/k/g, "c"), word.replace(/k/g, "ch")].find(
      (spelling) => this.#known.has(spelling) || this.#stems.has(this.#stem(spelling)),
    );
  }

  /** Whether a word, or another form of it, was seen. */
  knows(word: string): boolean {
    return this.#known.has(word) || this.#stems.has(this.#stem(word));
  }

  /**
   * The known word that `word` was meant to be, or undefined where it is known or nothing is near. A word that
   * lost its apostrophe comes back with it: "j'attends".
   */
  repair(word: string): string | undefined {
    if (word.length < 4 || !/^[a-z]/.test(word)) return undefined;
    // No French word begins with j and a consonant, wherever it was seen.
    const lost = /^j[^aeiouy]/.test(word) && this.#elisions.has("j");
    if (!lost && this.#known.has(word)) return undefined;
    if (!lost && this.#stems.has(this.#stem(word))) return undefined;
    const glued = this.#elisions.has(word[0]) ? this.#unglue(word) : undefined;
    if (glued !== undefined) return glued;
    const spelt = word.includes("k") ? this.#sounds(word) : undefined;
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
