import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectExit, jsonLines } from "./support.ts";

describe("mistral-lab reason and domain", () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), "mistral-lab-domain-"));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  it("answers each JSON line with one, in order; a line that is none says so and fails at the end", async () => {
    const input =
      '{"id":1,"query":"ou est mon colis"}\n\nnot json\n{"id":2,"query":"bonjour","history":[]}\n';
    const ended = await expectExit(1, ["reason"], { input });
    const [first, wrong, second] = jsonLines(ended) as unknown as Record<string, unknown>[];
    assert.deepEqual(
      [first.id, first.category, second.id, second.category],
      [1, "LIVRAISON", 2, "SALUTATION"],
    );
    assert.equal(wrong.line, 3);
    assert.match(String(wrong.error), /is not valid JSON/);
    assert.match(ended.stderr, /^error: 1 line of 4 could not be read; each has its reason in "error"\.\n$/);
  });

  it("begins a domain, checks it, and reasons with it", async () => {
    const file = join(dir, "ma-clinique.json");
    const begun = await expectExit(0, ["domain", "new", "Ma Clinique"], { cwd: dir });
    assert.match(begun.stdout, /^Domain {4}Ma Clinique, in ma-clinique\.json\n/);
    assert.equal(JSON.parse(readFileSync(file, "utf8")).name, "Ma Clinique");
    assert.equal(existsSync(`${file}.part`), false);
    writeFileSync(
      join(dir, "questions.csv"),
      "instruction,response\nQuels sont vos horaires ?,Du lundi au vendredi.\n",
    );
    const [again, checked, reasoned] = await Promise.all([
      expectExit(2, ["domain", "new", "Ma Clinique"], { cwd: dir }),
      expectExit(0, ["domain", "check", "ma-clinique.json", "--data", "questions.csv", "--json"], {
        cwd: dir,
      }),
      expectExit(0, ["reason", "--domain", file], {
        cwd: dir,
        input: '{"query":"vous etes ouvert samedi"}\n',
      }),
    ]);
    assert.match(again.stderr, /ma-clinique\.json is there already; choose another name or --output\./);
    const [report] = jsonLines(checked) as unknown as { coverage: { questions: number } }[];
    assert.equal(report.coverage.questions, 1);
    assert.equal((jsonLines(reasoned)[0] as unknown as { category: string }).category, "HORAIRES");
  });

  it("fails where a word is claimed twice, and where the file does not fit the schema", async () => {
    const file = join(dir, "twice.json");
    await expectExit(0, ["domain", "new", "Club", "--output", file], { cwd: dir });
    const domain = JSON.parse(readFileSync(file, "utf8"));
    domain.categories[1].keywords.push("horaires");
    writeFileSync(file, JSON.stringify(domain));
    const twice = await expectExit(1, ["domain", "check", file]);
    assert.match(twice.stdout, /^Twice {5}horaires: HORAIRES, RENDEZ_VOUS$/m);
    assert.match(twice.stderr, /1 keyword claimed by two categories: keep each in one\./);
    domain.categories[0].exemples = [];
    writeFileSync(file, JSON.stringify(domain));
    const unfit = await expectExit(1, ["domain", "check", file]);
    assert.match(unfit.stderr, /categories\[0\]\.exemples: expected one of .*did you mean "examples"\?/);
  });
});
