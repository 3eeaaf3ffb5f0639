import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { loadCsv } from "../../sdk/data/csv.ts";
import { prepareDataset } from "../../sdk/data/dataset.ts";
import { Tokenizer } from "../../sdk/text/tokenizer.ts";

const data = (name: string) => fileURLToPath(new URL(`../../data/${name}`, import.meta.url));

describe("The bundled tokenizer on the bundled data", () => {
  let tokenizer: Tokenizer;
  before(async () => {
    tokenizer = await Tokenizer.load(data("models/mini"));
  });

  it("has the special tokens that the model expects", () => {
    assert.deepEqual(
      [tokenizer.unkId, tokenizer.bosId, tokenizer.eosId, tokenizer.vocabSize],
      [0, 1, 2, 4096],
    );
    assert.deepEqual(tokenizer.encode("[INST][/INST]", { allowSpecial: true }), [3, 4]);
  });

  for (const name of ["ecommerce.fr.csv", "ecommerce.fr.test.csv", "support.en.csv", "support.en.test.csv"]) {
    it(`prepares ${name} without loss`, async () => {
      const table = await loadCsv(data(name));
      const { train, report } = prepareDataset(table, tokenizer, {
        overflow: "error",
        systemPrompt: "Bonjour.",
      });
      assert.equal(train.length, table.rows.length);
      assert.ok(report.trainedShare > 0.4 && report.trainedShare < 0.8, `${report.trainedShare}`);
      for (const { ids, labels, instruction, response } of train) {
        const text = `<s>[INST] Bonjour.\n\n${instruction} [/INST] ${response}</s>`;
        assert.equal(tokenizer.decode(ids, { skipSpecial: false }), text);
        assert.equal(tokenizer.decode(labels.filter((label) => label !== -100)), ` ${response}`);
        const decoder = tokenizer.streamDecoder();
        const pieces = [...ids].map((id) => decoder.push(id));
        assert.equal(pieces.join("") + decoder.end(), tokenizer.decode(ids));
      }
    });
  }
});
