// Byte-level byte-pair encoding, the training side: from texts to a vocabulary and its merges, in the form that
// Hugging Face tokenizers read. Encoding is theirs; `splitPattern` and `byteSymbols` must be what they apply.
//
// Every pair of neighbouring symbols is counted once, over distinct words. A merge then touches only the words
// that hold the pair, and a heap with stale entries gives the next best pair, so the cost follows the changes.

/**
 * Where a text may be cut. A word keeps the space before it; an elided word keeps its apostrophe ("l'" "eau");
 * every digit is alone, so that numbers are read and written digit by digit; punctuation runs stay together.
 */
export const splitPattern = String.raw` ?\p{L}+(?:'(?=\p{L}))?|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/**
 * The printable stand-in of each byte, GPT-2's table: visible Latin-1 characters stand for themselves, the other
 * bytes for U+0100 and up, in order.
 */
export const byteSymbols: string[] = (() => {
  const visible = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(visible(byte) ? byte : next++));
})();

export interface BpeOptions {
  /** tokens in all: special tokens, 256 bytes, merges; at least their first two together */
  vocabSize: number;
  /** they get the first ids, in this order; no text is ever encoded into them */
  specialTokens: string[];
}

export interface Bpe {
  /** token to id; ids are dense from 0 */
  vocab: Record<string, number>;
  /** pairs of tokens, first merged first */
  merges: [string, string][];
}

/** A distinct word of the texts: its symbols so far and how often it occurs. */
interface Word {
  symbols: number[];
  count: number;
}

/**
 * Learns merges from texts: again and again the most frequent neighbours become one token. Of equally frequent
 * pairs the one with the smaller ids wins, so the result depends on the texts alone. Stops early, with a smaller
 * vocabulary, when no pair occurs twice. Throws when vocabSize has no room for bytes and special tokens.
 */
export function trainBpe(texts: Iterable<string>, { vocabSize, specialTokens }: BpeOptions): Bpe {
  const tokens = [...specialTokens, ...byteSymbols];
  if (new Set(tokens).size !== tokens.length)
    throw new Error("specialTokens: a token stands twice or is a single byte");
  if (vocabSize < tokens.length) {
    throw new Error(
      `vocabSize: expected at least ${tokens.length} (special tokens and bytes), got ${vocabSize}`,
    );
  }
  const words = countWords(texts, specialTokens.length);
  const pairs = new PairTable();
  for (const [index, word] of words.entries()) {
    for (let i = 1; i < word.symbols.length; i++) {
      pairs.add(word.symbols[i - 1], word.symbols[i], word.count, index);
    }
  }
  pairs.queueChanged();

  // Two pairs of tokens may spell one word ("a"+"bc", "ab"+"c"): the second merge makes no new token.
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const merges: [string, string][] = [];
  while (tokens.length < vocabSize) {
    const best = pairs.pop();
    if (!best) break;
    const [left, right] = best;
    const token = tokens[left] + tokens[right];
    merges.push([tokens[left], tokens[right]]);
    let id = ids.get(token);
    if (id === undefined) {
      id = tokens.push(token) - 1;
      ids.set(token, id);
    }
    for (const index of pairs.wordsWith(left, right)) mergeIn(words[index], index, left, right, id, pairs);
    pairs.queueChanged();
  }
  return { vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges };
}

function countWords(texts: Iterable<string>, firstByteId: number): Word[] {
  const pattern = new RegExp(splitPattern, "gu");
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const [word] of text.matchAll(pattern)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => ({
    symbols: [...Buffer.from(word)].map((byte) => firstByteId + byte),
    count,
  }));
}

/** Replaces left+right by merged in one word, left to right, and corrects the counts of the neighbours. */
function mergeIn(
  word: Word,
  index: number,
  left: number,
  right: number,
  merged: number,
  pairs: PairTable,
): void {
  const { symbols, count } = word;
  const result: number[] = [];
  for (let i = 0; i < symbols.length; i++) {
    if (symbols[i] !== left || symbols[i + 1] !== right) {
      result.push(symbols[i]);
      continue;
    }
    pairs.add(left, right, -count, index);
    if (result.length > 0) {
      const before = result[result.length - 1];
      pairs.add(before, left, -count, index);
      pairs.add(before, merged, count, index);
    }
    if (i + 2 < symbols.length) {
      const after = symbols[i + 2];
      pairs.add(right, after, -count, index);
      // If the pair follows again, its own turn puts merged+merged right.
      pairs.add(merged, after, count, index);
    }
    result.push(merged);
    i++;
  }
  word.symbols = result;
}

// Ids stay below 2^20, so a pair is one exact number, and comparing numbers compares ids.
const radix = 2 ** 20;

/** Counts of pairs, the words they stand in, and the order of the counts. */
class PairTable {
  private readonly counts = new Map<number, number>();
  private readonly places = new Map<number, Set<number>>();
  private readonly changed = new Set<number>();
  private heap: { pair: number; count: number }[] = [];

  add(left: number, right: number, count: number, word: number): void {
    const pair = left * radix + right;
    this.counts.set(pair, (this.counts.get(pair) ?? 0) + count);
    this.changed.add(pair);
    if (count < 0) return; // the word stays listed; a visit in vain costs less than keeping the list exact
    const places = this.places.get(pair);
    if (places) places.add(word);
    else this.places.set(pair, new Set([word]));
  }

  /** Brings the changed counts into the heap; older entries of those pairs become stale. */
  queueChanged(): void {
    for (const pair of this.changed) {
      const count = this.counts.get(pair) ?? 0;
      if (count > 1) this.push({ pair, count });
    }
    this.changed.clear();
  }

  /** The most frequent pair that occurs at least twice. */
  pop(): [number, number] | undefined {
    while (this.heap.length > 0) {
      const { pair, count } = this.shift();
      if (this.counts.get(pair) === count) return [Math.floor(pair / radix), pair % radix];
    }
    return undefined;
  }

  wordsWith(left: number, right: number): number[] {
    return [...(this.places.get(left * radix + right) ?? [])];
  }

  private before(a: number, b: number): boolean {
    const [x, y] = [this.heap[a], this.heap[b]];
    return x.count > y.count || (x.count === y.count && x.pair < y.pair);
  }

  private swap(a: number, b: number): void {
    [this.heap[a], this.heap[b]] = [this.heap[b], this.heap[a]];
  }

  private push(entry: { pair: number; count: number }): void {
    let at = this.heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.before(at, parent)) break;
      this.swap(at, parent);
      at = parent;
    }
  }

  private shift(): { pair: number; count: number } {
    const top = this.heap[0];
    const last = this.heap.pop()!;
    if (this.heap.length > 0) this.heap[0] = last;
    for (let at = 0; ; ) {
      let first = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.heap.length && this.before(child, first)) first = child;
      }
      if (first === at) return top;
      this.swap(at, first);
      at = first;
    }
  }
}
