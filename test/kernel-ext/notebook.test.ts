/** Notebook files: parameters, outputs, and real runs through the command line. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { childOf, type Json } from "../../kernel-ext/messages.ts";
import {
  type Cell,
  type Notebook,
  notebookText,
  type Output,
  OutputCollector,
  readNotebook,
  sourceOf,
  withParameters,
} from "../../kernel-ext/notebook.ts";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";
import { ensureBuilt } from "./kernelProcess.ts";

const code = (source: string, tags?: string[]): Cell => ({
  cell_type: "code",
  source: [source],
  metadata: tags ? { tags } : {},
  outputs: [],
  execution_count: null,
});
const notebook = (...cells: Cell[]): Notebook => ({ cells, metadata: {}, nbformat: 4, nbformat_minor: 4 });

describe("parameters of a notebook", () => {
  const values = new Map<string, unknown>([
    ["epochs", 2],
    ["name", "x"],
  ]);
  const sources = ({ cells }: Notebook) => cells.map(sourceOf);

  it("go after the tagged cell, replace those of an earlier run, and come first without a tag", () => {
    const once = withParameters(notebook(code("a"), code("epochs = 1", ["parameters"]), code("b")), values);
    const injected = 'var epochs = 2;\nvar name = "x";';
    assert.deepEqual(sources(once), ["a", "epochs = 1", injected, "b"]);
    assert.deepEqual(sources(withParameters(once, new Map([["epochs", 3]]))), [
      "a",
      "epochs = 1",
      "var epochs = 3;",
      "b",
    ]);
    assert.deepEqual(sources(withParameters(notebook(code("a")), values)), [injected, "a"]);
    assert.deepEqual(sources(withParameters(once, new Map())), ["a", "epochs = 1", "b"]);
  });
});

describe("outputs of a cell", () => {
  const say = (type: string, content: Json) => childOf(undefined, type, "s", content);
  const gather = (...messages: [string, Json][]) => {
    const [collector, outputs]: [OutputCollector, Output[]] = [new OutputCollector(), []];
    for (const [type, content] of messages) collector.add(outputs, say(type, content));
    return outputs;
  };
  const shown = (text: string, id?: string): Json => ({
    data: { "text/plain": text },
    metadata: {},
    transient: id ? { display_id: id } : {},
  });

  it("join what one stream prints, line by line", () => {
    assert.deepEqual(
      gather(
        ["stream", { name: "stdout", text: "a\nb" }],
        ["stream", { name: "stdout", text: "c\n" }],
        ["stream", { name: "stderr", text: "d" }],
      ),
      [
        { output_type: "stream", name: "stdout", text: ["a\n", "bc\n"] },
        { output_type: "stream", name: "stderr", text: ["d"] },
      ],
    );
  });

  it("keep of a progress bar the line that was left, in whatever pieces it came", () => {
    const bar = ["start\n\r  0 %", "\r 50 %", "\r", "100 %\r\r", "done\nend\r\n"];
    const outputs = gather(...bar.map((text): [string, Json] => ["stream", { name: "stdout", text }]));
    // As on a terminal: a shorter text leaves the end of a longer one.
    assert.deepEqual(outputs[0].text, ["start\n", "done%\n", "end\r\n"]);
  });

  it("hold the last state of a display that is updated", () => {
    const outputs = gather(
      ["display_data", shown("0 %", "bar")],
      ["stream", { name: "stdout", text: "x" }],
      ["update_display_data", shown("100 %", "bar")],
    );
    assert.deepEqual(outputs[0].data, { "text/plain": ["100 %"] });
    assert.equal(outputs.length, 2);
  });

  it("lose a display that was taken back", () => {
    const outputs = gather(
      ["display_data", shown("draft", "one")],
      ["stream", { name: "stdout", text: "x" }],
      ["update_display_data", shown("", "one")],
    );
    assert.deepEqual(
      OutputCollector.kept(outputs).map(({ output_type }) => output_type),
      ["stream"],
    );
  });

  it("are emptied by clear_output, at once or with the next output", () => {
    const first: [string, Json] = ["stream", { name: "stdout", text: "old" }];
    assert.equal(gather(first, ["clear_output", { wait: false }]).length, 0);
    assert.equal(gather(first, ["clear_output", { wait: true }]).length, 1);
    assert.deepEqual(
      gather(first, ["clear_output", { wait: true }], ["stream", { name: "stdout", text: "new" }]),
      [{ output_type: "stream", name: "stdout", text: ["new"] }],
    );
  });
});

describe("mistral-lab notebook run", function () {
  this.timeout(120_000);
  let folder: string;
  const run = (...words: string[]) =>
    spawnSync(process.execPath, [join(packageRoot(), "dist/sdk/cli/main.js"), "notebook", "run", ...words], {
      cwd: folder,
      encoding: "utf8",
    });
  const write = (name: string, ...cells: Cell[]) =>
    writeFileSync(join(folder, name), notebookText(notebook(...cells)));
  const texts = (name: string) => readNotebook(join(folder, name)).cells.map(({ outputs }) => outputs);

  before(ensureBuilt);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mistral-lab-notebook-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("writes outputs, gives parameters, and works in the notebook's folder", () => {
    write(
      "good.ipynb",
      code("const epochs = 1", ["parameters"]),
      code('import { readdirSync } from "node:fs";\nconsole.log(readdirSync(".").join());\nepochs * 10'),
    );
    const before = readFileSync(join(folder, "good.ipynb"), "utf8");
    const { status, stdout, stderr } = run("good.ipynb", "--out", "results", "--param", "epochs=4");
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^ok good\.ipynb: 3 cells, /);
    assert.deepEqual(texts("results/good.ipynb").at(-1), [
      { output_type: "stream", name: "stdout", text: ["good.ipynb\n"] },
      { output_type: "execute_result", execution_count: 3, data: { "text/plain": ["40"] }, metadata: {} },
    ]);
    assert.equal(readFileSync(join(folder, "good.ipynb"), "utf8"), before);
  });

  it("stops at the first error with exit code 1 and its traceback, and keeps what was there", () => {
    write("bad.ipynb", code("1"), code('throw new Error("broken")'), code("3"));
    write("next.ipynb", code("1"));
    const { status, stdout, stderr } = run("bad.ipynb", "next.ipynb");
    assert.equal(status, 1);
    assert.match(stdout, /^failed bad\.ipynb: cell 2 of 3, /);
    assert.match(stderr, /^Error: broken[\s\S]*at In\[2\]:1:7/);
    assert.equal(stripVTControlCharacters(stderr), stderr, "no colours in a pipe");
    const [first, second, third] = texts("bad.ipynb");
    assert.equal(first!.length, 1);
    assert.equal(second![0].ename, "Error");
    assert.deepEqual(third, []);
    assert.deepEqual(texts("next.ipynb"), [[]]);
  });

  it("ends a cell that takes longer than --timeout", () => {
    write("slow.ipynb", code("while (true) {}"));
    const { status, stderr } = run("slow.ipynb", "--timeout", "1");
    assert.equal(status, 1);
    assert.match(stderr, /The cell took longer than 1 s \(--timeout\)\./);
  });

  it("asks nobody: a prompt is an error", () => {
    write("asks.ipynb", code('await prompt("Name? ")'));
    assert.match(run("asks.ipynb").stderr, /This front end allows no input/);
  });

  it("says what it cannot read, and which flags are wrong", () => {
    writeFileSync(join(folder, "old.ipynb"), '{"nbformat": 3}');
    const old = run("old.ipynb");
    assert.equal(old.status, 1);
    assert.match(
      old.stderr,
      /old\.ipynb is no notebook of format 4 \(nbformat is 3\): open it in Jupyter and save it again/,
    );
    assert.match(run("none.ipynb").stderr, /Cannot read the notebook none\.ipynb: ENOENT/);
    for (const [flag, value, text] of [
      ["--timeout", "soon", "expected seconds, more than 0"],
      ["--param", "epochs", "expected name=value, such as epochs=2"],
    ]) {
      const wrong = run("old.ipynb", flag, value);
      assert.equal(wrong.status, 2);
      assert.ok(wrong.stderr.includes(text), wrong.stderr);
    }
  });
});
