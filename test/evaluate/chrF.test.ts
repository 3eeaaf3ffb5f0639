import assert from "node:assert/strict";
import { chrF } from "../../sdk/evaluate/chrF.ts";

/** As sacreBLEU: mean precision P and recall R over the orders that both sides have, then 5PR / (4P + R). */
function score(precisions: number[], recalls: number[]): number {
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [p, r] = [mean(precisions), mean(recalls)];
  return (100 * 5 * p * r) / (4 * p + r);
}

function assertScore(pairs: [answer: string, reference: string][], wanted: number): void {
  const got = chrF(pairs.map(([answer, reference]) => ({ answer, reference })));
  // A handful of float64 operations.
  assert.ok(Math.abs(got - wanted) < 1e-10, `expected ${wanted}, got ${got}`);
}

describe("chrF", () => {
  it("is 100 for equal texts, short ones too, and 0 where nothing fits", () => {
    assertScore([["abcdefgh", "abcdefgh"]], 100);
    assertScore([["a", "a"]], 100);
    assert.equal(chrF([{ answer: "abcdefg", reference: "abcdefg" }]), 100, "exactly");
    assertScore([["abc", "xyz"]], 0);
    assertScore([["", "abc"]], 0);
    assertScore([["abc", ""]], 0);
    assertScore([], 0);
  });

  it("averages precision and recall before it takes the F-score", () => {
    // abcd / abce: 3 of 4 letters, ab bc of 3 pairs, abc of 2 triples, 0 of 1; precision and recall are the same.
    assertScore([["abcd", "abce"]], score([3 / 4, 2 / 3, 1 / 2, 0], [3 / 4, 2 / 3, 1 / 2, 0]));
    // abc / abcd: all of the answer is right; of the reference 3 of 4, 2 of 3, 1 of 2. The answer has no 4 letters.
    assertScore([["abc", "abcd"]], score([1, 1, 1], [3 / 4, 2 / 3, 1 / 2]));
    // ab / abcd: an F-score for each order and their mean would be another number.
    assertScore([["ab", "abcd"]], score([1, 1], [2 / 4, 1 / 3]));
  });

  it("weighs recall twice: leaving out costs more than adding", () => {
    assertScore([["abcd", "ab"]], score([2 / 4, 1 / 3], [1, 1]));
    assertScore([["ab", "abcd"]], 100 * ((5 * (5 / 12)) / (4 + 5 / 12)));
  });

  it("counts a repeated n-gram as often as both sides have it", () => {
    // aaa / aa: 2 of 3 letters, 1 of 2 pairs; all of the reference.
    assertScore([["aaa", "aa"]], score([2 / 3, 1 / 2], [1, 1]));
  });

  it("does not see spaces, sees case, and takes a character for one", () => {
    assertScore([["a b\u00a0c\n", " abc"]], 100);
    assertScore([["A", "a"]], 0);
    assertScore([["\u{1f600}a", "\u{1f600}b"]], score([1 / 2, 0], [1 / 2, 0]));
  });

  it("has six orders", () => {
    // abcdefgX against abcdefgY: k-grams of 8 letters, all but the one at the end.
    const shares = [7 / 8, 6 / 7, 5 / 6, 4 / 5, 3 / 4, 2 / 3];
    assertScore([["abcdefgX", "abcdefgY"]], score(shares, shares));
  });

  it("sums the counts of the corpus before it divides", () => {
    // ab / ab and cccc / dddd: 2 of 6 letters, 1 of 4 pairs, 0 of 2, 0 of 1.
    const shares = [2 / 6, 1 / 4, 0, 0];
    assertScore(
      [
        ["ab", "ab"],
        ["cccc", "dddd"],
      ],
      score(shares, shares),
    );
  });
});
