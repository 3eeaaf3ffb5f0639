import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { Command } from "commander";
import { inFlags } from "../../sdk/cli/errors.ts";
import { firstLines, shellWords, wrap } from "../../sdk/cli/output.ts";
import { progressText } from "../../sdk/cli/progress.ts";
import { bytes } from "../../sdk/views/numbers.ts";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const plain = stripVTControlCharacters;

describe("mistral-lab: texts", () => {
  const progress = {
    done: 123,
    total: 400,
    facts: ["loss 0.812", "lr 1.9e-3", "grad 0.73", "3120 tok/s", "ETA 1:12"],
  };

  it("shows all facts of a progress bar at 80 columns, and the first ones where there is less room", () => {
    for (const columns of [200, 100, 80, 60, 40, 30, 20, 5]) {
      const line = plain(progressText("training", progress, columns));
      assert.ok(line.length < columns, `${columns}: ${line.length}`);
      if (columns >= 80)
        for (const fact of progress.facts) assert.ok(line.includes(fact), `${columns}: ${fact}`);
      if (columns >= 20) assert.ok(line.includes("123/400"), `${columns}`);
    }
    const long = {
      done: 3429,
      total: 4104,
      facts: ["loss 0.004", "lr 1.4e-4", "grad 0.03", "12842 tok/s", "ETA 1:12"],
    };
    assert.match(
      plain(progressText("training", long, 80)),
      /^━+─+ {2}3429\/4104 .* ETA 1:12$/,
      "without label",
    );
    assert.match(plain(progressText("training", long, 100)), /^training {2}━/);
    assert.match(plain(progressText("training", progress, 60)), /loss 0\.812 {2}lr 1\.9e-3$/);
    assert.match(plain(progressText("x", { done: 4, total: 4, facts: [] }, 80)), /^x {2}━{30} {2}4\/4$/);
    assert.match(plain(progressText("x", { done: 0, total: 4, facts: [] }, 80)), /^x {2}─{30} {2}0\/4$/);
    const download = { done: 950_000_000, total: 14.5e9, show: bytes, facts: ["ETA 2:05"] };
    assert.match(plain(progressText("x", download, 80)), / {2}906 MiB\/13\.5 GiB {2}ETA 2:05$/);
  });

  it("cuts long lists with a word on the rest, and never for one line", () => {
    assert.deepEqual(firstLines(["a", "b", "c"], 2), ["a", "b", "c"]);
    assert.deepEqual(firstLines(["a", "b", "c", "d"], 2), ["a", "b", "and 2 more"]);
  });

  it("wraps at spaces, and colours take no room", () => {
    assert.deepEqual(wrap("aa bb cc", 5), ["aa bb", "cc"]);
    assert.deepEqual(wrap("\u001b[32maa\u001b[39m bb cc", 5), ["\u001b[32maa\u001b[39m bb", "cc"]);
    assert.deepEqual(wrap("longer x", 3), ["longer", "x"]);
    assert.deepEqual(wrap("", 3), [""]);
  });

  it("keeps words whole at the edge of a terminal, below topics and in notes", () => {
    const script = `
      for (const stream of [process.stdout, process.stderr]) Object.assign(stream, { isTTY: true, columns: 30 });
      const { Output } = await import(${JSON.stringify(new URL("../../sdk/cli/output.ts", import.meta.url).href)});
      const output = new Output();
      output.topic("Data", "one two three four five six");
      output.below("repaired: line 12, column response", String);
      output.warn("one two three four five six seven");`;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ["--import", tsx, "--input-type=module", "-e", script],
      { encoding: "utf8", env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined } },
    );
    assert.deepEqual(stdout.split("\n"), [
      "Data      one two three four",
      "          five six",
      "          repaired: line 12,",
      "          column response",
      "",
    ]);
    assert.deepEqual(stderr.split("\n"), ["note: one two three four five", "six seven", ""]);
  });

  it("quotes words for a shell", () => {
    assert.equal(shellWords(["a/b.csv", "où est", "l'été", "2e-4"]), "a/b.csv 'où est' 'l'\\''été' 2e-4");
  });

  it("says an SDK message in flags", () => {
    const command = new Command("finetune")
      .option("--output-dir <dir>")
      .option("--resume")
      .option("--epochs <n>");
    assert.equal(
      inFlags(
        'outputDir run holds 3 epochs: resume: true goes on; option "outputDir", option "epochs"',
        command,
      ),
      "--output-dir run holds 3 epochs: --resume goes on; option --output-dir, option --epochs",
    );
    assert.equal(inFlags("outputDir", undefined), "outputDir");
  });
});
