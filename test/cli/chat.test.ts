import assert from "node:assert/strict";
import { realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { expectExit, jsonLines, makeWorkplace, removeWorkplace, type Workplace } from "./support.ts";

describe("mistral-lab chat and evaluate", () => {
  let place: Workplace;
  before(async () => {
    place = await makeWorkplace();
    await expectExit(0, ["finetune", "data.csv", "--model", "model", "--epochs", "3"], { cwd: place.dir });
  });
  after(() => removeWorkplace(place));

  const short = ["--max-new-tokens", "8"];

  it("answers one question, with its reasoning where that is asked for", async () => {
    const [bare, debug] = await Promise.all([
      expectExit(0, ["chat", "--once", "Où est mon colis ?", ...short], { cwd: place.dir }),
      expectExit(0, ["chat", "--once", "Où est mon colis ?", "--debug", ...short], { cwd: place.dir }),
    ]);
    assert.doesNotMatch(bare.stdout, /LIVRAISON/);
    assert.match(debug.stdout, /LIVRAISON \d+ %/);
    assert.ok(debug.stdout.startsWith(bare.stdout));
    // data.csv is of no domain that ships.
    assert.match(
      bare.stderr,
      /No domain ships for data\.csv, which the model was tuned on: the reasoning knows the shop of ecommerce\.fr\. Name yours with --domain, or leave the reasoning out with --no-reasoning\./,
    );
    const alone = ["chat", "--once", "Où est mon colis ?", "--no-reasoning", ...short];
    assert.equal((await expectExit(0, alone, { cwd: place.dir })).stderr.includes("No domain"), false);
    const both = await expectExit(2, [...alone, "--debug"], { cwd: place.dir });
    assert.match(
      both.stderr,
      /chat: --debug shows the reasoning, and --no-reasoning leaves it out; give one of them\./,
    );
  });

  it("lays several adapters over one base, by name", async () => {
    const run = (args: string[]) =>
      expectExit(0, ["chat", ...args, ...short], { cwd: place.dir, input: "adapter\nadapter b\nBonjour\n" });
    const [named, over] = await Promise.all([
      run(["--adapter", "a=mistral-finetuned", "--adapter", "b=mistral-finetuned"]),
      run(["mistral-finetuned", "--adapter", "b=mistral-finetuned"]),
    ]);
    assert.match(named.stdout, /^Adaptateurs : \[a\], b\.\nAdaptateur : b\.\n\S/);
    assert.match(over.stdout, /^Adaptateurs : \[mistral-finetuned\], b\.\nAdaptateur : b\.\n\S/);
    // A base is no adapter: the first one answers.
    const bare = await run(["model", "--adapter", "a=mistral-finetuned", "--adapter", "b=mistral-finetuned"]);
    assert.match(bare.stdout, /^Adaptateurs : \[a\], b\.\nAdaptateur : b\.\n\S/);
    const once = await expectExit(
      0,
      ["chat", "model", "--adapter", "a=mistral-finetuned", "--once", "x", ...short],
      {
        cwd: place.dir,
      },
    );
    assert.notEqual(once.stdout, "");
    const note =
      /^note: adapter "a": it was trained on the base in 4 bits \(NF4\), and here the base is as it is stored: answers may differ a little$/m;
    assert.match(once.stderr, note);
    assert.doesNotMatch(named.stderr + over.stderr, /^note: adapter/m);
    for (const [code, value, message] of [
      [2, "mistral-finetuned", /Expected a name without blanks, =, and a folder: shop=runs\/shop\./],
      [1, "a=nowhere", /nowhere/],
    ] as const) {
      const { stderr } = await expectExit(code, ["chat", "--adapter", value], { cwd: place.dir });
      assert.match(stderr, message);
    }
    const twice = ["--adapter", "a=model", "--adapter", "a=model"];
    assert.match(
      (await expectExit(2, ["chat", ...twice], { cwd: place.dir })).stderr,
      /The name a is given twice\./,
    );
  });

  it("answers as JSON, with the trace as a value", async () => {
    const ended = await expectExit(
      0,
      ["chat", "mistral-finetuned", "--once", "Où est mon colis ?", "--json", ...short],
      {
        cwd: place.dir,
      },
    );
    const [answer, ...more] = jsonLines(ended);
    assert.deepEqual(more, []);
    assert.equal(answer.type, "answer");
    assert.equal(answer.question, "Où est mon colis ?");
    assert.equal(typeof answer.answer, "string");
    const { entries } = answer.trace as { entries: { stage: string }[] };
    assert.deepEqual(
      entries.map(({ stage }) => stage),
      ["categorise", "context", "entities", "approach", "consistency"],
    );
  });

  it("is a filter between pipes: an answer for each line, in text or JSON", async () => {
    const input = "Bonjour\n\nOù est mon colis ?\n";
    const [json, text, alone] = await Promise.all([
      expectExit(0, ["chat", "--json", ...short], { cwd: place.dir, input }),
      expectExit(0, ["chat", ...short], { cwd: place.dir, input: "Bonjour\nquitter\nOù est mon colis ?\n" }),
      expectExit(0, ["chat", "--json", "--no-reasoning", ...short], { cwd: place.dir, input }),
    ]);
    assert.deepEqual(
      jsonLines(json).map(({ question }) => question),
      ["Bonjour", "Où est mon colis ?"],
    );
    assert.equal(stripVTControlCharacters(text.stdout), text.stdout);
    assert.doesNotMatch(text.stdout, /Vous >/);
    assert.deepEqual(
      jsonLines(alone).map(({ trace }) => trace),
      [undefined, undefined],
    );
  });

  it("goes on after a question that cannot be answered, and its exit code tells of it", async () => {
    const input = `${"Où est mon colis ? ".repeat(1000)}\nBonjour\n`;
    const [text, json] = await Promise.all([
      expectExit(1, ["chat", ...short], { cwd: place.dir, input }),
      expectExit(1, ["chat", "--json", ...short], { cwd: place.dir, input }),
    ]);
    assert.match(text.stderr, /Erreur : .*\d+ tokens/);
    assert.doesNotMatch(text.stdout, /Erreur/);
    assert.notEqual(text.stdout.trim(), "");
    assert.deepEqual(
      jsonLines(json).map(({ type }) => type),
      ["error", "answer"],
    );
  });

  it("obeys commands in JSON as in text, adapters too", async () => {
    const input = "aide\nadapter b\nBonjour\neffacer\nquitter\nBonjour\n";
    const adapters = ["--adapter", "a=mistral-finetuned", "--adapter", "b=mistral-finetuned"];
    const ended = await expectExit(0, ["chat", "--json", ...adapters, ...short], { cwd: place.dir, input });
    assert.deepEqual(
      jsonLines(ended).map(({ type, command, question }) => [type, command ?? question]),
      [
        ["command", "help"],
        ["command", "adapter"],
        ["answer", "Bonjour"],
        ["command", "clear"],
      ],
    );
  });

  it("refuses a domain and a folder that are not there", async () => {
    const [domain, folder, untrained] = await Promise.all([
      expectExit(1, ["chat", "--domain", "ecomerce.fr", "--once", "?"], { cwd: place.dir }),
      expectExit(1, ["chat", "./gone", "--once", "?"], { cwd: place.dir }),
      expectExit(1, ["chat"], { cwd: place.model }),
    ]);
    assert.match(domain.stderr, /^error: domain "ecomerce\.fr": .*did you mean "ecommerce\.fr"\?\)\n$/);
    assert.match(folder.stderr, /^error: model "\.\/gone": there is no such folder/);
    assert.equal(
      untrained.stderr,
      `error: model "mistral-finetuned": there is no such folder in ${realpathSync(place.model)}. Train one first: npx mistral-lab demo (the bundled model and data), or finetune; or give the folder of another model\n`,
    );
  });

  it("sets base against tuned, as a table and as JSON", async () => {
    const words = ["evaluate", "mistral-finetuned", "--data", "test.csv", ...short];
    const [shown, told] = await Promise.all([
      expectExit(0, [...words, "--worst", "1"], { cwd: place.dir }),
      expectExit(0, [...words, "--limit", "1", "--json"], { cwd: place.dir }),
    ]);
    assert.match(shown.stdout, /^Data {6}test\.csv: 2 questions$/m);
    assert.match(shown.stdout, /^ +base +tuned$/m);
    for (const row of ["loss \\(nats\\)", "perplexity", "chrF", "expected fact", "stops by itself"])
      assert.match(shown.stdout, new RegExp(`^ {10}${row} +[\\d.]+`, "m"));
    assert.equal(shown.stdout.match(/without the expected fact/g)?.length, 1);
    const events = jsonLines(told);
    assert.deepEqual(
      events.map(({ type }) => type),
      ["start", "progress", "progress", "evaluation", "evaluation", "done"],
    );
    const [base, tuned] = events.filter(({ type }) => type === "evaluation");
    assert.deepEqual([base.model, tuned.model, tuned.examples], ["base", "tuned", 1]);
    assert.notEqual(base.loss, tuned.loss);
    assert.equal(tuned.perplexity, Math.exp(tuned.loss as number));
  });

  it("measures answers longer than a usual row, and tells which are too long for the model", async () => {
    // A letter is a token: some 720, which fit into the model's 1024, and some 1600, which do not.
    const rows = ["Court ?,Oui.", `Long ?,${"mot ".repeat(180)}`, `Trop ?,${"mot ".repeat(400)}`];
    writeFileSync(join(place.dir, "long.csv"), `instruction,response\n${rows.join("\n")}\n`);
    const words = ["evaluate", "model", "--data", "long.csv", "--json", ...short];
    const ended = await expectExit(0, words, { cwd: place.dir });
    const evaluation = jsonLines(ended).find(({ type }) => type === "evaluation");
    assert.equal(evaluation?.examples, 2);
    assert.ok((evaluation?.tokens as number) > 512);
    assert.match(ended.stderr, /^note: line 4 is left out: its \d+ tokens are more than the model's 1024$/m);
  });

  it("measures a model without an adapter alone", async () => {
    const ended = await expectExit(0, ["evaluate", "model", "--data", "test.csv", "--json", ...short], {
      cwd: place.dir,
    });
    const evaluations = jsonLines(ended).filter(({ type }) => type === "evaluation");
    assert.deepEqual(
      evaluations.map(({ model }) => model),
      ["model"],
    );
  });
});
