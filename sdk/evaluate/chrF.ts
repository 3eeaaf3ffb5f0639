/**
 * chrF (Popović 2015, "chrF: character n-gram F-score for automatic MT evaluation") as sacreBLEU computes it by
 * default: character n-grams of orders 1 to 6 without spaces, beta 2, counts summed over the whole corpus.
 */

const ORDERS = 6;
const BETA = 2;

/**
 * @param pairs answers beside their references
 * @returns 0 to 100; 0 for an empty list
 */
export function chrF(pairs: readonly { answer: string; reference: string }[]): number {
  const matched = new Array<number>(ORDERS).fill(0);
  const answered = new Array<number>(ORDERS).fill(0);
  const expected = new Array<number>(ORDERS).fill(0);
  for (const { answer, reference } of pairs) {
    for (let order = 1; order <= ORDERS; order++) {
      const a = ngrams(answer, order);
      const r = ngrams(reference, order);
      for (const [gram, count] of a) matched[order - 1] += Math.min(count, r.get(gram) ?? 0);
      answered[order - 1] += total(a);
      expected[order - 1] += total(r);
    }
  }
  // Orders that one side is not long enough for do not count. Precision and recall are averaged over the others
  // first; the F-score is that of the two means.
  let orders = 0;
  let precision = 0;
  let recall = 0;
  for (let i = 0; i < ORDERS; i++) {
    if (answered[i] === 0 || expected[i] === 0) continue;
    precision += matched[i] / answered[i];
    recall += matched[i] / expected[i];
    orders++;
  }
  if (precision + recall === 0) return 0;
  precision /= orders;
  recall /= orders;
  return (100 * ((1 + BETA * BETA) * precision * recall)) / (BETA * BETA * precision + recall);
}

function ngrams(text: string, order: number): Map<string, number> {
  const characters = [...text.replace(/\s+/gu, "")];
  const counts = new Map<string, number>();
  for (let i = 0; i + order <= characters.length; i++) {
    const gram = characters.slice(i, i + order).join("");
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

function total(counts: Map<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}
