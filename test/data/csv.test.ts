import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Papa from "papaparse";
import { type CsvOptions, loadCsv } from "../../sdk/data/csv.ts";
import { Random } from "../../sdk/data/random.ts";
import { DISPLAY } from "../../sdk/views/bundle.ts";

const dataFile = (name: string) => fileURLToPath(new URL(`../../data/${name}`, import.meta.url));
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

  it("says in words and in a notebook what it left out and which columns it took", async () => {
    const table = await load("FAQ\n2024\n\nquestion,answer\na,b\n# later\nc,\n\nprice,stock,shop\n1,2,x\n");
    const text = String(table.report);
    for (const line of [
      "(buffer): 1 row, 0 repairs, 1 rejected, 0 duplicates kept, 1 blank line skipped",
      "before the table: lines 1 to 3",
      "comments, not read: 1 line",
      "other table, not read: line 9, 1 record, columns price, stock, shop",
      'rejected: line 7, "answer" is empty: [c,]',
    ])
      assert.ok(text.split("\n").includes(line), `${line} in ${text}`);
    const html = String(table[DISPLAY]()["text/html"])
      .replace(/<[^>]+>/g, " ")
      .replace(/\s+/g, " ");
    for (const fact of [
      "instruction from question",
      "response from answer",
      "lines before the table 3",
      "comments, not read 1",
      "Rejected (1) line 7 &quot;answer&quot; is empty c,",
      "Other tables in the file, not read (1) line 9 1 record: price, stock, shop",
    ])
      assert.ok(html.includes(fact), `${fact} in ${html}`);
  });

  it("says that nothing stands below a header", async () => {
    const table = await load("question,answer\n");
    assert.match(String(table.report), /^no rows: nothing stands below the header$/m);
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

  it("reports no repair for a row that it then rejects", async () => {
    const table = await load("instruction,response,expected\nq\n");
    assert.deepEqual([table.repairs.length, table.rejected.length], [0, 1]);
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

  it("keeps duplicates and reports them", async () => {
    const table = await load("question,answer\nq,a\nq,b\n q , a\nq,a\n");
    assert.equal(table.rows.length, 4);
    assert.deepEqual(table.duplicates, [
      { line: 4, firstLine: 2 },
      { line: 5, firstLine: 2 },
    ]);
    assert.match(String(table.report), /^duplicate: line 4 of line 2$/m);
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

  it("shows control characters in its report instead of sending them", async () => {
    const table = await load("question,\x1b[2Janswer,\x07\nq,a,1\nr,,2\n", {
      columns: { response: "\x1b[2Janswer" },
    });
    assert.deepEqual(table.columns, ["question", "\x1b[2Janswer", "\x07"]);
    assert.match(
      String(table.report),
      /^other columns, in fields: \\x07\nrejected: line 3, "\\x1b\[2Janswer" is empty: \[r,,2\]$/m,
    );
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

describe("loadCsv on the bundled files", () => {
  it("mends and reports ecommerce.fr.csv as its notes say", async () => {
    const table = await loadCsv(dataFile("ecommerce.fr.csv"));
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
        `${dataFile("ecommerce.fr.csv")}: 695 rows, 8 repairs, 5 rejected, 2 duplicates kept, 2 blank lines skipped`,
      ),
    );
  });

  for (const [name, rows] of [
    ["ecommerce.fr.test.csv", 120],
    ["support.en.csv", 200],
    ["support.en.test.csv", 25],
  ] as const) {
    it(`reads all of ${name}`, async () => {
      const table = await loadCsv(dataFile(name));
      assert.equal(table.rows.length, rows);
      assert.equal(
        table.repairs.length + table.rejected.length + table.duplicates.length + table.blankLines,
        0,
      );
      if (name.includes("test")) assert.ok(table.rows.every(({ fields }) => fields.expected !== ""));
    });
  }
});

describe("loadCsv errors", () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "csv-"));
  });
  after(() => rm(dir, { recursive: true }));

  it("names a missing file", async () => {
    const path = join(dir, "none.csv");
    await assert.rejects(loadCsv(path), {
      message: `${path}: the file is missing. Give the path of a CSV file; it is relative to ${process.cwd()}.`,
    });
  });

  it("names what cannot be read", async () => {
    const path = join(dir, "folder.csv");
    await mkdir(path);
    await assert.rejects(loadCsv(path), {
      message: `${path}: expected a file, got a folder. Give one of its files, or repair them all: mistral-lab repair FOLDER --out FOLDER.`,
    });
    const below = join(dir, "empty.csv", "x.csv");
    await writeFile(join(dir, "empty.csv"), "");
    await assert.rejects(loadCsv(below), (error: Error) => {
      assert.ok(error.message.startsWith(`${below}: the file cannot be read (ENOTDIR`), error.message);
      assert.ok(error.message.endsWith("Give the path of a CSV file that you may read."));
      return true;
    });
  });

  it("refuses a file that you may not read", async function () {
    // Nothing is forbidden to root.
    if (process.getuid?.() === 0) return this.skip();
    const path = join(dir, "forbidden.csv");
    await writeFile(path, "question,answer\na,b\n", { mode: 0 });
    await assert.rejects(loadCsv(path), (error: Error) => {
      assert.ok(error.message.startsWith(`${path}: the file cannot be read (EACCES`), error.message);
      return true;
    });
  });

  it("closes the source whose rows it does not want to read", async () => {
    const sources: [first: string, line: string, options?: CsvOptions][] = [
      ["PK\x03\x04", "x\n"],
      ["id,titre\n", "1,x\n"],
      ["", '{"a": 1}\n'],
      ["question,answer\n a,b\n", "a,b\n", { strict: true }],
      ["", "Q: \0a ?\nR: b\n", { strict: true }],
      ["speaker,text\n", "user,hi\nagent,\0hello\n", { strict: true }],
    ];
    for (const [first, line, options] of sources) {
      let isClosed = false;
      async function* source(): AsyncGenerator<string> {
        try {
          yield first;
          // More than is looked at before the source is understood.
          for (let i = 0; i < 9; i++) yield line.repeat(1e5 / line.length);
          assert.fail("read to its end");
        } finally {
          isClosed = true;
        }
      }
      await assert.rejects(loadCsv(source(), options), /^Error: \(stream\): /);
      assert.ok(isClosed, line);
    }
  });

  it("refuses a large file of NULs without reading it", async () => {
    const path = join(dir, "sparse.csv");
    await writeFile(path, "");
    await truncate(path, 5 * 2 ** 30);
    await assert.rejects(loadCsv(path), {
      message: `${path}: expected a header and rows, got NULs and white space only in the first 1048576 bytes. Copy or export it again: files that are cut off or not filled yet look so.`,
    });
  });

  it("refuses an empty file, and one of blank lines", async () => {
    const path = join(dir, "empty.csv");
    for (const text of ["", "\uFEFF", "\n \n"]) {
      await writeFile(path, text);
      await assert.rejects(loadCsv(path), {
        message: `${path}: expected a header and rows, got an empty file. Check the path or export it again.`,
      });
    }
  });

  it("lists the columns when the two are not there", async () => {
    await assert.rejects(load("id,titre\n1,x\n"), {
      message:
        "(buffer): expected columns for the instruction one of instruction, question, prompt, query, queries, demande, requete, consigne, interrogation, enonce, problem, utterance, user, utilisateur, human, humain, client, customer, message, input, entree, ask or the same in another language; " +
        "for the response one of response, reponse, answer, completion, reply, replies, assistant, solution, output, sortie, resultat, result, bot, agent, gpt, conseiller, chosen, target, rep or the same in another language; " +
        'got "id", "titre". Rename the header, or name them: loadCsv(path, { columns: { instruction: "…", response: "…" } }).',
    });
    await assert.rejects(
      load("question,réponse\nq,a\n", { columns: { instruction: "frage", response: "réponse" } }),
      {
        message:
          '(buffer): expected columns for the instruction "frage"; for the response "réponse"; got "question", "réponse". ' +
          'Rename the header, or name them: loadCsv(path, { columns: { instruction: "…", response: "…" } }).',
      },
    );
    await assert.rejects(load("question,answer\nq,a\n", { columns: { response: "question" } }), {
      message: /expected columns/,
    });
  });

  it("refuses a table with one side only, and one without sentences", async () => {
    const questions = ["Où est mon colis ?", "Quels sont vos horaires ?", "Livrez-vous le samedi ?"];
    const tables = {
      "one column": ["instruction", ...questions],
      "one column of single words": ["response", "Oui", "Non", "Peut-être"],
      "one column of two words each": ["question", "hello there", "how are"],
      "no answers beside the questions": [
        "instruction,category",
        ...questions.map((text) => `${text},livraison`),
      ],
      "no answers, a column of marks": ["instruction,autre", ...questions.map((text) => `${text},x`)],
      "no questions beside the answers": ["id,response", ...questions.map((text, i) => `${i},${text}`)],
      "lines of prose": questions,
      "words without a header": ["foo,bar", "hello,world", "bonjour,monde"],
    };
    for (const [name, lines] of Object.entries(tables)) {
      const got = lines[0].split(",").slice(0, 2);
      await assert.rejects(load(`${lines.join("\n")}\n`), ({ message }: Error) => {
        assert.ok(
          message.startsWith("(buffer): expected columns for the instruction"),
          `${name}: ${message}`,
        );
        if (name !== "lines of prose")
          assert.ok(
            message.includes(`; got ${got.map((column) => `"${column}"`).join(", ")}.`),
            `${name}: ${message}`,
          );
        return true;
      });
    }
  });

  it("takes the prose beside the one side that is named for the other", async () => {
    const pairs = [
      ["Où est mon colis ?", "Suivez-le dans votre espace client."],
      ["Livrez-vous le samedi ?", "Oui, de 9 h à midi."],
    ];
    const table = (header: string, turned = false) =>
      [header, ...pairs.map(([q, a], i) => `${i},${turned ? `"${a}","${q}"` : `"${q}","${a}"`},info`)].join(
        "\n",
      );
    for (const text of [
      table("n,instruction,texte,genre"),
      table("n,texte,response,genre"),
      table("n,response,texte,genre", true),
    ]) {
      const { rows } = await load(text);
      assert.deepEqual(
        rows.map(({ instruction, response }) => [instruction, response]),
        pairs,
        text,
      );
    }
  });

  it("names every wrong option, those inside columns too", async () => {
    // As JSON, because the compiler would refuse these.
    const wrong = JSON.parse('{"delimeter":";","delimiter":"","columns":{"instuction":"q","response":1}}');
    await assert.rejects(load("question,answer\nq,a\n", wrong), ({ message }: Error) => {
      assert.ok(message.startsWith("loadCsv: "), message);
      for (const part of [
        'unknown option "delimeter" (did you mean "delimiter"?); known: columns, delimiter, quote, escape, encoding, dropDuplicates, strict, inferTypes, maxCellLength, maxColumns',
        'option "delimiter": ',
        'unknown option "columns.instuction" (did you mean "columns.instruction"?); known: columns.instruction, columns.response',
        'option "columns.response": expected string, got 1',
      ]) {
        assert.ok(message.includes(part), `"${part}" in: ${message}`);
      }
      return true;
    });
  });

  it("goes no further than its limits, and says which", async () => {
    await assert.rejects(load("question,answer\nq,abcdef\n", { maxCellLength: 5 }), {
      message:
        "(buffer): line 2, column 2: expected a cell of at most maxCellLength = 5 characters, got 6. Raise maxCellLength, or look for a quote that is never closed.",
    });
    await assert.rejects(load("question,answer,c\nq,a,b\n", { maxColumns: 2 }), {
      message:
        "(buffer): line 1: expected at most maxColumns = 2 columns, got 3. Raise maxColumns, or give the delimiter.",
    });
  });

  it("makes the first repair an error where it is told to", async () => {
    await assert.rejects(load("question,answer\nq,a\nr,b, c\n", { strict: true }), {
      message:
        '(buffer): line 3, column "answer", unquoted delimiter: [r,b, c] → [b, c]. strict allows no repair: mend the file, or leave strict out.',
    });
    assert.equal((await load('question,answer\nq,"a, b"\n', { strict: true })).rows.length, 1);
  });
});
