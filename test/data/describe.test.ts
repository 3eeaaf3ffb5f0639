import assert from "node:assert/strict";
import { join } from "node:path";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";
import { loadCsv } from "../../sdk/data/csv.ts";
import { prepareDataset } from "../../sdk/data/dataset.ts";
import { describe as describeTable } from "../../sdk/data/describe/describe.ts";
import { Tokenizer } from "../../sdk/text/tokenizer.ts";
import { DISPLAY, type Displayable } from "../../sdk/views/bundle.ts";

const rows = (...pairs: [string, string][]) => ({
  source: "test",
  rows: pairs.map(([instruction, response], i) => ({ line: i + 2, instruction, response, fields: {} })),
});

describe("describe", () => {
  it("counts lengths, with a histogram that holds every row", () => {
    const { characters } = describeTable(
      rows(["a", "1234"], ["abc", "12"], ["ab", "1"], ["abcdefghij", "1"]),
    );
    const { histogram, ...numbers } = characters.instruction;
    assert.deepEqual(numbers, { min: 1, median: 2.5, mean: 4, p95: 10, max: 10 });
    assert.equal(
      histogram.reduce((sum, step) => sum + step.rows, 0),
      4,
    );
    assert.deepEqual(
      [histogram[0].from, histogram[0].rows, histogram.at(-1)?.to, histogram.at(-1)?.rows],
      [1, 1, 10, 1],
    );
    assert.deepEqual(describeTable(rows()).characters.response.max, 0);
  });

  it("counts tokens of whole examples, and those that are too long", async () => {
    const tokenizer = await Tokenizer.load(join(packageRoot(), "data/models/mini"));
    const table = rows(["Hi", "Yo"], ["Where is my parcel, please?", "It will arrive tomorrow before noon."]);
    const { tokens, tooLong } = describeTable(table, { tokenizer, maxSeqLength: 12 });
    const { report } = prepareDataset(
      { ...(await loadCsv(Buffer.from("question,answer\nq,a\n"))), ...table } as never,
      tokenizer,
    );
    assert.equal(tokens?.max, report.longest.tokens);
    assert.deepEqual(tooLong, { maxSeqLength: 12, share: 0.5, lines: [3] });
    assert.equal(describeTable(table).tokens, undefined);
  });

  it("tells equal rows from nearly equal ones and from contradictions", () => {
    const found = describeTable(
      rows(
        ["Où est mon colis ?", "En route."],
        ["Où est mon colis ?", "En route."],
        ["ou est mon COLIS", "En route !"],
        ["Où est mon colis ?", "Perdu."],
        ["Quand ?", "Demain matin."],
      ),
    );
    assert.deepEqual(found.duplicates, [{ lines: [2, 3], instruction: "Où est mon colis ?" }]);
    assert.deepEqual(found.nearDuplicates, [{ lines: [2, 3, 4], instruction: "Où est mon colis ?" }]);
    assert.deepEqual(found.contradictions, [{ lines: [2, 3, 4, 5], instruction: "Où est mon colis ?" }]);
  });

  it("finds answers of one word and the languages", () => {
    const found = describeTable(
      rows(
        ["Where is the parcel that I ordered?", "It is on the way to you."],
        ["Où est le colis que j'ai commandé ?", "Il est en route pour vous."],
        ["¿Dónde está el paquete?", "Está en la oficina de correos."],
        ["42 ?", "OK."],
        ["?", "…"],
      ),
    );
    assert.deepEqual(found.shortAnswers, [
      { line: 5, response: "OK." },
      { line: 6, response: "…" },
    ]);
    assert.deepEqual(
      found.languages.map(({ language, lines }) => [language, lines]),
      [
        ["unknown", [5, 6]],
        ["en", [2]],
        ["fr", [3]],
        ["es", [4]],
      ],
    );
  });

  it("finds likely personal data by their check digits, and shows little of them", () => {
    const found = describeTable(
      rows(
        ["Write to ann.lee@mail.example", "or call 06 12 34 56 78, or +44 20 7946 0958"],
        ["Card 4111 1111 1111 1111", "no card: 4111 1111 1111 1112"],
        ["FR76 3000 6000 0112 3456 7890 189", "no IBAN: FR76 3000 6000 0112 3456 7890 188"],
        ["Order 123456789", "12,345,678 rows in 2024-05-06 10:20"],
      ),
    );
    assert.deepEqual(
      found.personalData.map(({ line, side, kind }) => [line, side, kind]),
      [
        [2, "instruction", "mail"],
        [2, "response", "phone"],
        [2, "response", "phone"],
        [3, "instruction", "card"],
        [4, "instruction", "iban"],
      ],
    );
    assert.equal(found.personalData[0].masked, "an••••••••le");
  });

  it("warns in sentences with lines, also out of prepareDataset", async () => {
    const table = await loadCsv(
      Buffer.from(
        "question,answer\nWhere is it?,Here it is.\nWhere is it?,Here it is.\nwhere is it,There.\nMail?,a@b.example\n",
      ),
    );
    const expected = [
      "1 rows repeat an earlier one: lines 2 = 3",
      "1 questions have different answers: lines 2 = 3 = 4",
      "1 answers have one word or none: line 4",
      "1 mail addresses: line 5",
    ];
    const description = describeTable(table);
    assert.deepEqual(description.warnings, expected);
    assert.match(String(description), /^worth a look: 1 mail addresses: line 5$/m);
    const tokenizer = await Tokenizer.load(join(packageRoot(), "data/models/mini"));
    const { report } = prepareDataset(table, tokenizer);
    assert.deepEqual(report.warnings, expected);
    assert.match(report.text, /^worth a look: 1 questions have different answers/m);
  });

  it("is plain data that shows itself in a notebook, and names wrong options", () => {
    const description = describeTable(rows(["a b", "c d"]));
    assert.deepEqual(JSON.parse(JSON.stringify(description)), { ...description });
    const shown = (description as unknown as Displayable)[DISPLAY]();
    assert.equal(shown["text/plain"], String(description));
    assert.match(shown["text/html"] ?? "", /mlab-bar/);
    assert.throws(() => describeTable(rows(), JSON.parse('{"maxSeqLenght": 3}')), {
      message:
        'describe: unknown option "maxSeqLenght" (did you mean "maxSeqLength"?); known: tokenizer, maxSeqLength',
    });
  });
});
