import assert from "node:assert/strict";
import Papa from "papaparse";
import { type CsvOptions, loadCsv } from "../../sdk/data/csv.ts";
import { Random } from "../../sdk/data/random.ts";

const load = (text: string, options?: CsvOptions) => loadCsv(Buffer.from(text), options);
const short = ({ line, instruction, response }: { line: number; instruction: string; response: string }) => [
  line,
  instruction,
  response,
];

describe("loadCsv", () => {
  it("reads rows with their lines, columns and other fields", async () => {
    const table = await load("instruction,response,expected\nq1,a1,x|y\nq2,a2\n");
    assert.deepEqual(table.columns, ["instruction", "response", "expected"]);
    assert.deepEqual(table.rows, [
      { line: 2, instruction: "q1", response: "a1", fields: { expected: "x|y" } },
      { line: 3, instruction: "q2", response: "a2", fields: { expected: "" } },
    ]);
    assert.deepEqual(table.repairs, [
      { line: 3, column: "expected", kind: "ragged", before: "q2,a2", after: "" },
    ]);
    assert.deepEqual([table.rejected, table.duplicates, table.blankLines], [[], [], 0]);
    assert.equal(
      String(table.report),
      "(buffer): 2 rows, 1 repair, 0 rejected, 0 duplicates kept, 0 blank lines skipped\n" +
        'dialect: utf-8; delimiter comma; quote "; escape doubled; record end LF; confidence 0.85, runner-up pipe with quote "\n' +
        'columns: instruction "instruction", response "response"\n' +
        "other columns, in fields: expected\n" +
        'repaired: line 3, column "expected", ragged: [q2,a2] → []',
    );
  });

  it("counts lines inside quotes, whatever the line break", async () => {
    for (const newline of ["\n", "\r\n", "\r"]) {
      const text = ["question,answer", '"two', 'lines","a, ""quoted"""', "", "q2,a2", ",", "q3,"].join(
        newline,
      );
      const table = await load(text);
      assert.deepEqual(table.rows.map(short), [
        [2, "two\nlines", 'a, "quoted"'],
        [5, "q2", "a2"],
      ]);
      assert.equal(table.blankLines, 1);
      assert.deepEqual(table.rejected, [
        { line: 6, raw: Buffer.from(","), text: ",", reason: '"question" and "answer" is empty' },
        { line: 7, raw: Buffer.from("q3,"), text: "q3,", reason: '"answer" is empty' },
      ]);
    }
  });

  it("strips the byte order mark and the space around values", async () => {
    const table = await load("\uFEFF question , response\n  q  ,\ta \n");
    assert.deepEqual(table.columns, ["question", "response"]);
    assert.deepEqual(table.rows.map(short), [[2, "q", "a"]]);
  });

  for (const [name, delimiter] of [
    ["comma", ","],
    ["semicolon", ";"],
    ["tab", "\t"],
    ["pipe", "|"],
  ]) {
    it(`finds the delimiter ${name}`, async () => {
      const lines = [
        ["instruction", "response"],
        ["q1", "a1"],
        ["q2", "a2"],
      ];
      const table = await load(lines.map((fields) => fields.join(delimiter)).join("\n"));
      assert.equal(table.dialect.delimiter, delimiter);
      assert.deepEqual(table.rows.map(short), [
        [2, "q1", "a1"],
        [3, "q2", "a2"],
      ]);
    });
  }

  it("finds the delimiter that the header has, however many commas the texts hold", async () => {
    const table = await load("question;réponse\nUn, deux;trois, quatre\nA, b;c, d\n");
    assert.deepEqual(table.rows.map(short), [
      [2, "Un, deux", "trois, quatre"],
      [3, "A, b", "c, d"],
    ]);
  });

  it("takes a given delimiter", async () => {
    const table = await load("prompt::completion\nq::a, b\n", { delimiter: "::" });
    assert.deepEqual(table.rows.map(short), [[2, "q", "a, b"]]);
  });

  for (const header of [
    "instruction,response",
    "question,réponse",
    "Question,Reponse",
    "prompt,completion",
    "input,output",
    "demande,réponse",
    "user,assistant",
    "QUESTION , Answer",
    "utilisateur,assistant",
    "requête,sortie",
  ]) {
    it(`recognises ${header}, in both orders`, async () => {
      const [first, second] = header.split(",");
      assert.deepEqual((await load(`${header}\nq,a`)).rows.map(short), [[2, "q", "a"]]);
      assert.deepEqual((await load(`${second},${first}\na,q`)).rows.map(short), [[2, "q", "a"]]);
      assert.deepEqual((await load(`id,${header}\n1,q,a`)).rows.map(short), [[2, "q", "a"]]);
    });
  }

  it("takes the particular name where several fit, and reports the other column", async () => {
    const table = await load("instruction,context,output\nq,c,a");
    assert.deepEqual(table.rows, [{ line: 2, instruction: "q", response: "a", fields: { context: "c" } }]);
    assert.match(String(table.report), /^other columns, in fields: context$/m);
  });

  it("lets Alpaca's instruction go on with its input, as in JSON, and says so", async () => {
    const table = await load("input,instruction,output\n 1 and 2,Add,3\n,Name a tree,Oak\nWho?,,You\n");
    assert.deepEqual(table.rows.map(short), [
      [2, "Add\n\n1 and 2", "3"],
      [3, "Name a tree", "Oak"],
      [4, "Who?", "You"],
    ]);
    assert.deepEqual(table.rows[0].fields, {});
    assert.deepEqual(
      table.repairs.map(({ column, before, after }) => [column, before, after]),
      [["input", " 1 and 2", "1 and 2"]],
    );
    assert.match(
      String(table.report),
      /^columns: instruction "instruction" with "input" below it, response "output"$/m,
    );
    assert.doesNotMatch(String(table.report), /other columns/);
  });

  it("sets a header in other words aside, as another file copied in has it", async () => {
    const table = await load("question,answer\na,b\nprompt,completion\nc,d\n");
    assert.deepEqual(table.rows.map(short), [
      [2, "a", "b"],
      [4, "c", "d"],
    ]);
    assert.deepEqual(
      table.rejected.map(({ line, text, reason }) => [line, text, reason]),
      [[3, "prompt,completion", "it names the columns, as the header of another table does"]],
    );
  });

  it("adds lines to an answer without quotes up to a limit, and loses none", async () => {
    const line = "suite de la même phrase et encore";
    const table = await load(`question,answer\nq,a\n${`${line}\n`.repeat(5000)}`);
    const joined = table.rows[0].response.split("\n").length - 1;
    assert.ok(joined > 1000 && joined < 3000, String(joined));
    assert.equal(joined + table.rejected.length, 5000);
  });

  it("takes given column names", async () => {
    const table = await load("frage,question,antwort\nf,q,a", {
      columns: { instruction: "Frage", response: "antwort" },
    });
    assert.deepEqual(table.rows, [{ line: 2, instruction: "f", response: "a", fields: { question: "q" } }]);
    const half = await load("frage,réponse\nf,a", { columns: { instruction: "frage" } });
    assert.deepEqual(half.rows.map(short), [[2, "f", "a"]]);
  });

  it("keeps nameless and repeated columns apart", async () => {
    const table = await load("question,réponse,tag,tag,\nq,a,1,2,3");
    assert.deepEqual(table.rows[0].fields, { tag: "1", "tag (column 4)": "2", "column 5": "3" });
  });

  it("joins the surplus of unquoted delimiters into the last column", async () => {
    const table = await load('instruction,response\nq,"a, b"\nq2,a, b,c\n');
    assert.deepEqual(table.rows.map(short), [
      [2, "q", "a, b"],
      [3, "q2", "a, b,c"],
    ]);
    assert.deepEqual(table.repairs, [
      { line: 3, column: "response", kind: "unquoted delimiter", before: "q2,a, b,c", after: "a, b,c" },
    ]);
    assert.match(
      String(table.report),
      /^repaired: line 3, column "response", unquoted delimiter: \[q2,a, b,c\] → \[a, b,c\]$/m,
    );
  });

  it("joins a surplus where a blank tells text from separators", async () => {
    const three = await load("instruction,response,expected\nq,a, b,x\nq,a,x\n");
    assert.deepEqual(three.rows.map(short), [
      [2, "q", "a, b"],
      [3, "q", "a"],
    ]);
    const last = await load("id,instruction,response\n1,q,a, b\n");
    assert.deepEqual(last.rows.map(short), [[2, "q", "a, b"]]);
    const turned = await load("response,instruction\na, b,q\n");
    assert.deepEqual(turned.rows.map(short), [[2, "q", "a, b"]]);
  });

  it("reads the first of several tables and reports the others by their headers", async () => {
    const first = "Question,Réponse\nQuel délai ?,Trois jours.\nQuel transporteur ?,La Poste.\n\n";
    const second = "Nos agences\nAgence,Ville,Téléphone\nNord,Lille,0320000000\nSud,Nice,0493000000\n\n";
    const table = await load(`${first}${second}Mois,Tickets\njanvier,120\n`);
    assert.deepEqual(table.rows.map(short), [
      [2, "Quel délai ?", "Trois jours."],
      [3, "Quel transporteur ?", "La Poste."],
    ]);
    assert.deepEqual(table.otherTables, [
      { line: 6, columns: ["Agence", "Ville", "Téléphone"], records: 2 },
      { line: 10, columns: ["Mois", "Tickets"], records: 1 },
    ]);
    assert.deepEqual([table.repairs, table.rejected], [[], []]);
  });

  it("sets a remark below the table aside", async () => {
    const rows = 'question,answer\nWho wrote it?,We did.\nMay I copy it?,"Yes, with our name."\n';
    const table = await load(`${rows}\nSource: intranet, exported by J. Doe\n`);
    assert.equal(table.rows.length, 2);
    assert.deepEqual(
      table.rejected.map(({ line, text, reason }) => [line, text, reason]),
      [[5, "Source: intranet, exported by J. Doe", "a remark below the table"]],
    );
  });

  it("ends a quote that is never closed with its cell", async () => {
    const table = await load('question,answer\nq1,a1\n"open,a2\nq3,"a\n3"\nq4,"a4\n');
    assert.deepEqual(table.rows.map(short), [
      [2, "q1", "a1"],
      [3, "open", "a2"],
      [4, "q3", "a\n3"],
      [6, "q4", "a4"],
    ]);
    assert.deepEqual(table.repairs, [
      { line: 3, column: "question", kind: "unclosed quote", before: '"open,a2', after: "open" },
      { line: 6, column: "answer", kind: "unclosed quote", before: 'q4,"a4', after: "a4" },
    ]);
  });

  it("puts every record into rows, rejected or the count of blank lines, and gives written texts back", async () => {
    const random = new Random(4);
    const parts = ["a", "é", ",", '"', "\n", ";", " ", "|", "😀", "b c"];
    const word = () => Array.from({ length: random.int(6) }, () => parts[random.int(parts.length)]).join("");
    for (let trial = 0; trial < 100; trial++) {
      const records = Array.from({ length: 1 + random.int(20) }, () => [word(), word(), word()]);
      const header = ["question", "answer", "extra"];
      const written = [header, ...records].map((record) => Papa.unparse([record], { newline: "\n" }));
      const table = await load(written.join("\n"));
      assert.equal(table.rows.length + table.rejected.length + table.blankLines, records.length);
      let line = 1;
      const expected = [];
      for (const [i, record] of records.entries()) {
        line += written[i].split("\n").length;
        const [instruction, response, extra] = record;
        if (instruction.trim() && response.trim())
          expected.push({ line, instruction, response, fields: { extra: extra.trim() } });
      }
      assert.deepEqual(table.rows, expected);
    }
  });

  it("makes a DataFrame of the rows", async () => {
    const table = await load("question,answer,line\nq,a,7\nr,b,8\n");
    assert.deepEqual(table.frame.columns, ["line", "instruction", "response", "line_"]);
    assert.deepEqual(table.frame.values, [
      [2, "q", "a", "7"],
      [3, "r", "b", "8"],
    ]);
    assert.equal(table.frame, table.frame);
  });
});
