import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { resolveDatasetOptions } from "../../sdk/data/dataset.ts";
import { resolveEvaluateOptions } from "../../sdk/evaluate/options.ts";
import { resolveGenerateOptions } from "../../sdk/generate/options.ts";
import { resolveLoraOptions } from "../../sdk/model/loraOptions.ts";
import { resolveTrainOptions } from "../../sdk/train/options.ts";
import { inFolder } from "../inFolder.ts";
import { cli, expectExit, jsonLines } from "./support.ts";

const COMMANDS = ["finetune", "chat", "reason", "domain", "evaluate", "doctor", "demo"];

/** The first "(default: …)" after each flag is the one given. */
function assertDefaults(help: string, defaults: Record<string, string | number>): void {
  const text = help.replace(/\s+/g, " ");
  for (const [flag, fallback] of Object.entries(defaults)) {
    const at = text.indexOf(flag);
    assert.ok(at >= 0, `${flag} is missing`);
    const next = /\(default: ([^)]*)\)/.exec(text.slice(at));
    const shown = typeof fallback === "number" ? Number(next?.[1]) : next?.[1];
    assert.equal(shown, fallback, flag);
  }
}

describe("mistral-lab: help and usage", () => {
  it("lists its commands and their help, with defaults and examples", async () => {
    const [own, finetune, chat, evaluate] = await Promise.all([
      expectExit(0, ["--help"]),
      expectExit(0, ["help", "finetune"]),
      expectExit(0, ["chat", "--help"]),
      expectExit(0, ["evaluate", "--help"]),
    ]);
    for (const command of COMMANDS) assert.match(own.stdout, new RegExp(`^  ${command}\\b`, "m"));
    assert.match(
      own.stdout,
      /Exit codes: 0 done, 1 failed, 2 wrong command line, 130 ended by Ctrl-C, 143 by SIGTERM/,
    );
    const training = resolveTrainOptions({});
    const adapter = resolveLoraOptions({});
    const sampling = resolveGenerateOptions({});
    assertDefaults(finetune.stdout, {
      "--model <dir>": "mistralai/Mistral-7B-Instruct-v0.3",
      "--output-dir <dir>": "mistral-finetuned",
      "--micro-batch-size <n>": training.microBatchSize,
      "--gradient-accumulation-steps <n>": training.gradientAccumulationSteps,
      "--epochs <n>": training.epochs,
      "--learning-rate <x>": training.learningRate,
      "--max-seq-length <n>": training.maxSeqLength,
      "--noisy-copies <n>": resolveDatasetOptions({}).noisyCopies,
      "--lora-r <n>": adapter.r,
      "--lora-alpha <x>": adapter.alpha,
      "--lora-dropout <x>": adapter.dropout,
      "--save-steps <n>": training.saveSteps,
      "--seed <n>": training.seed,
      "--device <name>": "auto",
      "--compute <type>": "bfloat16",
    });
    assertDefaults(chat.stdout, {
      "--temperature <x>": sampling.temperature,
      "--top-k <n>": sampling.topK,
      "--top-p <x>": sampling.topP,
      "--repetition-penalty <x>": sampling.repetitionPenalty,
      "--max-new-tokens <n>": sampling.maxNewTokens,
      "--seed <n>": sampling.seed,
    });
    assertDefaults(evaluate.stdout, { "--max-new-tokens <n>": resolveEvaluateOptions({}).maxNewTokens });
    for (const flag of ["--test <csv>", "--resume", "--overwrite", "--json"])
      assert.ok(finetune.stdout.includes(flag), flag);
    assert.doesNotMatch(finetune.stdout, /default: false/);
    assert.match(chat.stdout, /--once "Où est mon colis \?"/);
  });

  it("prints its version, and its help as a mistake where no command is given", async () => {
    const [version, nothing] = await Promise.all([expectExit(0, ["--version"]), expectExit(2, [])]);
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
    assert.match(nothing.stderr, /Usage: mistral-lab/);
  });

  it("answers --help without loading tfjs", async () => {
    await inFolder(async (dir) => {
      const spy = join(dir, "spy.mjs");
      writeFileSync(
        spy,
        `import { createRequire } from "node:module";
        const { cache } = createRequire(import.meta.url);
        process.on("exit", () => console.error("tfjs files:", Object.keys(cache).filter((f) => f.includes("tfjs")).length));`,
      );
      const env = { NODE_OPTIONS: `--import ${pathToFileURL(spy).href}` };
      const [help, doctor] = await Promise.all([
        cli(["finetune", "--help"], { env }),
        cli(["doctor"], { env }),
      ]);
      assert.match(help.stderr, /tfjs files: 0\n/);
      // The spy does see tfjs where it is loaded.
      assert.match(doctor.stderr, /tfjs files: [1-9]/);
    });
  });

  it("tells other programs of a wrong command line too", async () => {
    const ended = await expectExit(2, ["finetune", "--lora-r", "0", "--json"]);
    assert.deepEqual(jsonLines(ended), [
      {
        type: "error",
        message: "option '--lora-r <n>' argument '0' is invalid. Expected a whole number of at least 1.",
      },
    ]);
    const misspelt = await expectExit(2, ["finetune", "--epoch", "3", "--json"]);
    assert.equal(jsonLines(misspelt)[0].message, "unknown option '--epoch' (Did you mean --epochs?)");
    const missing = await expectExit(2, ["evaluate", "model", "--json"]);
    assert.equal(jsonLines(missing)[0].message, "required option '--data <csv>' not specified");
  });

  for (const { words, says } of [
    { words: ["finetune", "--epoch", "3"], says: /unknown option '--epoch'\n\(Did you mean --epochs\?\)/ },
    { words: ["chat", "--tempreature", "1"], says: /\(Did you mean --temperature\?\)/ },
    { words: ["chat", "--temp", "1"], says: /\(Did you mean --temperature\?\)/ },
    {
      words: ["evaluate", "model", "--dat", "x.csv"],
      says: /unknown option '--dat'\n\(Did you mean --data\?\)/,
    },
    {
      words: ["export", "model", "--output", "x"],
      says: /unknown option '--output'\n\(Did you mean --out\?\)/,
    },
    { words: ["export", "model"], says: /required option '--out <dir>' not specified/ },
    { words: ["repair", "x.csv", "--otu", "x"], says: /unknown option '--otu'\n\(Did you mean --out\?\)/ },
    { words: ["repair", "x.csv"], says: /required option '--out <path>' not specified/ },
    {
      words: ["chat", "--once", " "],
      says: /argument ' ' is invalid\. Expected a question, got an empty text\./,
    },
    { words: ["domain", "check", "--dat", "x.csv"], says: /\(Did you mean --data\?\)/ },
    { words: ["finetune", "--zzz"], says: /'--zzz'\n\(mistral-lab finetune --help lists all\.\)\n$/ },
    { words: ["finetun"], says: /unknown command 'finetun'\n\(Did you mean finetune\?\)/ },
    {
      words: ["finetune", "--epochs", "0"],
      says: /option '--epochs <n>' argument '0' is invalid\. Expected a whole number of at least 1\./,
    },
    { words: ["finetune", "--lora-dropout", "1"], says: /Expected a number of at least 0 and below 1\./ },
    {
      words: ["finetune", "--learning-rate", "fast"],
      says: /argument 'fast' is invalid\. Expected a number above 0\./,
    },
    {
      words: ["finetune", "--compute", "int8"],
      says: /option '--compute <type>' argument 'int8' is invalid\. Expected bfloat16 or float32\./,
    },
    {
      words: ["finetune", "--device", "tpu"],
      says: /argument 'tpu' is invalid\. This version has auto, cuda, native, tensorflow, cpu\./,
    },
    {
      words: ["finetune", "--resume", "--overwrite"],
      says: /'--resume' cannot be used with option '--overwrite'/,
    },
    { words: ["finetune", "a.csv", "b.csv"], says: /too many arguments for 'finetune'/ },
    { words: ["evaluate", "somewhere"], says: /required option '--data <csv>' not specified/ },
    { words: ["evaluate", "--data", "x.csv"], says: /missing required argument 'model-dir'/ },
  ]) {
    it(`refuses ${words.join(" ")}`, async () => {
      const { stderr, stdout } = await expectExit(2, words);
      assert.match(stderr, says);
      assert.equal(stdout, "");
    });
  }
});
