import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { useDevice } from "../../sdk/backend/device.ts";
import { packageRoot } from "../../sdk/backend/packageRoot.ts";
import { exportModel } from "../../sdk/export/exportModel.ts";
import { inspect } from "../../sdk/export/inspect.ts";
import { loadModel } from "../../sdk/model/load.ts";
import { attachLora, trainableParameters } from "../../sdk/model/lora.ts";
import { quantize, weightBytes } from "../../sdk/model/quantize.ts";
import { GoldenModels } from "../goldens/models.ts";
import { goldenPath } from "../goldens/read.ts";
import { HOST } from "../host.ts";
import { inFolder } from "../inFolder.ts";

const MINI = join(packageRoot(), "data/models/mini");

describe("exportModel", () => {
  before(() => useDevice(HOST));

  it("writes the adapter with a card, the merged model, and GGUF with a Modelfile", () =>
    inFolder(async (root) => {
      const model = attachLora(await loadModel(MINI), { r: 2 });
      const at = (name: string) => join(root, name);
      for (const [name, options, wanted] of [
        [
          "peft",
          {},
          [
            "README.md",
            "adapter_config.json",
            "adapter_model.safetensors",
            "mistral_lab.json",
            "tokenizer.json",
            "tokenizer_config.json",
          ],
        ],
        [
          "merged",
          { to: "merged", type: "f16" },
          ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"],
        ],
        ["gguf", { to: "gguf" }, ["Modelfile", "mini-f16.gguf"]],
        ["lora", { to: "gguf", type: "adapter" }, ["Modelfile", "mini-adapter.gguf"]],
      ] as const) {
        const { files } = await exportModel(model, at(name), options);
        assert.deepEqual([...files].sort(), wanted, name);
        assert.deepEqual(readdirSync(at(name)).sort(), wanted, name);
      }
      assert.equal((await inspect(at("merged"))).types.F16, 38);
      const card = readFileSync(join(at("peft"), "README.md"), "utf8");
      assert.match(
        card,
        /^---\nlibrary_name: peft\npipeline_tag: text-generation\ntags:\n- lora\n- mistral-lab\n---\n/,
      );
      assert.match(card, /\| Base \| data\/models\/mini \|/);
      assert.match(card, /\| sha256 of the base's weights \| [0-9a-f]{64} \|/);
      assert.match(
        card,
        new RegExp(`\\| sha256 of the chat template \\| ${model.tokenizer.template.hash} \\|`),
      );
      assert.match(card, /\| r, alpha, dropout \| 2, 16, 0\.05 \|/);
      const modelfile = readFileSync(join(at("gguf"), "Modelfile"), "utf8");
      assert.equal(
        modelfile,
        'FROM ./mini-f16.gguf\nTEMPLATE """[INST] {{ if .System }}{{ .System }}\n\n{{ end }}{{ .Prompt }} [/INST] {{ .Response }}</s>"""\nPARAMETER stop "</s>"\nPARAMETER temperature 0\n',
      );
      const adapter = readFileSync(join(at("lora"), "Modelfile"), "utf8");
      assert.match(
        adapter,
        /^# The base as a GGUF file: mistral-lab export .*mini --to gguf --out \.\nFROM \.\/base\.gguf\nADAPTER \.\/mini-adapter\.gguf\n/,
      );
    }));

  it("keeps 4-bit weights with nf4, and refuses what it cannot write", () =>
    inFolder(async (root) => {
      const small = quantize(await loadModel(MINI));
      await exportModel(small, join(root, "nf4"), { to: "merged", type: "nf4" });
      assert.deepEqual((await inspect(join(root, "nf4"))).types, { BF16: 10, NF4: 28 });
      const dir = join(root, "x");
      await assert.rejects(
        exportModel(small, dir, { to: "gguf", type: "bf16" }),
        /^TypeError: exportModel: option "type": expected one of f16, q8_0, q4_0, adapter for "gguf", got "bf16"$/,
      );
      await assert.rejects(
        exportModel(small, dir, { to: "ggml" } as object),
        /exportModel: option "to": .*"peft"/,
      );
      await assert.rejects(exportModel(small, dir), /save: the model has no adapter; attachLora first/);
      await assert.rejects(
        exportModel(small, dir, { to: "gguf", type: "adapter" }),
        /the model has no adapter/,
      );
    }));
});

describe("inspect", () => {
  let models: GoldenModels;
  before(async () => {
    await useDevice(HOST);
    models = new GoldenModels();
  });
  after(() => models.remove());

  it("says what a model is, and how much memory it takes", async () => {
    const model = await loadModel(MINI);
    const found = await inspect(MINI);
    const { kind, parameters, types, architecture, config, tokenizer, memory } = found;
    assert.deepEqual(
      { kind, types, architecture, config },
      { kind: "model", types: { BF16: 38 }, architecture: "mistral", config: model.config },
    );
    assert.equal(parameters, weightBytes(model).parameters);
    assert.deepEqual(tokenizer, { ids: 4096, template: model.tokenizer.template.hash });
    const { bytes } = weightBytes(quantize(model));
    const cache = 4 * 2 * 4 * 128 * 512;
    // The scales of short matrices fill their last blocks; nothing else is rounded.
    assert.ok(
      Math.abs(memory!.chat - (bytes + cache)) < 0.005 * bytes,
      `${memory!.chat} against ${bytes + cache}`,
    );
    assert.ok(memory!.train > memory!.chat && memory!.load === found.bytes);
  });

  it("knows 4-bit checkpoints, GGUF files, and adapters of both formats", () =>
    inFolder(async (dir) => {
      const { source } = await models.load("tiny-mistral-nf4");
      assert.deepEqual((await inspect(source)).types, { F32: 11, NF4: 28 });
      const gguf = await inspect(goldenPath("gguf/nemo-f16.gguf"));
      assert.deepEqual([gguf.kind, gguf.types], ["GGUF model", { F16: 16, F32: 5 }]);
      const peft = await inspect(goldenPath("adapters/patterns"));
      assert.equal(peft.kind, "adapter");
      assert.deepEqual(peft.adapter, {
        base: "nemo",
        r: "2",
        alpha: "3",
        ranks: '{"model.layers.1.mlp.up_proj":3,"q_proj":4}',
        modules: peft.adapter!.modules,
      });
      // Its base is nowhere on this machine, and is not asked for on the hub.
      assert.deepEqual([peft.config, peft.architecture, peft.memory], [undefined, undefined, undefined]);
      const tuned = attachLora(await loadModel(MINI), { r: 2 });
      await tuned.save(join(dir, "tuned"));
      const [own, base] = [await inspect(join(dir, "tuned")), await inspect(MINI)];
      assert.equal(own.parameters, trainableParameters(tuned));
      assert.deepEqual(
        [own.architecture, own.config, own.tokenizer, own.memory!.chat],
        [base.architecture, base.config, base.tokenizer, base.memory!.chat],
      );
      // Its rank is 2, of a base alone 8 is told.
      assert.ok(own.memory!.train < base.memory!.train);
      await exportModel(tuned, dir, { to: "gguf", type: "adapter" });
      const lora = await inspect(join(dir, "mini-adapter.gguf"));
      assert.equal(lora.kind, "GGUF adapter");
      assert.deepEqual(lora.adapter, { architecture: "llama", alpha: "16", r: "2" });
    }));

  it("says what a safetensors file alone is", async () => {
    const path = join(goldenPath("adapters/patterns"), "adapter_model.safetensors");
    const { kind, types, parameters, bytes, config } = await inspect(path);
    assert.deepEqual([kind, Object.keys(types), config], ["safetensors file", ["F32"], undefined]);
    assert.ok(bytes > 4 * parameters && parameters > 0);
  });

  it("refuses what is no model", () =>
    inFolder(async (dir) => {
      await assert.rejects(inspect(dir), /config\.json is missing/);
      await assert.rejects(inspect(join(dir, "none")), /no such folder/);
      await assert.rejects(
        inspect(join(MINI, "config.json")),
        /config\.json is a file; give the folder that holds it/,
      );
    }));
});
