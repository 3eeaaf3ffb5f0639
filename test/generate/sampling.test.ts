import assert from "node:assert/strict";
import { resolveGenerateOptions, type SamplingOptions } from "../../sdk/generate/options.ts";
import { Sampler } from "../../sdk/generate/sampling.ts";

// Probabilities 0.5, 0.25, 0.15, 0.1 at temperature 1, in an order that is not theirs.
const PROBABILITIES = [0.15, 0.5, 0.1, 0.25];
const logits = () => Float32Array.from(PROBABILITIES, (p) => Math.log(p) + 3);
const DRAWS = 4000;

/** Share of each id among many draws. */
function shares(options: SamplingOptions, previous: number[] = []): number[] {
  const sampler = new Sampler(resolveGenerateOptions(options));
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < DRAWS; i++) counts[sampler.next(logits(), previous)]++;
  return counts.map((count) => count / DRAWS);
}

/** Within five standard deviations of a share among so many draws; a zero must be exact. */
function assertShares(got: number[], wanted: number[]): void {
  for (const [id, p] of wanted.entries()) {
    const deviation = Math.sqrt((p * (1 - p)) / DRAWS);
    assert.ok(Math.abs(got[id] - p) <= 5 * deviation, `id ${id}: expected ${p}, got ${got[id]} of ${got}`);
  }
}

describe("Sampler", () => {
  it("takes the best at temperature 0", () => {
    assert.deepEqual(shares({}), [0, 1, 0, 0]);
    assert.deepEqual(shares({ topK: 3, topP: 0.9, seed: 8 }), [0, 1, 0, 0]);
  });

  it("draws from the model's own distribution at temperature 1", () => {
    assertShares(shares({ temperature: 1 }), PROBABILITIES);
    assertShares(shares({ temperature: 1, seed: 5 }), PROBABILITIES);
    assert.notDeepEqual(shares({ temperature: 1 }), shares({ temperature: 1, seed: 5 }));
  });

  it("sharpens and flattens with the temperature: p^(1/T), normalised", () => {
    for (const temperature of [0.5, 2]) {
      const raised = PROBABILITIES.map((p) => p ** (1 / temperature));
      const sum = raised.reduce((a, b) => a + b, 0);
      assertShares(
        shares({ temperature }),
        raised.map((p) => p / sum),
      );
    }
  });

  it("keeps the topK most likely", () => {
    assertShares(shares({ temperature: 1, topK: 1 }), [0, 1, 0, 0]);
    assertShares(shares({ temperature: 1, topK: 2 }), [0, 2 / 3, 0, 1 / 3]);
    assertShares(shares({ temperature: 1, topK: 99 }), PROBABILITIES);
  });

  it("keeps the smallest set that reaches topP", () => {
    assertShares(shares({ temperature: 1, topP: 0.4 }), [0, 1, 0, 0]);
    assertShares(shares({ temperature: 1, topP: 0.7 }), [0, 2 / 3, 0, 1 / 3]);
    assertShares(shares({ temperature: 1, topP: 0.8 }), [0.15 / 0.9, 0.5 / 0.9, 0, 0.25 / 0.9]);
  });

  it("takes topP of what topK left", () => {
    // Of the two best, renormalised to 2/3 and 1/3, the first alone reaches 0.6; without topK it would not.
    assertShares(shares({ temperature: 1, topK: 2, topP: 0.6 }), [0, 1, 0, 0]);
    assertShares(shares({ temperature: 1, topP: 0.6 }), [0, 2 / 3, 0, 1 / 3]);
  });

  it("makes what occurred less likely, whatever the sign of its logit", () => {
    const sampler = new Sampler(resolveGenerateOptions({ repetitionPenalty: 2 }));
    assert.equal(sampler.next(Float32Array.of(3, 2, 1), [0, 0, 0]), 1);
    assert.equal(sampler.next(Float32Array.of(3, 1, 1), [0]), 0);
    assert.equal(sampler.next(Float32Array.of(-1, -1.5, -9), [0]), 1);
  });

  it("never takes an impossible token, nor one that is no number", () => {
    const sampler = new Sampler(resolveGenerateOptions({}));
    assert.equal(sampler.next(Float32Array.of(Number.NEGATIVE_INFINITY, -5), []), 1);
    assert.equal(sampler.next(Float32Array.of(Number.NaN, -5), []), 1);
    const message = "sampling: no logit is a finite number; the model's weights or activations hold NaN";
    assert.throws(() => sampler.next(new Float32Array(3).fill(Number.NaN), []), { message });
  });
});
