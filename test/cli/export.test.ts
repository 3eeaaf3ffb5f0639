import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectExit, jsonLines } from "./support.ts";

describe("mistral-lab export and inspect", () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), "cli-export-"));
  });
  after(() => rmSync(dir, { recursive: true }));

  it("writes GGUF with a Modelfile, and says what it is", async () => {
    const words = [
      "export",
      "data/models/mini",
      "--to",
      "gguf",
      "--type",
      "q8_0",
      "--out",
      join(dir, "gguf"),
    ];
    const { stdout, stderr } = await expectExit(0, words);
    assert.match(stdout, /Written +.*gguf: mini-q8_0\.gguf, Modelfile/);
    assert.match(stderr, /note: llama\.cpp has no name for how this tokenizer cuts text into words/);
    assert.ok(existsSync(join(dir, "gguf", "Modelfile")));
    const shown = await expectExit(0, ["inspect", join(dir, "gguf", "mini-q8_0.gguf")]);
    assert.match(shown.stdout, /What +GGUF model, /);
    assert.match(shown.stdout, /Size +3,803,392 parameters, 4\.\d+ MiB; tensors: 29 in Q8_0, 9 in F32/);
    assert.match(shown.stdout, /Shape +llama: 4 layers of 256, 8 heads of 32 on 4, up to 1024 tokens/);
    assert.match(
      shown.stdout,
      /Memory +about .* to chat and .* to train in 4 bits with 512 tokens; .* to load/,
    );
  });

  it("writes a 4-bit model, and JSON", async () => {
    const out = join(dir, "nf4");
    const words = ["export", "data/models/mini", "--to", "merged", "--type", "nf4", "--out", out, "--json"];
    const [event] = jsonLines(await expectExit(0, words));
    assert.deepEqual([event.type, event.dir], ["exported", out]);
    const [found] = jsonLines(await expectExit(0, ["inspect", out, "--json"]));
    assert.deepEqual([found.type, found.kind, found.types], ["inspection", "model", { BF16: 10, NF4: 28 }]);
  });

  it("refuses a wrong form, a wrong type and a folder that holds a model", async () => {
    await expectExit(2, ["export", "data/models/mini", "--to", "onnx", "--out", dir]);
    const type = await expectExit(1, [
      "export",
      "data/models/mini",
      "--to",
      "gguf",
      "--type",
      "q2",
      "--out",
      dir,
    ]);
    assert.match(type.stderr, /option --type: expected one of f16, q8_0, q4_0, adapter for "gguf", got "q2"/);
    const taken = await expectExit(1, [
      "export",
      "data/models/mini",
      "--to",
      "merged",
      "--out",
      "data/models/mini",
    ]);
    assert.match(taken.stderr, /already holds a model \(config\.json, model\.safetensors\)/);
    const missing = await expectExit(1, ["inspect", "./nowhere"]);
    assert.match(missing.stderr, /^error: model "\.\/nowhere": there is no such folder/);
  });
});
