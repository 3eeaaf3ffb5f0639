import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { recipe, shapes } from "../../pretrain/recipe.ts";
import { parseConfig } from "../../sdk/model/config.ts";

const DIR = "data/models/mini";

describe("the bundled model", () => {
  it("is in 16 MB", () => {
    const bytes = readdirSync(DIR).reduce((sum, name) => sum + statSync(join(DIR, name)).size, 0);
    assert.ok(bytes <= 16e6, `${bytes} bytes`);
  });

  it("has the shape of the recipe", () => {
    const json = JSON.parse(readFileSync(join(DIR, "config.json"), "utf8"));
    const { vocabSize, bosId, eosIds, ...shape } = parseConfig(json, DIR);
    assert.deepEqual(shape, shapes[recipe.shape]);
    assert.deepEqual({ vocabSize, bosId, eosIds }, { vocabSize: 4096, bosId: 1, eosIds: [2] });
  });
});
