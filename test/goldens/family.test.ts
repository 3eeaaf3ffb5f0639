import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { assertClose } from "../compare.ts";
import { GoldenModels, greedy, logitsOf, onEveryDevice } from "./models.ts";
import { type GoldenTensors, goldenPath, needsGoldens, readGoldenTensors } from "./read.ts";

// The bar is 1e-4 relative. A logit near zero is a difference of terms of the size of the largest (about 8), so 1e-6 of
// those is allowed beside it.
const LOGITS = { rtol: 1e-4, atol: 1e-5 };

describe("goldens of the family's architectures", () => {
  let golden: GoldenTensors;
  let models: GoldenModels;
  before(function () {
    needsGoldens(this, "family.safetensors", "family");
    golden = readGoldenTensors("family.safetensors");
    models = new GoldenModels();
  });
  after(() => {
    golden?.close();
    models?.remove();
  });

  onEveryDevice(() => {
    for (const name of readdirSync(goldenPath("family"))) {
      it(`${name}: logits, and 32 greedy tokens with the KV cache`, async () => {
        const model = await models.load(`family/${name}`);
        const ids = golden.ints("ids");
        const batch = {
          ids,
          labels: ids.map(() => -100),
          positions: ids.map((_, i) => i),
          cuSeqlens: Int32Array.of(0, ids.length),
          trainedTokens: 0,
        };
        assertClose(logitsOf(model, batch), golden.floats(`${name}.logits`), { ...LOGITS, what: name });
        const wanted = golden.ints(`${name}.greedy`);
        const margin = Math.min(...golden.floats(`${name}.greedy_margin`));
        assert.ok(margin > 1e-3, `the golden is undecided by ${margin}`);
        assert.deepEqual(greedy(model, ids, wanted.length), wanted);
      });
    }
  });
});
