import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CsvOptions, loadCsv } from "../../sdk/data/csv.ts";

const load = (text: string, options?: CsvOptions) => loadCsv(Buffer.from(text), options);

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
