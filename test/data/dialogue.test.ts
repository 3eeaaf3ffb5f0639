import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { type CsvOptions, loadCsv } from "../../sdk/data/csv.ts";

const read = (text: string, options?: CsvOptions) => loadCsv(Buffer.from(text), options);
const pairs = async (text: string, options?: CsvOptions) =>
  (await read(text, options)).rows.map(({ line, instruction, response }) => [line, instruction, response]);

const EXPECTED = [
  [1, "Où est mon colis ?", "En route, arrivée demain."],
  [3, "Et le prix ?", "5,60 €, port compris"],
];

describe("dialogues written as text", () => {
  it("reads turns with labels, in both languages, numbered, marked or in bold", async () => {
    for (const [question, answer] of [
      ["Q: ", "R: "],
      ["Q : ", "A : "],
      ["Question : ", "Réponse : "],
      ["QUESTION: ", "ANSWER: "],
      ["User: ", "Assistant: "],
      ["Client : ", "Vendeur : "],
      ["Client : ", "Service client : "],
      ["**Q:** ", "**R:** "],
      ["- Q: ", "- R: "],
      ["Q. ", "A. "],
      ["[10:32] Visiteur 4412 : ", "[10:33] Conseillère (Julie) : "],
      ["### Human: ", "### Assistant: "],
    ])
      assert.deepEqual(
        await pairs(
          `${question}${EXPECTED[0][1]}\n${answer}${EXPECTED[0][2]}\n${question}${EXPECTED[1][1]}\n${answer}${EXPECTED[1][2]}\n`,
        ),
        EXPECTED,
        question,
      );
    assert.deepEqual(await pairs("Q1: a ?\r\nR1: b\r\n\r\nQ2: c ?\r\nR2: d\r\n"), [
      [1, "a ?", "b"],
      [4, "c ?", "d"],
    ]);
    assert.deepEqual(await pairs("Q: a ?\nA: b\n"), [[1, "a ?", "b"]]);
  });

  it("keeps the further lines of a turn, and joins messages of one side in a chat", async () => {
    assert.deepEqual(await pairs("Titre\n\nQ: a ?\nR: b\n- c\n\nd\n\nQ: e ?\nR: f\n"), [
      [3, "a ?", "b\n- c\n\nd"],
      [9, "e ?", "f"],
    ]);
    assert.deepEqual(
      await pairs("System: be kind\nUser: hi\nUser: order 12?\nAssistant: Yes.\nUser: ok\nAssistant: Bye.\n"),
      [
        [2, "hi\norder 12?", "Yes."],
        [5, "ok", "Bye."],
      ],
    );
    const [{ fields }] = (await read("System: be kind\nUser: hi\nAssistant: Yes.\n")).rows;
    assert.deepEqual(fields, { system: "be kind" });
  });

  it("reads both sides on one line, cells of one column, and speakers in a column", async () => {
    const both = EXPECTED.map(([, question, answer]) => `Q: ${question} R: ${answer}`);
    const rows = EXPECTED.map(([, ...texts]) => texts);
    const without = async (text: string) => (await pairs(text)).map(([, ...texts]) => texts);
    assert.deepEqual(await without(`${both.join("\n")}\n`), rows);
    assert.deepEqual(await without(`texte\n${both.map((cell) => `"${cell}"`).join("\n")}\n`), rows);
    assert.deepEqual(await without(`n;texte\n${both.map((cell, i) => `${i};${cell}`).join("\n")}\n`), rows);
    const lines = both.map((cell) => cell.replace(" R:", "\nR:"));
    assert.deepEqual(
      await without(`n,texte\n${lines.map((cell, i) => `${i},"${cell}"`).join("\n")}\n`),
      rows,
    );
    assert.deepEqual(
      await without(
        "chat_id;role;message\n7;client;Où ?\n7;agent;Ici, à gauche.\n8;client;Seul ?\n9;client;Quand ?\n9;agent;Demain.\n",
      ),
      [
        ["Où ?", "Ici, à gauche."],
        ["Quand ?", "Demain."],
      ],
    );
  });

  it("reads numbered questions, headings and paragraphs with their answers below", async () => {
    for (const text of [
      "FAQ\n\n1. Où ?\nIci,\nà gauche.\n2. Quand ?\nDemain.\n",
      "## Où ?\nIci,\nà gauche.\n## Quand ?\nDemain.\n",
      "**Où ?**\n\nIci,\nà gauche.\n\n**Quand ?**\n\nDemain.\n",
    ])
      assert.deepEqual(
        (await pairs(text)).map(([, ...texts]) => texts),
        [
          ["Où ?", "Ici,\nà gauche."],
          ["Quand ?", "Demain."],
        ],
        text,
      );
    assert.equal((await pairs("Où ?\nIci.\n\nQuand ?\nDemain.\n\nQui ?\nNous.\n")).length, 3);
  });

  it("takes the one who asks more for the customer, where a chat names two people", async () => {
    const chat = [
      "12/03/2024, 10:15 - Les messages sont chiffrés de bout en bout.",
      "12/03/2024, 10:15 - Boutique Lila: Bienvenue",
      "12/03/2024, 10:16 - Jean P.: C'est ouvert ?",
      "12/03/2024, 10:17 - Boutique Lila: Oui, jusqu'à 19:30",
      "12/03/2024, 10:18 - Jean P.: Et demain ?",
      "12/03/2024, 10:19 - Boutique Lila: Aussi.",
      "À demain",
    ];
    const { rows, rejected } = await read(`${chat.join("\n")}\n`);
    assert.deepEqual(
      rows.map(({ instruction, response }) => [instruction, response]),
      [
        ["C'est ouvert ?", "Oui, jusqu'à 19:30"],
        ["Et demain ?", "Aussi.\nÀ demain"],
      ],
    );
    assert.deepEqual(
      rejected.map(({ line, reason }) => [line, reason]),
      [[2, "an answer without a question"]],
    );
  });

  it("says what it did and sets aside what has no other side", async () => {
    const { report } = await read(
      "FAQ\nQ: a ?\nQ: b ?\nR: c\n\nQ: d ?\nR: e\nQ: f ?\nR: g\nQ: h ?\nR: i\nQ: j ?\nR: k\n",
    );
    assert.equal(report.format, "dialogue");
    assert.match(
      report.toString(),
      /5 rows, 0 repairs, 1 rejected.*1 blank line skipped\na dialogue written as text: each question with the answer below it; utf-8\ncolumns: instruction "question", response "answer"\nbefore the table: line 1\nrejected: line 2, a question without an answer: \[a \?\]/,
    );
    assert.deepEqual([report.counts.records, report.counts.rows, report.counts.rejected], [6, 5, 1]);
    assert.equal(report.rejected[0].raw.toString(), "a ?");
  });

  it("reads a long one piece by piece, and UTF-16", async () => {
    const text = Array.from(
      { length: 20_000 },
      (_, i) => `Q: où est la commande ${i} ?\nR: Elle arrive,\nbientôt.\n`,
    ).join("");
    const pieces = Buffer.from(text);
    const stream = Readable.from(
      (function* () {
        for (let at = 0; at < pieces.length; at += 7919) yield pieces.subarray(at, at + 7919);
      })(),
    );
    const { rows, rejected } = await loadCsv(stream);
    assert.equal(rows.length, 20_000);
    assert.equal(rejected.length, 0);
    assert.deepEqual(rows[19_999].line, 59_998);
    assert.equal(rows[19_999].response, "Elle arrive,\nbientôt.");
    const utf16 = await loadCsv(Buffer.from("\ufeffQ: à ?\r\nR: ça\r\n", "utf16le"));
    assert.deepEqual(utf16.rows[0].response, "ça");
  });

  it("mends NULs and text decoded twice, and says so; strict allows neither", async () => {
    const text = "Question : oÃ¹ est l'entrÃ©e ?\nRÃ©ponse : Ã\u00a0 gauche\0, aprÃ¨s l'escalier.\n";
    const { rows, repairs } = await read(text);
    assert.deepEqual(rows[0].response, "à gauche, après l'escalier.");
    assert.deepEqual(
      repairs.map(({ line, kind }) => [line, kind]),
      [
        [1, "encoding"],
        [2, "nul"],
        [2, "encoding"],
      ],
    );
    await assert.rejects(
      read(text, { strict: true }),
      /^Error: \(buffer\): line 1, encoding: .*strict allows no repair/,
    );
  });

  it("leaves tables, prose with colons and letters alone", async () => {
    const tables = [
      "question,réponse\nQ: où ?,R: là\nQ: quand ?,R: hier\n",
      "Instruction;Réponse\nUser: bonjour;Assistant: bonjour\nClient : prix ?;Vendeur : 5 €\n",
      "prompt\tcompletion\nQ: 1 ?\tA: 2\nQ: 2 ?\tA: 3\n",
      'question,answer\n"Q: a ?\nR: b","c"\n"Q: d ?\nR: e","f"\n',
      "Comment faire ?;Réponse : oui.\nEt après ?;Note : non.\nPourquoi ?;Client : x.\n",
    ];
    for (const text of tables) assert.equal((await read(text)).report.format, "csv", text);
    for (const prose of [
      "Note : le magasin ferme à 18 h.\nAttention : il pleut.\nRappel : apportez un parapluie.\n",
      "Madame,\nvoici ma question : où est mon colis ?\nEn attendant votre réponse : merci.\n",
      "Objet : commande\nDe : Paul\nA : Lia\nDate : lundi\nBonjour Lia, tout va bien.\n",
      "Client : Dupont\nAdresse : 3 rue du Port\nTotal : 30 €\n",
    ]) {
      const format = await read(prose).then(
        ({ report }) => report.format,
        () => "none",
      );
      assert.notEqual(format, "dialogue", prose);
    }
    // Whoever names a delimiter or columns has a table.
    const named = await pairs("Q: a;R: b\nQ: c;R: d\n", { delimiter: ";" });
    assert.deepEqual(named[0], [1, "Q: a", "R: b"]);
  });
});
