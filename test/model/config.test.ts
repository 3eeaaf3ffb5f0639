import assert from "node:assert/strict";
import { parseConfig, toHuggingFace } from "../../sdk/model/config.ts";
import type { RopeScaling } from "../../sdk/model/ropeScaling.ts";

/** As mistralai/Mistral-7B-Instruct-v0.3 has it. */
const instruct = {
  architectures: ["MistralForCausalLM"],
  attention_dropout: 0.0,
  bos_token_id: 1,
  eos_token_id: 2,
  hidden_act: "silu",
  hidden_size: 4096,
  initializer_range: 0.02,
  intermediate_size: 14336,
  max_position_embeddings: 32768,
  model_type: "mistral",
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  rope_theta: 1000000.0,
  sliding_window: null,
  tie_word_embeddings: false,
  torch_dtype: "bfloat16",
  transformers_version: "4.42.0.dev0",
  use_cache: true,
  vocab_size: 32768,
};
const parsed = {
  hiddenSize: 4096,
  layers: 32,
  heads: 32,
  kvHeads: 8,
  headDim: 128,
  intermediateSize: 14336,
  vocabSize: 32768,
  maxPositions: 32768,
  ropeTheta: 1000000,
  rmsNormEps: 1e-5,
  slidingWindow: null,
  tieEmbeddings: false,
  bosId: 1,
  eosIds: [2],
};

