/**
 * Runs every notebook with `mistral-lab notebook run`, as a reader would with "Run All", and looks for what a reader
 * should see. Not a part of `npm test`, because it trains; CI runs it with `npm run test:notebooks`.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
const committed = join(root, "notebooks");
const PLOT = ["text/html", "image/svg+xml", "application/vnd.plotly.v1+json", "text/plain"];

interface Output {
  output_type: string;
  data?: Record<string, string | string[] | object>;
  text?: string | string[];
  ename?: string;
}

interface Cell {
  cell_type: string;
  source: string | string[];
  execution_count?: number | null;
  outputs?: Output[];
}

/** A cell that holds the text shows something that fits; in all of these forms. */
interface Expected {
  cell: string;
  shows: RegExp;
  forms?: string[];
}

const EXPECTED: Record<string, Expected[]> = {
  "01-explore-data": [
    { cell: "const table = await loadCsv", shows: /ecommerce\.fr\.csv.*<td[^>]*>/s },
    { cell: "table.repairs.map", shows: /unquoted delimiter/ },
    { cell: "table.rejected.map", shows: /is empty/ },
    { cell: '"How often each answer', shows: /How often each answer/, forms: PLOT },
    { cell: "tabulate(rare)", shows: /Bonjour et bienvenue/ },
    { cell: "describe(table", shows: /whole example, tokens/ },
    { cell: '"Tokens of a question"', shows: /Tokens of a question/, forms: PLOT },
    { cell: '"Questions by category"', shows: /LIVRAISON/, forms: PLOT },
    { cell: "exact duplicate", shows: /line \d+ says what line \d+ says/ },
    { cell: "export97", shows: /Il part demain, à 9 h\./ },
    { cell: "showExample(train", shows: /<mark title="trained"/ },
  ],
  "02-quantize-and-lora": [
    { cell: "const base = await loadModel", shows: /<td[^>]*>embedding<\/td>/ },
    { cell: "const small = quantize", shows: /NF4, \d\.\d\d bits/ },
    { cell: "relativeError(layer", shows: /down_proj/, forms: PLOT },
    { cell: '"Memory of the weights"', shows: /bfloat16/, forms: PLOT },
    { cell: "const tuned = attachLora", shows: /LoRA r/ },
    { cell: "with its new adapter", shows: /equal, bit for bit/ },
    { cell: "lora!.a", shows: /<span>shape<\/span> <b>\[8, \d+\]/ },
  ],
  "03-fine-tune": [
    { cell: "overwrite: true", shows: /stopped<\/span>.*What it answers at step/s, forms: PLOT },
    { cell: "resume: true", shows: /finished<\/span>.*What it answered before/s, forms: PLOT },
    { cell: "chat.say", shows: /mlab-say/ },
    { cell: "history.evaluations.map", shows: /<th[^>]*>answer<\/th>/ },
  ],
  "04-evaluate": [
    { cell: "compareEvaluations(results)", shows: /expected fact.*mlab-best/s },
    { cell: '"Answers with the expected fact, by category"', shows: /LIVRAISON/, forms: PLOT },
    { cell: '"Loss of the reference answer', shows: /Loss of the reference/, forms: PLOT },
    { cell: "worstAnswers(results", shows: /✗/ },
  ],
  "05-chat-and-reasoning": [
    { cell: "Bonjour, quels sont les frais", shows: /<details><summary><b>Raisonnement/ },
    { cell: "la brouette Hirondelle ? Je", shows: /<mark title="produits : Hirondelle"/ },
    { cell: "reasoning.check(", shows: /✗/ },
    { cell: "<script>alert('bonjour')", shows: /&lt;script&gt;alert\(/ },
    { cell: '"Time of each stage"', shows: /categorise/, forms: PLOT },
    { cell: "support.en", shows: /Reasoning/ },
    { cell: ".interactive({", shows: /allows no input/ },
  ],
  "06-your-own-model": [
    { cell: "trained by LoRA, r = 8", shows: /0\.29 %/ },
    { cell: '"Memory of Mistral-7B', shows: /QLoRA/, forms: PLOT },
    { cell: "const base = await loadModel(modelDir)", shows: /<td[^>]*>embedding<\/td>/ },
    { cell: "train(model, dataset.train", shows: /finished<\/span>/, forms: PLOT },
    { cell: "compareEvaluations({", shows: /perplexity/ },
    { cell: "exportGguf(", shows: /GGUF, 8 bits.*MiB/s },
    { cell: "const merged = await loadModel", shows: /mlab-say/ },
  ],
};

function text(lines: unknown): string {
  return Array.isArray(lines) ? lines.join("") : String(lines ?? "");
}

function codeCells(path: string): Cell[] {
  const { cells } = JSON.parse(readFileSync(path, "utf8")) as { cells: Cell[] };
  return cells.filter((cell) => cell.cell_type === "code" && text(cell.source).trim() !== "");
}

function checkShown(cells: readonly Cell[], expected: readonly Expected[]): void {
  for (const { cell, shows, forms = [] } of expected) {
    const found = cells.find(({ source }) => text(source).includes(cell));
    assert.ok(found, `no cell holds ${cell}`);
    const outputs = found.outputs ?? [];
    const all = outputs.map(
      ({ data, text: stream }) =>
        `${Object.values(data ?? {})
          .map(text)
          .join("\n")}${text(stream)}`,
    );
    assert.match(all.join("\n"), shows, `what the cell with ${cell} shows`);
    if (forms.length === 0) continue;
    const mimes = outputs.map(({ data }) => Object.keys(data ?? {}));
    assert.ok(
      mimes.some((list) => forms.every((form) => list.includes(form))),
      `the cell with ${cell} shows ${JSON.stringify(mimes)}`,
    );
  }
}

describe("notebooks", () => {
  const home = join(root, "build", "notebooks");
  const names = readdirSync(committed)
    .filter((name) => name.endsWith(".ipynb"))
    .map((name) => name.replace(".ipynb", ""));

  before(() => {
    rmSync(home, { recursive: true, force: true });
    mkdirSync(home, { recursive: true });
    cpSync(committed, join(home, "notebooks"), {
      recursive: true,
      filter: (path) => !path.endsWith("/runs"),
    });
    symlinkSync(join(root, "data"), join(home, "data"));
  });

  it("are the six that the README lists, in this order", () => {
    assert.deepEqual(names, Object.keys(EXPECTED));
    const readme = readFileSync(join(committed, "README.md"), "utf8");
    const listed = [...readme.matchAll(/^\| \[([\w-]+)\]\(\1\.ipynb\)/gm)].map(([, name]) => name);
    assert.deepEqual(listed, names);
  });

  for (const [name, expected] of Object.entries(EXPECTED)) {
    it(`${name} is committed with the outputs of all its cells`, () => {
      const cells = codeCells(join(committed, `${name}.ipynb`));
      assert.deepEqual(
        cells.map(({ execution_count }) => execution_count),
        cells.map((_, i) => i + 1),
      );
      checkShown(cells, expected);
    });

    it(`${name} runs from top to bottom and shows what it should`, () => {
      const file = join(home, "notebooks", `${name}.ipynb`);
      const out = join(home, "out");
      const cli = join(root, "dist", "sdk", "cli", "main.js");
      const run = spawnSync(process.execPath, [cli, "notebook", "run", file, "--out", out], {
        encoding: "utf8",
      });
      assert.equal(run.status, 0, `${run.stdout}${run.stderr}`);
      const cells = codeCells(join(out, `${name}.ipynb`));
      for (const { outputs = [] } of cells)
        assert.ok(outputs.every(({ output_type }) => output_type !== "error"));
      checkShown(cells, expected);
      const source = codeCells(join(committed, `${name}.ipynb`));
      assert.deepEqual(
        cells.map((cell) => text(cell.source)),
        source.map((cell) => text(cell.source)),
      );
    });
  }
});
