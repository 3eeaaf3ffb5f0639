import assert from "node:assert/strict";
import { learningRateAt } from "../../sdk/train/schedule.ts";
import { assertClose } from "../compare.ts";

describe("learningRateAt", () => {
  const schedule = { learningRate: 2e-4, warmupRatio: 0.2, steps: 10 };

  it("climbs over the warm-up and falls along a cosine, as get_cosine_schedule_with_warmup", () => {
    // By hand: 2 warm-up steps (0, 1/2), then (1 + cos(pi p)) / 2 with p = 0, 1/8, …, 7/8.
    const factors = [
      0, 0.5, 1, 0.9619397662556434, 0.8535533905932737, 0.6913417161825449, 0.5, 0.30865828381745514,
      0.14644660940672627, 0.03806023374435663,
    ];
    const rates = factors.map((_, step) => learningRateAt(step, { ...schedule, scheduler: "cosine" }));
    // A few float64 roundings.
    assertClose(
      rates,
      factors.map((factor) => factor * 2e-4),
      { what: "cosine", rtol: 1e-12 },
    );
    assert.ok(Math.abs(learningRateAt(10, { ...schedule, scheduler: "cosine" })) < 1e-19);
  });

  it("falls along a line, as get_linear_schedule_with_warmup", () => {
    const rates = [0, 1, 2, 6, 9, 10].map((step) =>
      learningRateAt(step, { ...schedule, scheduler: "linear" }),
    );
    assertClose(rates, [0, 1e-4, 2e-4, 1e-4, 0.25e-4, 0], { what: "linear", rtol: 1e-12 });
  });

  it("stays where it is, after the warm-up, when constant", () => {
    const rates = [0, 1, 2, 9].map((step) => learningRateAt(step, { ...schedule, scheduler: "constant" }));
    assertClose(rates, [0, 1e-4, 2e-4, 2e-4], { what: "constant", rtol: 1e-12 });
  });

  it("rounds the warm-up up to whole steps, and does without one", () => {
    const cosine = { scheduler: "cosine", learningRate: 1, steps: 100 } as const;
    assert.equal(learningRateAt(3, { ...cosine, warmupRatio: 0.031 }), 0.75);
    assert.equal(learningRateAt(0, { ...cosine, warmupRatio: 0 }), 1);
    assert.equal(learningRateAt(0, { ...cosine, warmupRatio: 1, steps: 1 }), 0);
  });
});
