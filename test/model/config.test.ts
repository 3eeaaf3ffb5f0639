import assert from "node:assert/strict";
import { parseConfig, toHuggingFace } from "../../sdk/model/config.ts";

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
      layer_types: ["sliding_attention"],
      tie_word_embeddings: true,
      quantization_config: { quant_method: "bitsandbytes", bnb_4bit_quant_type: "nf4", load_in_8bit: false },
    };
    const expected = { ...parsed, eosIds: [2, 7], slidingWindow: 4096, tieEmbeddings: true };
    assert.deepEqual(parseConfig(json, "x"), expected);
  });

  const refused: [string, object, RegExp][] = [
    ["another model", { model_type: "llama" }, /model_type: .*expected "mistral", got "llama"/],
    [
      "another head",
      { architectures: ["MistralForSequenceClassification"] },
      /architectures\.0: .*"MistralForCausalLM"/,
    ],
    ["another activation", { hidden_act: "gelu" }, /hidden_act: .*"silu".*got "gelu"/],
    ["attention dropout", { attention_dropout: 0.1 }, /attention_dropout: .*0.*got 0\.1/],
    ["biases", { attention_bias: true }, /attention_bias: .*false.*got true/],
    [
      "stretched positions",
      { rope_scaling: { type: "yarn" } },
      /rope_scaling: .*null.*got \{"type":"yarn"\}/,
    ],
    [
      "stretched positions in transformers 5",
      { rope_parameters: { rope_type: "yarn", rope_theta: 1, factor: 4 } },
      /rope_parameters\.rope_type: .*"default".*got "yarn"; rope_parameters\.factor: .*null.*got 4/,
    ],
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
      /layer_types: expected full_attention in every layer, got \["full_attention","sliding_attention"\]/,
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
      /^Error: m\/config\.json: not a Mistral model that this library can run: vocab_size: .*; hidden_act: /,
    );
    assert.throws(() => parseConfig(null, "m/config.json"), /the whole file: .*got null/);
  });
});

describe("toHuggingFace", () => {
  it("writes what parseConfig reads back", () => {
    const odd = { ...parsed, headDim: 96, slidingWindow: 16, eosIds: [2, 3], tieEmbeddings: true };
    for (const config of [parsed, odd]) {
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
