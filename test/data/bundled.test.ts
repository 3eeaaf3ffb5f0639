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

describe("loadCsv on the bundled files", () => {
  it("mends and reports ecommerce.fr.csv as its notes say", async () => {
    const table = await loadCsv(data("ecommerce.fr.csv"));
    // 700 records: 5 without a text, 8 with unquoted commas, 2 duplicates.
    assert.equal(table.rows.length, 695);
    assert.deepEqual(
      table.repairs.map(({ line }) => line),
      [32, 125, 181, 198, 376, 382, 468, 647],
    );
    assert.deepEqual(
      table.rejected.map(({ line, reason }) => [line, reason]),
      [
        [83, '"response" is empty'],
        [103, '"instruction" is empty'],
        [157, '"response" is empty'],
        [208, '"response" is empty'],
        [578, '"instruction" is empty'],
      ],
    );
    assert.equal(table.blankLines, 2);
    assert.deepEqual(table.duplicates, [
      { line: 669, firstLine: 457 },
      { line: 684, firstLine: 291 },
    ]);
    // A mended answer equals the quoted answer to another question on the same fact.
    const others = new Set(
      table.rows.filter(({ line }) => !table.repairs.some((r) => r.line === line)).map((r) => r.response),
    );
    for (const { after } of table.repairs) assert.ok(others.has(after), after);
    assert.ok(
      String(table.report).startsWith(
        `${data("ecommerce.fr.csv")}: 695 rows, 8 repairs, 5 rejected, 2 duplicates kept, 2 blank lines skipped`,
      ),
    );
  });

  for (const [name, rows] of [
    ["ecommerce.fr.test.csv", 120],
    ["support.en.csv", 200],
    ["support.en.test.csv", 25],
  ] as const) {
    it(`reads all of ${name}`, async () => {
      const table = await loadCsv(data(name));
      assert.equal(table.rows.length, rows);
      assert.equal(
        table.repairs.length + table.rejected.length + table.duplicates.length + table.blankLines,
        0,
      );
      if (name.includes("test")) assert.ok(table.rows.every(({ fields }) => fields.expected !== ""));
    });
  }
});
