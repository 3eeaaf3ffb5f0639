import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectExit, jsonLines } from "./support.ts";

const messy =
  '\ufeffExport;\r\n\r\nquestion;réponse\r\nOù ?;Ici ; là.\r\n;rien\r\nQuand ?;"Demain\r\nQui ?;Luc\r\n';

describe("mistral-lab repair", () => {
  let dir: string;
  const read = (...path: string[]) => readFileSync(join(dir, ...path), "utf8");
  const run = (code: number, ...args: string[]) => expectExit(code, ["repair", ...args], { cwd: dir });
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "repair-"));
    writeFileSync(join(dir, "in.csv"), messy);
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it("writes rows as JSON lines, what it set aside, and says what it did", async () => {
    const { stdout } = await run(0, "in.csv", "--out", "out.jsonl");
    assert.equal(
      read("out.jsonl"),
      '{"instruction":"Où ?","response":"Ici ; là."}\n{"instruction":"Quand ?","response":"Demain"}\n{"instruction":"Qui ?","response":"Luc"}\n',
    );
    assert.equal(read("out.jsonl.rejected"), ";rien\n");
    assert.match(stdout, /^Read {6}in\.csv: 3 rows, 2 repairs, 1 rejected, 0 duplicates kept/m);
    assert.match(stdout, /^ {10}repaired: line 6, column "réponse", unclosed quote: /m);
    assert.match(stdout, /^ {10}rejected: line 5, "question" is empty: \[.*\]$/m);
  });

  it("writes CSV by the ending of --out, and the report as JSON", async () => {
    const ended = await run(0, "in.csv", "--out", "out.csv", "--json");
    assert.equal(read("out.csv"), 'instruction,response\nOù ?,"Ici ; là."\nQuand ?,Demain\nQui ?,Luc\n');
    const [report, ...more] = jsonLines(ended);
    assert.equal(more.length, 0);
    const { type, dialect, counts, rejected, rejectedFile } = report as unknown as {
      type: string;
      dialect: { delimiter: string; encoding: string };
      counts: { records: number; rows: number; rejected: number; preambleLines: number };
      rejected: unknown;
      rejectedFile: string;
    };
    assert.deepEqual(
      [
        type,
        dialect.delimiter,
        dialect.encoding,
        counts.records,
        counts.rows,
        counts.rejected,
        counts.preambleLines,
      ],
      ["report", ";", "utf-8", 4, 3, 1, 2],
    );
    assert.deepEqual(rejected, [
      { line: 5, reason: '"question" is empty', text: ";rien", raw: Buffer.from(";rien").toString("base64") },
    ]);
    assert.equal(rejectedFile, "out.csv.rejected");
  });

  it("writes the whole table as read with --grid", async () => {
    writeFileSync(join(dir, "grid.csv"), 'a|b|c\n1|"x|y"|"q"\n2||z\n');
    const { stdout } = await run(0, "grid.csv", "--out", "out.csv", "--grid");
    assert.match(stdout, /^ *columns: a, b, c$/m);
    assert.equal(read("out.csv"), 'a,b,c\n1,"x|y",q\n2,"",z\n');
    assert.ok(!existsSync(join(dir, "out.csv.rejected")));
    writeFileSync(join(dir, "empty.csv"), "");
    await run(0, "empty.csv", "--out", "empty.out.csv", "--grid");
    assert.equal(read("empty.out.csv"), "");
  });

  it("takes several inputs and folders; one that fails does not stop the others", async () => {
    mkdirSync(join(dir, "in"));
    writeFileSync(join(dir, "in", "a.csv"), "question,réponse\nq,a\n");
    writeFileSync(join(dir, "in", "b.json"), '[{"prompt": "p", "completion": "c"}]');
    writeFileSync(join(dir, "in", "bad.csv"), "id,titre\n1,x\n");
    const { stdout, stderr } = await run(0, "in", "--out", "out");
    assert.deepEqual(readdirSync(join(dir, "out")).sort(), ["a.jsonl", "b.jsonl"]);
    assert.match(stderr, /in\/bad\.csv: expected columns/);
    assert.match(stdout, /^2 of 3 inputs read$/m);
    await run(0, "in/a.csv", "in.csv", "--out", "csvs", "--csv");
    assert.deepEqual(readdirSync(join(dir, "csvs")).sort(), ["a.csv", "in.csv", "in.csv.rejected"]);
  });

  it("exits with 1 where nothing could be read, and leaves nothing behind", async () => {
    writeFileSync(join(dir, "bad.csv"), "id,titre\n1,x\n");
    const { stderr } = await run(1, "bad.csv", "--out", "out.jsonl");
    assert.match(stderr, /^error: bad\.csv: expected columns/m);
    await run(1, "none.csv", "also-none.csv", "--out", "out");
    await run(1, "in.csv", "--out", "out.jsonl", "--strict");
    assert.deepEqual(readdirSync(dir).sort(), ["bad.csv", "in.csv"]);
  });

  it("keeps all rows but equal ones with --drop-duplicates, and takes names of columns", async () => {
    writeFileSync(join(dir, "twice.csv"), "frage,antwort\nq,a\nr,b\nq,a\n");
    await run(
      0,
      "twice.csv",
      "--out",
      "out.jsonl",
      "--instruction",
      "frage",
      "--response",
      "antwort",
      "--drop-duplicates",
    );
    assert.equal(
      read("out.jsonl"),
      '{"instruction":"q","response":"a"}\n{"instruction":"r","response":"b"}\n',
    );
  });

  it("refuses to write over its input, and two outputs of one name", async () => {
    await run(2, "in.csv", "--out", "in.csv");
    assert.equal(read("in.csv"), messy);
    mkdirSync(join(dir, "x"));
    writeFileSync(join(dir, "x", "in.csv"), messy);
    await run(2, "in.csv", "x/in.csv", "--out", "out");
  });
});