describe("parseConfig", () => {
  it("reads Mistral 7B Instruct v0.3", () => {
    assert.deepEqual(parseConfig(instruct, "config.json"), parsed);
  });

  it("reads rope_parameters as transformers 5 writes them, and an explicit head_dim", () => {
    const { rope_theta: _, ...rest } = instruct;
    const newer = { ...rest, head_dim: 64, rope_parameters: { rope_theta: 5e5, rope_type: "default" } };
    assert.deepEqual(parseConfig(newer, "x"), { ...parsed, ropeTheta: 5e5, headDim: 64 });
    const both = { ...newer, rope_theta: 1 };
    assert.equal(parseConfig(both, "x").ropeTheta, 5e5, "rope_parameters win");
  });

  it("takes the defaults of transformers for keys that are left out", () => {
    const few = {
      model_type: "mistral",
      hidden_size: 64,
      num_hidden_layers: 1,
      num_attention_heads: 16,
      intermediate_size: 8,
      vocab_size: 10,
    };
    assert.deepEqual(parseConfig(few, "x"), {
      ...parsed,
      hiddenSize: 64,
      layers: 1,
      heads: 16,
      kvHeads: 8,
      headDim: 4,
      intermediateSize: 8,
      vocabSize: 10,
      maxPositions: 131072,
      ropeTheta: 10000,
      rmsNormEps: 1e-6,
      slidingWindow: 4096,
    });
    assert.equal(parseConfig({ ...few, num_key_value_heads: null }, "x").kvHeads, 16);
  });

  it("takes several ends of text, a window, tied embeddings and a bitsandbytes quantisation", () => {
    const json = {
      ...instruct,
      eos_token_id: [2, 7],
      sliding_window: 4096,
      layer_types: Array(32).fill("sliding_attention"),
      tie_word_embeddings: true,
      quantization_config: { quant_method: "bitsandbytes", bnb_4bit_quant_type: "nf4", load_in_8bit: false },
    };
    const expected = { ...parsed, eosIds: [2, 7], slidingWindow: 4096, tieEmbeddings: true };
    assert.deepEqual(parseConfig(json, "x"), expected);
  });

  it("reads Ministral's layers with and without a window", () => {
    const json = {
      ...instruct,
      architectures: ["MinistralForCausalLM"],
      model_type: "ministral",
      num_hidden_layers: 3,
      sliding_window: 8,
      layer_types: ["full_attention", "sliding_attention", "full_attention"],
    };
    const expected = { ...parsed, architecture: "ministral", layers: 3, slidingWindow: 8 };
    assert.deepEqual(parseConfig(json, "x"), { ...expected, fullAttentionLayers: [0, 2] });
    const layer_types = ["full_attention", "full_attention", "full_attention"];
    assert.deepEqual(parseConfig({ ...json, layer_types }, "x"), { ...expected, slidingWindow: null });
  });

  it("reads Llama 3.2, SmolLM2 and older Llamas with their own defaults", () => {
    const llama = {
      ...instruct,
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
      pretraining_tp: 1,
    };
    const expected = { ...parsed, architecture: "llama" };
    const scaling = { factor: 32, low_freq_factor: 1, high_freq_factor: 4 };
    const rope_scaling = { ...scaling, original_max_position_embeddings: 8192, rope_type: "llama3" };
    assert.deepEqual(parseConfig({ ...llama, eos_token_id: [8, 9], rope_scaling }, "x"), {
      ...expected,
      eosIds: [8, 9],
      ropeScaling: {
        type: "llama3",
        factor: 32,
        lowFreqFactor: 1,
        highFreqFactor: 4,
        originalMaxPositions: 8192,
      },
    });
    const old = { ...llama, num_key_value_heads: undefined, max_position_embeddings: undefined };
    const linear = { type: "linear", factor: 2 };
    assert.deepEqual(
      parseConfig({ ...old, rope_interleaved: false, sliding_window: 9, rope_scaling: linear }, "x"),
      { ...expected, kvHeads: 32, maxPositions: 2048, ropeScaling: linear },
    );
  });

  it("fills in what YaRN leaves out", () => {
    const rope_scaling = { rope_type: "yarn", factor: Math.E ** 10, original_max_position_embeddings: 64 };
    const yarn = (more: object) =>
      parseConfig({ ...instruct, rope_scaling: { ...rope_scaling, ...more } }, "x").ropeScaling;
    const filled = {
      type: "yarn",
      factor: Math.E ** 10,
      originalMaxPositions: 64,
      betaFast: 32,
      betaSlow: 1,
      truncate: true,
      // 0.1 ln(factor) + 1
      attentionFactor: 2,
    };
    assert.deepEqual(yarn({}), filled);
    assert.deepEqual(yarn({ attention_factor: 3 }), { ...filled, attentionFactor: 3 });
    // (0.1 * 2 * 10 + 1) / (0.1 * 1 * 10 + 1)
    assert.deepEqual(yarn({ mscale: 2, mscale_all_dim: 1 }), { ...filled, attentionFactor: 1.5 });
    const length = { original_max_position_embeddings: null };
    assert.deepEqual(yarn(length), { ...filled, originalMaxPositions: 32768 });
  });

  const refused: [string, object, RegExp][] = [
    ["another model", { model_type: "qwen2" }, /model_type: .*"mistral"\|"ministral"\|"llama", got "qwen2"/],
    [
      "another head",
      { architectures: ["MistralForSequenceClassification"] },
      /architectures: expected \["MistralForCausalLM"\], got \["MistralForSequenceClassification"\]/,
    ],
    [
      "another model's head",
      { architectures: ["LlamaForCausalLM"] },
      /architectures: expected \["MistralForCausalLM"\], got \["LlamaForCausalLM"\]/,
    ],
    ["another activation", { hidden_act: "gelu" }, /hidden_act: .*"silu".*got "gelu"/],
    ["attention dropout", { attention_dropout: 0.1 }, /attention_dropout: .*0.*got 0\.1/],
    ["biases", { attention_bias: true }, /attention_bias: .*false.*got true/],
    [
      "positions stretched otherwise",
      { rope_scaling: { type: "dynamic", factor: 2 } },
      /rope_scaling\.rope_type: .*, got "dynamic"/,
    ],
    [
      "positions stretched otherwise in transformers 5",
      { rope_parameters: { rope_type: "longrope", rope_theta: 1, short_factor: [1], long_factor: [2] } },
      /rope_parameters\.long_factor: expected the same factors for short and long texts, got \[2\]/,
    ],
    [
      "a factor for each of too few angles",
      { rope_scaling: { type: "longrope", short_factor: [2], long_factor: [2] } },
      /long_factor: expected 64 numbers, got 1/,
    ],
    [
      "stretched positions that do not say how far",
      { rope_scaling: { type: "llama3", factor: 0.5 } },
      /rope_scaling\.factor: .*>=1, got 0\.5; rope_scaling\.low_freq_factor: .*number.*, got nothing/,
    ],
    [
      "scores that grow with the position",
      { rope_parameters: { rope_type: "yarn", factor: 16, llama_4_scaling_beta: 0.1 } },
      /rope_parameters\.llama_4_scaling_beta: .*null.*got 0\.1/,
    ],
    ["pairs side by side", { rope_interleaved: true }, /rope_interleaved: .*false.*got true/],
    ["a part of each head turned", { partial_rotary_factor: 0.5 }, /partial_rotary_factor: .*1.*got 0\.5/],
    [
      "another quantisation",
      { quantization_config: { quant_method: "gptq" } },
      /quant_method: .*"bitsandbytes".*"gptq"/,
    ],
    [
      "heads that do not divide",
      { num_key_value_heads: 5 },
      /num_key_value_heads: expected a divisor of .*32\), got 5/,
    ],
    ["an odd head", { head_dim: 5 }, /head_dim: expected an even number, as RoPE turns pairs, got 5/],
    [
      "mixed layers",
      { layer_types: ["full_attention", "sliding_attention"] },
      /layer_types: sliding_attention needs a sliding_window, got \["full_attention","sliding_attention"\]/,
    ],
    [
      "mixed layers, which transformers does not run for Mistral",
      {
        sliding_window: 8,
        num_hidden_layers: 2,
        layer_types: ["full_attention", "sliding_attention"],
      },
      /layer_types: expected sliding_attention in every layer, as transformers runs model_type "mistral", got /,
    ],
    [
      "layers without a type",
      { layer_types: ["full_attention"] },
      /layer_types: expected one for each of 32 layers, got 1/,
    ],
    [
      "ids outside",
      { eos_token_id: [2, 32768] },
      /eos_token_id: expected ids below vocab_size \(32768\), got 32768/,
    ],
    ["a size that is no number", { hidden_size: "4096" }, /hidden_size: .*number.*got "4096"/],
    ["no size", { vocab_size: undefined }, /vocab_size: .*number.*got nothing/],
  ];
  for (const [what, change, message] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(() => parseConfig({ ...instruct, ...change }, "m/config.json"), message);
    });
  }

  it("names the file and every problem at once", () => {
    const json = { ...instruct, hidden_act: "relu", vocab_size: 0 };
    assert.throws(
      () => parseConfig(json, "m/config.json"),
      /^Error: m\/config\.json: not a model of the Mistral family that this library can run: vocab_size: .*; hidden_act: /,
    );
    assert.throws(() => parseConfig(null, "m/config.json"), /the whole file: .*got null/);
  });
});

