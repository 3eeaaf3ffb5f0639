import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import {
  cli,
  expectExit,
  jsonLines,
  main,
  makeWorkplace,
  removeWorkplace,
  root,
  type Workplace,
} from "./support.ts";

/** As many numbers as a step of the JSON lines has, all finite. */
const STEP_KEYS = ["step", "epoch", "loss", "learningRate", "gradNorm", "tokensPerSecond"];

describe("mistral-lab finetune", () => {
  let place: Workplace;
  before(async () => {
    place = await makeWorkplace();
  });
  after(() => removeWorkplace(place));

  const tuning = (outputDir: string, ...more: string[]) =>
    ["finetune", "data.csv", "--model", "model", "--output-dir", outputDir, ...more] as const;
  const read = (...path: string[]) => readFileSync(join(place.dir, ...path));

  it("shows what it does and writes what it says", async () => {
    const { stdout } = await expectExit(0, tuning("shown", "--test", "test.csv"), { cwd: place.dir });
    assert.match(stdout, /^Device {4}native CPU addon|^Device {4}plain tfjs/);
    assert.match(stdout, /^Data {6}data\.csv: 12 rows, 1 repaired, 1 rejected$/m);
    assert.match(stdout, /^ {10}repaired: line 13, column "response", unquoted delimiter: /m);
    assert.match(stdout, /^ {10}rejected: line 14, "instruction" is empty: \[.*\]$/m);
    assert.match(stdout, /^Held out {2}test\.csv: 2 rows/m);
    assert.match(
      stdout,
      /^Example {3}line 2, .*what is trained stands in ⟦ ⟧\n {10}.*⟦ Le délai est de 0 jours\.<\/s>⟧$/m,
    );
    assert.match(
      stdout,
      /^Memory {4}32,928 weights: 64\.6 KiB before, \d+\.\d KiB after NF4 \(\d+\.\d %\)$/m,
    );
    assert.match(
      stdout,
      /^LoRA {6}r 8, alpha 16, dropout 0\.05: 7,424 trained parameters \(22\.5 % of the weights\)$/m,
    );
    assert.match(stdout, /^Training {2}3 steps: 3 epochs of 12 examples/m);
    assert.match(stdout, /^training 3\/3, loss \d\.\d{3}, lr 1\.0e-4, grad \d\.\d\d, \d+ tok\/s, ETA 0:00$/m);
    assert.match(stdout, /^ {10}step 3: held-out loss \d\.\d{3}, perplexity \d+\.\d\d$/m);
    assert.match(stdout, /^ {10}step 3: checkpoint shown\/checkpoint-3$/m);
    assert.equal(stdout, stripVTControlCharacters(stdout).replaceAll("\r", ""));
    for (const file of ["adapter_model.safetensors", "adapter_config.json", "run.json", "training.jsonl"]) {
      assert.match(stdout, new RegExp(`shown/${file.replaceAll(".", "\\.")} +[\\d.]+ (?:Ki)?B `));
      assert.ok(existsSync(join(place.dir, "shown", file)), file);
    }
    assert.match(stdout, /^Next {6}npx mistral-lab chat shown$/m);
    assert.match(stdout, /^ {10}npx mistral-lab evaluate shown --data test\.csv$/m);
  });

  it("tells other programs the same as JSON lines, and nothing else", async () => {
    const ended = await expectExit(
      0,
      tuning("json", "--test", "test.csv", "--epochs", "2", "--save-steps", "1", "--json"),
      { cwd: place.dir },
    );
    const events = jsonLines(ended);
    assert.deepEqual(
      events.map(({ type }) => type),
      ["start", "step", "eval", "checkpoint", "step", "eval", "checkpoint", "done"],
    );
    const [start, step, evaluation, checkpoint] = events;
    assert.deepEqual(start.data, { rows: 12, repaired: 1, rejected: 1, dropped: 0 });
    assert.equal(start.steps, 2);
    assert.equal(start.trainableParameters, 7424);
    assert.equal(step.step, 1);
    assert.equal(step.epoch, 1);
    for (const key of STEP_KEYS) assert.ok(Number.isFinite(step[key]), key);
    assert.equal(evaluation.perplexity, Math.exp(evaluation.loss as number));
    assert.equal(checkpoint.path, join("json", "checkpoint-1"));
    const done = events[7];
    assert.equal(done.reason, "finished");
    assert.ok((done.files as string[]).includes(join("json", "adapter_model.safetensors")));
    // The log on the disk tells the same story.
    const log = read("json", "training.jsonl").toString().trim().split("\n");
    assert.deepEqual(
      log.map((line) => JSON.parse(line).type),
      events.map(({ type }) => type),
    );
  });

  it("saves at SIGTERM too, and exits with 143", async () => {
    const run = cli([...tuning("ended", "--epochs", "120"), "--json"], { cwd: place.dir });
    await run.says(/"type":"step","step":2,/);
    run.child.kill("SIGTERM");
    const ended = await run;
    assert.equal(ended.code, 143, ended.stdout + ended.stderr);
    const { path, reason } = jsonLines(ended).at(-1)!;
    assert.equal(reason, "stopped");
    assert.ok(existsSync(join(place.dir, path as string)), `${path}`);
  });

  it("saves at Ctrl-C, exits with 130, and the command that it prints goes on as if nothing had been", async () => {
    const words = (dir: string) => tuning(dir, "--epochs", "120", "--gradient-accumulation-steps", "1");
    const whole = expectExit(0, words("whole"), { cwd: place.dir });
    const run = cli([...words("parts"), "--json"], { cwd: place.dir });
    await run.says(/"type":"step","step":2,/);
    run.child.kill("SIGINT");
    const ended = await run;
    assert.equal(ended.code, 130, ended.stdout + ended.stderr);
    const events = jsonLines(ended);
    const { type, reason, steps } = events[events.length - 1];
    assert.deepEqual([type, reason], ["done", "stopped"]);
    assert.ok((steps as number) >= 2 && (steps as number) < 120, `stopped after ${steps} steps`);
    assert.ok(!existsSync(join(place.dir, "parts", "adapter_config.json")));
    assert.match(
      ended.stderr,
      /stopping after this micro batch, with a checkpoint; Ctrl-C again quits at once/,
    );

    const printed = /npx mistral-lab (.*)/.exec(ended.stderr)?.[1] ?? "";
    assert.ok(printed.endsWith(" --resume"), printed);
    const resumed = await expectExit(0, printed.split(" "), { cwd: place.dir });
    assert.equal(jsonLines(resumed)[0].startStep, steps);
    await whole;
    assert.ok(
      read("parts", "adapter_model.safetensors").equals(read("whole", "adapter_model.safetensors")),
      "the resumed adapter is that of an unbroken run, bit for bit",
    );
  });

  it("keeps the adapter of the last whole step where the loss becomes NaN", async () => {
    const words = tuning("nan", "--learning-rate", "1e30", "--gradient-accumulation-steps", "1", "--json");
    const ended = await expectExit(1, words, { cwd: place.dir });
    const events = jsonLines(ended);
    const done = events.find(({ type }) => type === "done");
    assert.equal(done?.reason, "nan");
    assert.match(ended.stderr, new RegExp(`^note: the adapter of step ${done?.steps} is kept in nan$`, "m"));
    assert.match(
      ended.stderr,
      /error: train: stopped at step \d of 3: .* is NaN .*Likely causes: a learning rate that is too high, or weights that are already damaged\. Next: begin again with --learning-rate 2\.5e\+29; if it stops at the same step/,
    );
    assert.deepEqual(events.at(-1)?.type, "error");
    assert.ok(existsSync(join(place.dir, "nan", "adapter_config.json")));
  });

  it("says how to go on where a training is done and its adapter cannot be written", async () => {
    // A folder of that name refuses the file, as a full disk would.
    const inTheWay = join(place.dir, "refused", "tokenizer.json");
    mkdirSync(join(inTheWay, "x"), { recursive: true });
    const { stderr } = await expectExit(1, tuning("refused"), { cwd: place.dir });
    assert.match(
      stderr,
      /^error: refused\/tokenizer\.json: could not be written \(.*\)\. The training is done and kept in refused\/checkpoint-3: --resume writes what is missing\n$/,
    );
    assert.ok(!existsSync(join(place.dir, "refused", "adapter_config.json")));
    rmSync(inTheWay, { recursive: true });
    await expectExit(0, tuning("refused", "--resume"), { cwd: place.dir });
    assert.ok(existsSync(join(place.dir, "refused", "adapter_config.json")));
  });

  it("does not take the checkpoints of an unfinished run for a model", async () => {
    const run = cli([...tuning("unfinished", "--epochs", "120"), "--json"], { cwd: place.dir });
    await run.says(/"type":"step"/);
    run.child.kill("SIGINT");
    assert.equal((await run).code, 130);
    const { stderr } = await expectExit(1, ["chat", "unfinished", "--once", "?"], { cwd: place.dir });
    assert.match(stderr, /model "unfinished": its training has not come to its end.*again with --resume/);
  });

  it("does not touch another run unasked, and removes it with --overwrite", async () => {
    const first = tuning("taken", "--epochs", "1");
    await expectExit(0, first, { cwd: place.dir });
    const before = readdirSync(join(place.dir, "taken"));
    const { stderr, stdout } = await expectExit(1, [...first, "--json"], { cwd: place.dir });
    assert.match(
      stderr,
      /^error: --output-dir taken holds another run \(.*run\.json.*\): --resume goes on with it, --overwrite deletes it; or choose another folder with --output-dir\n$/,
    );
    assert.deepEqual(JSON.parse(stdout).type, "error");
    assert.deepEqual(readdirSync(join(place.dir, "taken")), before);
    await expectExit(0, tuning("taken", "--epochs", "2", "--overwrite"), { cwd: place.dir });
    assert.ok(!existsSync(join(place.dir, "taken", "checkpoint-1")));
    assert.ok(existsSync(join(place.dir, "taken", "checkpoint-2")));

    const other = await expectExit(1, tuning("taken", "--epochs", "3", "--resume"), { cwd: place.dir });
    assert.match(other.stderr, /resume: taken\/checkpoint-2 belongs to another run: epochs was 2, is 3\./);
  });

  for (const { what, words, says } of [
    {
      what: "a model of the hub, which may not be reached",
      words: ["finetune", "data.csv"],
      says: /^error: model "mistralai\/Mistral-7B-Instruct-v0\.3": it is not \(whole\) in the cache, and HF_HUB_OFFLINE forbids to download it\. Unset HF_HUB_OFFLINE, or give a folder with the model\n$/,
    },
    {
      what: "a missing folder",
      words: ["finetune", "data.csv", "--model", "./nowhere"],
      says: /^error: model "\.\/nowhere": there is no such folder\. Give a folder with config\.json, such as data\/models\/mini, or a model of the Hugging Face hub, such as mistralai\/Mistral-7B-Instruct-v0\.3\n$/,
    },
    {
      what: "a missing CSV file",
      words: ["finetune", "none.csv", "--model", "model"],
      says: /^error: none\.csv: the file is missing\. Give the path of a CSV file; it is relative to .*\n$/,
    },
    {
      what: "a folder for a CSV file",
      words: ["finetune", "model", "--model", "model"],
      says: /^error: model: expected a CSV file, got a folder\n$/,
    },
    {
      what: "sequences longer than the model allows",
      words: ["finetune", "data.csv", "--model", "model", "--max-seq-length", "4096"],
      says: /error: option --max-seq-length: expected at most 1024, the longest text that model was made for, got 4096\n$/,
    },
    {
      what: "to write into a file",
      words: ["finetune", "data.csv", "--model", "model", "--output-dir", "data.csv"],
      says: /^error: data\.csv: expected a folder, got a file\n$/,
    },
    {
      what: "to write beside a base model, with --overwrite too",
      words: ["finetune", "data.csv", "--model", "model", "--output-dir", "model", "--overwrite"],
      says: /error: --output-dir model holds a model \(config\.json, model\.safetensors\): choose another folder\n$/,
    },
    {
      what: "to resume where nothing is",
      words: ["finetune", "data.csv", "--model", "model", "--output-dir", "empty", "--resume"],
      says: /error: resume: empty holds no run to go on with; check --output-dir/,
    },
  ]) {
    it(`refuses ${what}, in one message without a stack`, async () => {
      const env = { HF_HUB_OFFLINE: "1", HF_HOME: join(place.dir, "no-cache") };
      const { stderr } = await expectExit(1, words, { cwd: place.dir, env });
      assert.match(stderr, says);
      assert.doesNotMatch(stderr, /^ +at /m);
      rmSync(join(place.dir, "empty"), { recursive: true, force: true });
    });
  }

  it("says which folder or file of a model may not be read", async function () {
    // Root may read everything, so the command runs as nobody where it can.
    const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    if (spawnSync("setpriv", [...nobody, "true"]).status !== 0) this.skip();
    const model = join(place.dir, "closed");
    cpSync(join(place.dir, "model"), model, { recursive: true });
    const asNobody = () =>
      spawnSync("setpriv", [...nobody, process.execPath, "--import", "tsx", main, "inspect", model], {
        encoding: "utf8",
        cwd: root,
        env: { ...process.env, NO_COLOR: "1", HOME: "/nonexistent" },
      });
    chmodSync(place.dir, 0o755);
    // A checkout in a home that nobody may enter cannot be tried.
    if (asNobody().status !== 0) this.skip();
    for (const [path, mode] of [
      [model, 0o700],
      [join(model, "config.json"), 0o600],
      [join(model, "model.safetensors"), 0o600],
    ] as const) {
      chmodSync(path, mode);
      const { status, stderr } = asNobody();
      assert.equal(status, 1, stderr);
      assert.match(
        stderr,
        /^error: .*: cannot be read \(EACCES: .*\); check that it is there and that you may read it\n$/,
      );
      assert.ok(stderr.startsWith(`error: ${path}: `), stderr);
      chmodSync(path, mode | 0o055);
    }
  });

  it("lets no file steer the terminal through a message or its stack", async () => {
    writeFileSync(join(place.dir, "steers.csv"), "id,\u001b[2Jtitre\n1,x\n");
    const { stderr } = await expectExit(1, ["finetune", "steers.csv", "--model", "model"], {
      cwd: place.dir,
      env: { MISTRAL_LAB_DEBUG: "1" },
    });
    assert.match(stderr, /got "id", "\\x1b\[2Jtitre"/);
    assert.match(stderr, /^ +at noColumns /m);
    assert.ok(!stderr.includes("\u001b"));
  });

  it("shows the stack with MISTRAL_LAB_DEBUG=1", async () => {
    const { stderr } = await expectExit(1, ["finetune", "none.csv", "--model", "model"], {
      cwd: place.dir,
      env: { MISTRAL_LAB_DEBUG: "1" },
    });
    assert.match(stderr, /^ +at requireFile /m);
  });
});
