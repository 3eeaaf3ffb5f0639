import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { useDevice } from "../../sdk/backend/device.ts";
import { ChatSession } from "../../sdk/chat/session.ts";
import { exportMerged } from "../../sdk/export/merged.ts";
import { loadAdapters, loadModel } from "../../sdk/model/load.ts";
import { scaleAdapter, withoutLora } from "../../sdk/model/lora.ts";
import type { MistralModel } from "../../sdk/model/mistral.ts";
import { train } from "../../sdk/train/train.ts";
import { openSafetensors } from "../../sdk/weights/safetensors.ts";
import { assertClose } from "../compare.ts";
import { HOST } from "../host.ts";
import { tinyExamples, trainedValues } from "../tinyModel.ts";
import { collect } from "../train/support.ts";
import { GoldenModels, logitsOf } from "./models.ts";
import { type GoldenTensors, goldenPath, needsGoldens, readGoldenTensors } from "./read.ts";

const NAMES = ["rslora", "patterns", "layers", "exclude", "regex"] as const;
const LOGITS = { rtol: 1e-4, atol: 1e-5 };

describe("adapters of PEFT", () => {
  let golden: GoldenTensors;
  let ids: Int32Array;
  let models: GoldenModels;
  let base: MistralModel;
  let dir: string;
  before(async function () {
    needsGoldens(this, "adapters.safetensors", "adapters", "family.safetensors", "family");
    await useDevice(HOST);
    golden = readGoldenTensors("adapters.safetensors");
    const family = readGoldenTensors("family.safetensors");
    ids = family.ints("ids");
    family.close();
    models = new GoldenModels();
    base = await models.load("family/nemo");
    dir = mkdtempSync(join(tmpdir(), "adapters-"));
  });
  after(() => {
    golden?.close();
    models?.remove();
    if (dir) rmSync(dir, { recursive: true });
  });

  const both = () =>
    loadAdapters(base, Object.fromEntries(NAMES.map((n) => [n, goldenPath(`adapters/${n}`)])));
  const logits = (model: MistralModel) =>
    logitsOf(model, {
      ids,
      labels: ids.map(() => -100),
      positions: ids.map((_, i) => i),
      cuSeqlens: Int32Array.of(0, ids.length),
      trainedTokens: 0,
    });

  for (const name of NAMES) {
    it(`${name}: PEFT's logits, from the adapter, what we save of it, and merged`, async () => {
      const model = (await both()).get(name)!;
      const wanted = golden.floats(`${name}.logits`);
      assertClose(logits(model), wanted, { ...LOGITS, what: name });
      await model.save(join(dir, name));
      assertClose(logits(await loadModel(join(dir, name))), wanted, { ...LOGITS, what: `${name}, saved` });
      const [ours, theirs] = [join(dir, name), goldenPath(`adapters/${name}`)].map((folder) =>
        openSafetensors(join(folder, "adapter_model.safetensors")),
      );
      assert.deepEqual([...ours.tensors.keys()].sort(), [...theirs.tensors.keys()].sort());
      for (const key of theirs.tensors.keys()) assert.deepEqual(ours.read(key), theirs.read(key), key);
      for (const file of [ours, theirs]) file.close();
      await exportMerged(model, join(dir, `${name}-merged`), { type: "float32" });
      const merged = await loadModel(join(dir, `${name}-merged`));
      // W + s B A is rounded to float32 once more than W x + s B (A x). Seen: 1e-5.
      assertClose(logits(merged), wanted, { rtol: 1e-4, atol: 1e-4, what: `${name}, merged` });
    });
  }

  it("share the base's weights, and are scaled", async () => {
    const { rslora, patterns } = Object.fromEntries(await both());
    assert.equal(rslora.weights.layers[0].q_proj.weight, patterns.weights.layers[0].q_proj.weight);
    assert.deepEqual(logits(scaleAdapter(rslora, 0)), logits(base));
    assert.deepEqual(logits(scaleAdapter(rslora, 1)), logits(rslora));
    const half = scaleAdapter(scaleAdapter(rslora, 2), 0.25);
    assert.notDeepEqual(logits(half), logits(rslora));
    const { lora } = rslora.weights.layers[0].q_proj;
    assert.equal(half.weights.layers[0].q_proj.lora!.b, lora!.b);
    assert.throws(
      () => scaleAdapter(base, 1),
      /^Error: scaleAdapter: the model has no adapter; attachLora or load one first$/,
    );
    assert.throws(
      () => scaleAdapter(rslora, Number.NaN),
      /^RangeError: scaleAdapter: expected a finite factor, got NaN$/,
    );
    await assert.rejects(
      half.save(join(dir, "half")),
      /save: the adapter is scaled by 0\.5 \(scaleAdapter\), which PEFT's format cannot say/,
    );
  });

  it("are switched in a chat, which keeps what was said", async () => {
    const { rslora, patterns } = Object.fromEntries(await both());
    const session = new ChatSession(rslora, { sampling: { maxNewTokens: 6 } });
    const { answer: first } = await session.say("abc");
    session.useModel(patterns);
    const { answer: second } = await session.say("abc");
    assert.deepEqual(
      session.history.map(({ content }) => content),
      ["abc", first, "abc", second],
    );
    const alone = new ChatSession(patterns, { sampling: { maxNewTokens: 6 } });
    assert.notEqual((await alone.say("abc")).answer, first);
    const events = session.events("x");
    await events.next();
    assert.throws(
      () => session.useModel(rslora),
      /ChatSession\.useModel: an answer is being given; wait for its end/,
    );
    await events.return(undefined);
  });

  it("are trained further, and saved with the ranks that they have", async () => {
    const model = (await both()).get("patterns")!;
    const before = trainedValues(model);
    const examples = tinyExamples(4);
    await collect(
      train(model, examples, {
        outputDir: join(dir, "run"),
        epochs: 3,
        gradientAccumulationSteps: 1,
        learningRate: 0.01,
      }),
    );
    const after = trainedValues(model);
    for (const [name, values] of before) assert.notDeepEqual(after.get(name), values, name);
    await model.save(join(dir, "further"));
    const again = await loadModel(join(dir, "further"));
    assert.deepEqual(trainedValues(again), after);
    assert.deepEqual(
      [...again.trainableVariables().values()].map(({ shape }) => shape),
      [...model.trainableVariables().values()].map(({ shape }) => shape),
    );
  });

  it("are refused on another base, with a name", async () => {
    const other = await models.load("family/tinyllama");
    const source = goldenPath("adapters/rslora");
    await assert.rejects(
      loadAdapters(other, { source }),
      /layers\.0\.self_attn\.q_proj: lora_B: expected \[32, 4\], got \[48, 4\]/,
    );
    const tuned = (await both()).get("rslora")!;
    await assert.rejects(
      loadAdapters(tuned, { source }),
      /the base has an adapter already; give withoutLora\(model\)/,
    );
    assert.deepEqual(logits(withoutLora(tuned)), logits(base));
    await assert.rejects(
      loadAdapters(base, { x: other.source }),
      /"x": .*tinyllama holds no adapter \(adapter_config\.json\)/,
    );
    // By its name, where both are the hub's.
    const named = join(dir, "named");
    cpSync(source, named, { recursive: true });
    const file = join(named, "adapter_config.json");
    writeFileSync(
      file,
      JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), base_model_name_or_path: "org/one" }),
    );
    Object.defineProperty(other, "source", { value: "org/two@main" });
    await assert.rejects(
      loadAdapters(other, { named }),
      /no such folder|it was trained on org\/one, this base is org\/two/,
    );
  });
});