describe("toHuggingFace", () => {
  it("writes what parseConfig reads back", () => {
    const odd = { ...parsed, headDim: 96, slidingWindow: 16, eosIds: [2, 3], tieEmbeddings: true };
    const yarn: RopeScaling = {
      type: "yarn",
      factor: 4,
      originalMaxPositions: 99,
      betaFast: 31,
      betaSlow: 2,
      truncate: false,
      attentionFactor: 1.25,
    };
    const llama3: RopeScaling = {
      type: "llama3",
      factor: 8,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalMaxPositions: 8192,
    };
    const stretched = { ...parsed, ropeScaling: yarn };
    const mixed = { ...odd, architecture: "ministral" as const, layers: 2, fullAttentionLayers: [1] };
    const llama = { ...parsed, architecture: "llama" as const, ropeScaling: llama3 };
    const linear = { ...llama, ropeScaling: { type: "linear" as const, factor: 2 } };
    const factors = Array.from({ length: 64 }, (_, i) => 1 + i / 8);
    const each = { ...llama, ropeScaling: { type: "factors" as const, factors } };
    for (const config of [parsed, each, odd, stretched, mixed, llama, linear]) {
      assert.deepEqual(
        parseConfig(JSON.parse(JSON.stringify(toHuggingFace(config, "float32"))), "x"),
        config,
      );
    }
  });

  it("writes Mistral's own keys and values", () => {
    const { transformers_version: _, ...expected } = instruct;
    assert.deepEqual(toHuggingFace(parsed, "bfloat16"), { ...expected, head_dim: 128 });
  });
});
