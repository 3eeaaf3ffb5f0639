import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { type CsvOptions, loadCsv } from "../../sdk/data/csv.ts";

const load = (text: string, options?: CsvOptions) => loadCsv(Buffer.from(text), options);
const pairs = async (text: string, options?: CsvOptions) =>
  (await load(text, options)).rows.map(({ instruction, response }) => [instruction, response]);

const alpaca = [
  { instruction: "Add", input: "1 and 2", output: "3" },
  { instruction: "Greet", input: "", output: "Hello, «you»\nthere" },
];
const alpacaRows = [
  ["Add\n\n1 and 2", "3"],
  ["Greet", "Hello, «you»\nthere"],
];
const openAi = [
  {
    messages: [
      { role: "system", content: "Be kind." },
      { role: "user", content: "Hi?" },
      { role: "assistant", content: "Hello." },
      {
        role: "user",
        content: [
          { type: "text", text: "And " },
          { type: "text", text: "you?" },
        ],
      },
      { role: "assistant", content: "Fine." },
    ],
  },
];
const openAiRows = [
  ["Hi?", "Hello."],
  ["And you?", "Fine."],
];
const shareGpt = [
  {
    id: "x",
    conversations: [
      { from: "human", value: "Où ?" },
      { from: "gpt", value: "Ici." },
    ],
  },
];

describe("loadCsv on JSON", () => {
  it("reads Alpaca as lines, as an array, indented, and as objects one after another", async () => {
    for (const text of [
      alpaca.map((one) => JSON.stringify(one)).join("\n"),
      `\ufeff${alpaca.map((one) => `${JSON.stringify(one)}\r\n`).join("\r\n")}`,
      JSON.stringify(alpaca),
      JSON.stringify(alpaca, null, 2),
      alpaca.map((one) => JSON.stringify(one, null, 2)).join("\n"),
      JSON.stringify({ version: 1, data: alpaca }),
      alpaca.map((one) => `${JSON.stringify(one)},`).join("\n"),
    ])
      assert.deepEqual(await pairs(text), alpacaRows, text);
  });

  it("reads OpenAI's messages and ShareGPT's conversations, an exchange a row", async () => {
    assert.deepEqual(await pairs(JSON.stringify(openAi)), openAiRows);
    const table = await load(openAi.map((one) => JSON.stringify(one)).join("\n"));
    assert.deepEqual(table.rows[0].fields, { system: "Be kind." });
    assert.deepEqual(await pairs(JSON.stringify(shareGpt)), [["Où ?", "Ici."]]);
  });

  it("finds columns by meaning and by option, keeps other types as text", async () => {
    const table = await load('{"id": 7, "question": "Q?", "réponse": 42, "tags": ["a", {"b": null}]}\n');
    assert.deepEqual(table.rows, [
      { line: 1, instruction: "Q?", response: "42", fields: { id: "7", tags: '["a",{"b":null}]' } },
    ]);
    const columns = { instruction: "frage", response: "antwort" };
    assert.deepEqual(await pairs('{"frage": "F", "antwort": "A"}', { columns }), [["F", "A"]]);
  });

  it("sets aside what has no two sides, with line, bytes and reason", async () => {
    const lines = [
      '{"prompt": "p", "completion": "c"}',
      '{"prompt": "é"',
      '{"prompt": "p", "completion": ""}',
      "[1]",
      '{"x": 1}',
    ];
    const table = await load(lines.join("\n"));
    assert.equal(table.rows.length, 1);
    assert.deepEqual(
      table.rejected.map(({ line, raw, reason }) => [line, raw.toString(), reason]),
      [
        [2, lines[1], "it is no JSON"],
        [3, lines[2], '"completion" is empty'],
        [4, "[1]", "it is no object"],
        [5, lines[4], 'no names for both sides among "x"'],
      ],
    );
    assert.equal(table.report.counts.records, table.report.counts.rows + table.report.counts.rejected);
  });

  it("puts messages of one side together and sets turns without the other side aside", async () => {
    const messages = [
      { role: "assistant", content: "Hello!" },
      { role: "system", content: "Be kind." },
      { role: "user", content: "The sum?" },
      { role: "user", content: "Of 40 and 2." },
      { role: "assistant", content: null, tool_calls: [{ id: "c1" }] },
      { role: "tool", content: "42" },
      { role: "assistant", content: "It is 42." },
      { role: "assistant", content: "Anything else?" },
      { role: "user", content: "No." },
    ];
    const table = await load(JSON.stringify({ messages }));
    assert.deepEqual(table.rows, [
      {
        line: 1,
        instruction: "The sum?\n\nOf 40 and 2.",
        response: "It is 42.\n\nAnything else?",
        fields: { system: "Be kind." },
      },
    ]);
    assert.deepEqual(
      table.rejected.map(({ raw, reason }) => [JSON.parse(raw.toString()), reason]),
      [
        [messages[0], "an answer without a question"],
        [messages[5], 'role "tool" is neither question nor answer'],
        [messages[8], "a question without an answer"],
      ],
    );
    assert.equal(table.report.counts.records, 4);
  });

  it("reads a stream whose pieces end anywhere, in UTF-16 too", async () => {
    for (const bytes of [
      Buffer.from(JSON.stringify(alpaca, null, 1)),
      Buffer.from(`\ufeff${JSON.stringify(alpaca)}`, "utf16le"),
    ]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) =>
        bytes.subarray(7 * i, 7 * i + 7),
      );
      const table = await loadCsv(Readable.from(pieces));
      assert.deepEqual(
        table.rows.map(({ instruction, response }) => [instruction, response]),
        alpacaRows,
      );
    }
  });

  it("says what it expected where there is nothing to read", async () => {
    await assert.rejects(load('{"a": 1}\n{"a": 2}\n'), {
      message:
        '(buffer): expected objects with both sides (such as instruction and output, or messages), got none: line 1, no names for both sides among "a". Name the columns: loadCsv(path, { columns: { instruction: "…", response: "…" } }).',
    });
  });
});

describe("loadCsv on Parquet", () => {
  const file = fileURLToPath(new URL("../fixtures/data/questions.parquet", import.meta.url));
  const expected = [
    ["Où est mon colis ?", "Il arrive demain."],
    ["What is 1 + 1?", "2"],
  ];

  it("reads a file and a buffer, and sets empty cells aside", async () => {
    for (const source of [file, await readFile(file)]) {
      const table = await loadCsv(source);
      assert.deepEqual(
        table.rows.map(({ instruction, response }) => [instruction, response]),
        expected,
      );
      assert.deepEqual(table.rows[0].fields, { id: "1" });
      assert.deepEqual(
        table.rejected.map(({ line, reason }) => [line, reason]),
        [[3, '"answer" is empty']],
      );
      assert.equal(table.report.format, "parquet");
    }
  });

  it("says that a damaged file is one", async () => {
    await assert.rejects(
      loadCsv(Buffer.from("PAR1 and nothing more")),
      /^Error: \(buffer\): expected a Parquet file, but it cannot be read/,
    );
  });
});
