import assert from "node:assert/strict";
import type { Addon } from "../../sdk/backend/addon.ts";
import { assertClose } from "../compare.ts";
import { guarded, onEveryIsa, uniform } from "./support.ts";

// More than 512 trained rows are two chunks, whose gradients of the head are added up.
const [rows, vocab, dim] = [700, 131, 50];
const labels = Int32Array.from({ length: rows }, (_, t) => (t % 7 === 3 ? -100 : (t * 5) % vocab));
const hidden = uniform(rows * dim, 1);
const head = uniform(vocab * dim, 2);

function run(addon: Addon): Record<string, Float32Array> {
  const [losses, dHidden, dWeight] = [rows, rows * dim, vocab * dim].map(guarded);
  const outputs = [losses.values, dHidden.values, dWeight.values] as const;
  addon.crossEntropy(rows, vocab, dim, hidden, head, null, labels, ...outputs);
  for (const output of [losses, dHidden, dWeight]) output.check();
  return { losses: losses.values, dHidden: dHidden.values, dWeight: dWeight.values };
}

onEveryIsa("crossEntropy", (addon) => {
  it("gives the same bits on any number of threads", () => {
    const [first, ...others] = [1, 2, 3, 8].map((threads) => {
      addon.setThreads(threads);
      return run(addon);
    });
    for (const other of others)
      for (const name of Object.keys(first)) assertClose(other[name], first[name], { what: name });
  });

  describe("with bfloat16 products", () => {
    afterEach(() => addon.setComputeType("float32"));

    it("is within bfloat16 rounding of float32", () => {
      const exact = run(addon);
      addon.setComputeType("bfloat16");
      const rounded = run(addon);
      // Both factors of a term are off by up to 2^-9; a logit sums `dim` terms of 1/4 on average, and the errors
      // of different sign cancel. A probability p moves by p times the logits' error.
      const logit = (2 ** -8 * dim) / 4;
      assertClose(rounded.losses, exact.losses, { atol: 2 * logit, what: "losses" });
      // The gradients of a row sum to at most 2 in magnitude, and multiply values of at most 1; a row of dWeight
      // sums those of all rows, which the label's own dominate.
      assertClose(rounded.dHidden, exact.dHidden, { atol: 2 * logit, what: "dHidden" });
      assertClose(rounded.dWeight, exact.dWeight, { atol: (rows / vocab) * 2 * logit, what: "dWeight" });
      const same = rounded.losses.every((loss, i) => loss === exact.losses[i]);
      assert.equal(same, !["avx512bf16", "amx"].includes(addon.info().isa));
    });
  });
});
