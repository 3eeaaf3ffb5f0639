/** Insults that hide: "c0nn@rd", "c o n n a r d", "m**de", "connnaaard". Undone on whole words only. */
import { fold } from "./normalise.ts";

export interface Word {
  /** Folded, its disguise undone. */
  word: string;
  start: number;
  end: number;
  /** As typed. */
  text: string;
  /** True where letters were hidden: nobody hides an innocent word. */
  masked: boolean;
}

/** More letters than any insult has, also one with letters repeated. */
const LONGEST_DISGUISE = 40;

const WORD = /[\p{L}\p{M}\d@$*!|€#_]+/gu;
const LEET: Record<string, string> = {
  ...{ "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b" },
  ...{ "@": "a", $: "s", "!": "i", "|": "l", "€": "e", _: "" },
};

export class Disguise {
  readonly #insults: ReadonlySet<string>;
  readonly #thrown: ReadonlySet<string>;
  readonly #maskable: readonly string[];
  /** From an insult with every run of a letter as one letter. */
  readonly #squeezed = new Map<string, string>();
  /** First two letters of all insults: most words are none by these alone. */
  readonly #initials: Set<string>;

  /**
   * @param insults wherever they stand; all folded
   * @param thrown insults only where thrown at somebody
   * @param maskable what asterisks may hide, the mildest first: where several fit, it is meant
   */
  constructor(insults: ReadonlySet<string>, thrown: ReadonlySet<string>, maskable: readonly string[]) {
    this.#insults = insults;
    this.#thrown = thrown;
    this.#maskable = maskable;
    for (const word of insults) if (word.length > 3) this.#squeezed.set(squeeze(word), word);
    this.#initials = new Set([...this.#squeezed.keys()].map((word) => word.slice(0, 2)));
  }

  /**
   * The words with their disguise undone: symbols for letters, spaces between letters, letters repeated. `spelt` gives
   * the one spelling of a word.
   */
  words(raw: string, spelt: (word: string) => string): Word[] {
    const words: Word[] = [];
    for (const match of raw.matchAll(WORD)) {
      const text = match[0].replace(/[!|_]+$/, "");
      if (text === "") continue;
      const start = match.index;
      const shown = this.#undisguise(text);
      const masked = /[*#]/.test(text) && !/[*#]/.test(shown);
      words.push({ word: spelt(shown), start, end: start + text.length, text, masked });
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
    return this.#maskable.find((word) => exact.test(word)) ?? this.#maskable.find((word) => loose.test(word));
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
}

/** Where the single letters that begin at a word end: "c o n n a r d". */
function endOfLetters(words: readonly Word[], at: number, raw: string): number {
  let end = at;
  while (end < words.length && words[end].word.length === 1 && (end === at || near(words, end, raw))) end++;
  return end;
}

function near(words: readonly Word[], at: number, raw: string): boolean {
  return /^[ ._-]{1,2}$/.test(raw.slice(words[at - 1].end, words[at].start));
}

/** Every run of a letter as one letter. */
function squeeze(word: string): string {
  return word.replace(/(.)\1+/g, "$1");
}
