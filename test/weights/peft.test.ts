import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Adapter,
  type AdapterMatrices,
  type AdapterOrigin,
  type ExpectedBase,
  loadAdapter,
  readAdapterHead,
  saveAdapter,
} from "../../sdk/weights/peft.ts";
import { openSafetensors, type TensorToWrite, writeSafetensors } from "../../sdk/weights/safetensors.ts";

const Q = "model.layers.0.self_attn.q_proj";
const UP = "model.layers.0.mlp.up_proj";
const origin: AdapterOrigin = {
  baseModel: "mistralai/Mistral-7B-Instruct-v0.3",
  baseSha256: "a".repeat(64),
  templateSha256: "b".repeat(64),
  quantization: "nf4",
  sdkVersion: "0.1.0",
};

function matrices(r: number, out: number, inn: number): AdapterMatrices {
  return {
    a: Float32Array.from({ length: r * inn }, (_, i) => Math.sin(i)),
    aShape: [r, inn],
    b: Float32Array.from({ length: out * r }, (_, i) => Math.cos(i)),
    bShape: [out, r],
  };
}

function adapter(): Adapter {
  return {
    config: {
      r: 2,
      alpha: 4,
      dropout: 0.05,
      targetModules: ["q_proj", "up_proj"],
      baseModel: origin.baseModel,
    },
    modules: new Map([
      [Q, matrices(2, 4, 6)],
      [UP, matrices(2, 10, 6)],
    ]),
  };
}

const modules = new Map<string, readonly [number, number]>([
  [Q, [4, 6]],
  [UP, [10, 6]],
  ["model.layers.0.mlp.down_proj", [6, 10]],
]);

/** All that lies in the folder. */
function load(dir: string, expected?: ExpectedBase) {
  const head = readAdapterHead(dir);
  return { ...head, ...loadAdapter(dir, head, expected) };
}

describe("PEFT adapters", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "adapter-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  /** Changes the saved tensors or config before loading. */
  function retouch(
    change: (tensors: Map<string, TensorToWrite>, config: Record<string, unknown>) => void,
  ): void {
    saveAdapter(dir, adapter(), origin);
    const file = join(dir, "adapter_model.safetensors");
    const source = openSafetensors(file);
    const tensors = new Map<string, TensorToWrite>(
      [...source.tensors.keys()].map((name) => [name, source.read(name)]),
    );
    source.close();
    const config = JSON.parse(readFileSync(join(dir, "adapter_config.json"), "utf8"));
    change(tensors, config);
    writeSafetensors(file, tensors);
    writeFileSync(join(dir, "adapter_config.json"), JSON.stringify(config));
  }

  it("reads what it wrote", () => {
    saveAdapter(join(dir, "new", "folder"), adapter(), origin);
    const expected = { modules, baseSha256: origin.baseSha256, templateSha256: origin.templateSha256 };
    assert.deepEqual(load(join(dir, "new", "folder"), expected), { ...adapter(), origin });
    assert.deepEqual(load(join(dir, "new", "folder")), { ...adapter(), origin });
  });

  it("writes PEFT's files, keys and options", () => {
    saveAdapter(dir, adapter(), origin);
    assert.deepEqual(readdirSync(dir).sort(), [
      "adapter_config.json",
      "adapter_model.safetensors",
      "mistral_lab.json",
    ]);
    const source = openSafetensors(join(dir, "adapter_model.safetensors"));
    assert.deepEqual(source.metadata, { format: "pt" });
    assert.deepEqual(
      [...source.tensors].map(([name, { dtype, shape }]) => [name, dtype, ...shape]),
      [
        ["base_model.model.model.layers.0.mlp.up_proj.lora_A.weight", "F32", 2, 6],
        ["base_model.model.model.layers.0.mlp.up_proj.lora_B.weight", "F32", 10, 2],
        ["base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "F32", 2, 6],
        ["base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight", "F32", 4, 2],
      ],
    );
    source.close();
    assert.deepEqual(JSON.parse(readFileSync(join(dir, "adapter_config.json"), "utf8")), {
      alpha_pattern: {},
      auto_mapping: null,
      base_model_name_or_path: "mistralai/Mistral-7B-Instruct-v0.3",
      bias: "none",
      fan_in_fan_out: false,
      inference_mode: true,
      init_lora_weights: true,
      layers_pattern: null,
      layers_to_transform: null,
      lora_alpha: 4,
      lora_dropout: 0.05,
      modules_to_save: null,
      peft_type: "LORA",
      r: 2,
      rank_pattern: {},
      revision: null,
      target_modules: ["q_proj", "up_proj"],
      task_type: "CAUSAL_LM",
      use_dora: false,
      use_rslora: false,
    });
  });

  it("writes a card over a card, never over somebody's own README.md", () => {
    const readme = join(dir, "README.md");
    const card = (text: string) => `---\nlibrary_name: peft\n---\n${text}\n`;
    saveAdapter(dir, adapter(), origin, card("first"));
    saveAdapter(dir, adapter(), origin, card("second"));
    assert.equal(readFileSync(readme, "utf8"), card("second"));
    writeFileSync(readme, "what I want to remember");
    saveAdapter(dir, adapter(), origin, card("third"));
    assert.equal(readFileSync(readme, "utf8"), "what I want to remember");
  });

  it("reads an adapter that PEFT wrote: no origin, halves, more keys", () => {
    retouch((tensors, config) => {
      const name = `base_model.model.${Q}.lora_A.weight`;
      tensors.set(name, { dtype: "F16", shape: [2, 6], data: new Uint16Array(12).fill(0x3c00) });
      Object.assign(config, {
        corda_config: null,
        qalora_group_size: 16,
        lora_bias: false,
        peft_version: "0.21.0",
      });
    });
    unlinkSync(join(dir, "mistral_lab.json"));
    const loaded = load(dir, { modules, baseSha256: "c".repeat(64) });
    assert.equal(loaded.origin, null);
    assert.deepEqual(loaded.modules.get(Q)?.a, new Float32Array(12).fill(1));
  });

  it("refuses another base and another template, both named", () => {
    saveAdapter(dir, adapter(), origin);
    const other = { baseSha256: "c".repeat(64), templateSha256: "d".repeat(64) };
    assert.throws(
      () => load(dir, other),
      /trained on other base weights \("mistralai\/Mistral-7B-Instruct-v0\.3"\): expected sha256 a{12}…, this base has c{12}….*; it was trained with another chat template: expected sha256 b{12}…, this model's is d{12}…/,
    );
  });

  it("refuses a folder without an adapter", () => {
    assert.throws(
      () => load(dir),
      /the adapter cannot be used: adapter_config\.json is missing; adapter_model\.safetensors is missing/,
    );
  });

  it("refuses options that it does not compute, all named", () => {
    retouch((_, config) =>
      Object.assign(config, { use_dora: true, bias: "all", rank_pattern: { "q_(proj|x)": 4 } }),
    );
    assert.throws(
      () => load(dir),
      /adapter_config\.json: bias: expected "none": only plain LoRA is computed here; train the adapter again without it, or merge it in PEFT, got "all"; adapter_config\.json: rank_pattern\.q_\(proj\|x\): .*got 4; adapter_config\.json: use_dora: expected false or null: only plain LoRA .*, got true/,
    );
  });

  it("takes the matrices for what is adapted where the config picks modules in a way of its own", () => {
    const more = new Map([...modules, ["model.layers.1.self_attn.q_proj", [4, 6] as const]]);
    for (const pick of [
      { layers_to_transform: 0 },
      { layers_to_transform: [0] },
      { exclude_modules: ["model.layers.1.self_attn.q_proj"] },
      { target_modules: ".*\\.(q|up)_proj" },
    ]) {
      retouch((_, config) => Object.assign(config, pick));
      assert.deepEqual([...load(dir, { modules: more }).modules.keys()].sort(), [UP, Q]);
    }
    retouch(() => {});
    assert.throws(
      () => load(dir, { modules: more }),
      /layers\.1\.self_attn\.q_proj: has no lora_A and lora_B/,
    );
    retouch((tensors, config) => {
      tensors.clear();
      config.target_modules = ".*q_proj";
    });
    assert.throws(() => load(dir), /target_modules: no matrices for "\.\*q_proj"/);
  });

  it("refuses an adapter whose beginning changed the base's weights", () => {
    for (const init_lora_weights of ["pissa", "pissa_niter_4", "olora", "corda", "loftq"]) {
      retouch((_, config) => Object.assign(config, { init_lora_weights }));
      assert.throws(
        () => load(dir),
        new RegExp(
          `adapter_config\\.json: init_lora_weights: expected a beginning that leaves the base as it is; save it as plain LoRA in PEFT \\(path_initial_model_for_weight_conversion\\), got "${init_lora_weights}"`,
        ),
      );
    }
    for (const init_lora_weights of [true, false, null, "gaussian", "eva", "orthogonal"]) {
      retouch((_, config) => Object.assign(config, { init_lora_weights }));
      load(dir);
    }
  });

  it("names missing, unknown and misshapen tensors at once", () => {
    retouch((tensors) => {
      tensors.delete(`base_model.model.${Q}.lora_B.weight`);
      tensors.set("base_model.model.lm_head.weight", { dtype: "F32", shape: [1], data: Float32Array.of(1) });
      const b = tensors.get(`base_model.model.${UP}.lora_B.weight`)!;
      tensors.set(`base_model.model.${UP}.lora_B.weight`, { ...b, shape: [2, 10] });
    });
    assert.throws(
      () => load(dir, { modules }),
      (error: Error) => {
        for (const part of [
          /unknown tensor "base_model\.model\.lm_head\.weight": expected base_model\.model\.MODULE\.lora_A\.weight/,
          /tensor "base_model\.model\.model\.layers\.0\.self_attn\.q_proj\.lora_B\.weight" is missing/,
          /up_proj: lora_B: expected \[10, 2\], got \[2, 10\] \(20 values\)/,
          /self_attn\.q_proj: has no lora_A and lora_B/,
        ]) {
          assert.match(error.message, part);
        }
        return true;
      },
    );
  });

  it("refuses an adapter of another rank, another size, and for modules that the base lacks", () => {
    retouch((_, config) => Object.assign(config, { r: 3 }));
    assert.throws(() => load(dir), /q_proj: lora_A: expected \[3, 6\], got \[2, 6\]/);
    retouch(() => {});
    assert.throws(
      () => load(dir, { modules: new Map([[Q, [8, 6]]]) }),
      /the base has no module "model\.layers\.0\.mlp\.up_proj"; .*q_proj: lora_B: expected \[8, 2\], got \[4, 2\].*; target_modules: the base has no "up_proj"/,
    );
  });

  it("refuses targets without matrices and matrices without a target", () => {
    retouch((_, config) => Object.assign(config, { target_modules: ["q_proj", "down_proj"] }));
    assert.throws(
      () => load(dir),
      /up_proj: is not among target_modules \(q_proj, down_proj\); target_modules: no matrices for "down_proj"/,
    );
    assert.throws(() => load(dir, { modules }), /down_proj: has no lora_A and lora_B/);
  });

  it("refuses to save what does not fit, and writes nothing", () => {
    const wrong = adapter();
    wrong.modules.set(Q, matrices(3, 4, 6));
    wrong.config.targetModules = ["q_proj"];
    assert.throws(
      () => saveAdapter(join(dir, "x"), wrong, origin),
      /saveAdapter: .*q_proj: lora_A: expected \[2, 6\], got \[3, 6\].*; .*q_proj: lora_B: .*; .*up_proj: is not among/,
    );
    assert.throws(
      () => saveAdapter(dir, { ...adapter(), modules: new Map() }, origin),
      /no module has an adapter/,
    );
    assert.deepEqual(readdirSync(dir), []);
  });

  it("refuses shapes that contradict each other or the number of values", () => {
    const lying = adapter();
    lying.modules.set(Q, { ...matrices(2, 4, 6), aShape: [3, 6], bShape: [5, 2] });
    assert.throws(
      () => saveAdapter(dir, lying, origin),
      /q_proj: lora_A: expected \[2, 6\], got \[3, 6\] \(12 values\); .*q_proj: lora_B: expected \[5, 2\], got \[5, 2\] \(8 values\)/,
    );
    saveAdapter(dir, adapter(), origin);
    const other = new Map<string, readonly [number, number]>([...modules, [Q, [5, 7]]]);
    assert.throws(
      () => load(dir, { modules: other }),
      /lora_A: expected \[2, 7\], got \[2, 6\] \(12 values\); .*lora_B: expected \[5, 2\], got \[4, 2\] \(8 values\)/,
    );
  });

  it("refuses files that are not what their names say", () => {
    saveAdapter(dir, adapter(), origin);
    writeFileSync(join(dir, "mistral_lab.json"), '{"format":2}');
    assert.throws(() => load(dir), /mistral_lab\.json: format: .*; mistral_lab\.json: base_model:/);
    writeFileSync(join(dir, "adapter_config.json"), "{");
    assert.throws(() => load(dir), /adapter_config\.json: expected JSON, got/);
  });
});
