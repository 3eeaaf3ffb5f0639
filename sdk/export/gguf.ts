/** GGUF files for llama.cpp and Ollama: a whole model with its adapter merged in, or the adapter alone. */
import { basename, dirname } from "node:path";
import { makeFolder } from "../files.ts";
import type { MistralConfig } from "../model/config.ts";
import { loraScale, modulePath, PROJECTIONS } from "../model/layers.ts";
import type { MistralModel } from "../model/mistral.ts";
import { inverseFrequencies, yarnAttention } from "../model/ropeScaling.ts";
import { ggufName, reorderRows, rotatedProjection } from "../weights/gguf/names.ts";
import { encodeGguf, typeBytes, type WritableType } from "../weights/gguf/types.ts";
import { type GgufField, type GgufTensorToWrite, writeGguf } from "../weights/gguf/write.ts";
import { ggufVocabulary } from "./ggufVocabulary.ts";
import { mergedWeights, roundTo16 } from "./weights.ts";

export const GGUF_TYPES = ["f16", "q8_0", "q4_0"] as const;
/** How matrices are stored in a GGUF file: 16 bits, or blocks of 8 or 4 bits. */
export type GgufExportType = (typeof GGUF_TYPES)[number];

/** What llama.cpp calls a file of these types (general.file_type). */
const FILE_TYPES: Record<GgufExportType, number> = { f16: 1, q8_0: 7, q4_0: 2 };

/**
 * Writes the model as one GGUF file, with its tokenizer and chat template.
 *
 * @param file a name that ends in .gguf; its folder is made if needed
 * @param type of the matrices. "q4_0" keeps embedding and head in 8 bits, where 4 cost most; norms are float32 always.
 * @returns what llama.cpp will do otherwise than this library, in words; empty where nothing
 * @throws when a value does not fit the type, the tokenizer is no BPE, or the disk refuses
 */
export function exportGguf(model: MistralModel, file: string, type: GgufExportType = "f16"): string[] {
  const { config, tokenizer } = model;
  const { fields, warning } = ggufVocabulary(tokenizer, config.vocabSize);
  const metadata = new Map<string, GgufField>([
    ["general.architecture", { type: "string", value: "llama" }],
    ["general.type", { type: "string", value: "model" }],
    ["general.name", { type: "string", value: basename(file, ".gguf") }],
    ["general.file_type", { type: "uint32", value: FILE_TYPES[type] }],
    ["general.quantization_version", { type: "uint32", value: 2 }],
    ...shapeFields(config),
    ...fields,
  ]);
  const tensors = new Map<string, GgufTensorToWrite>();
  const factors = ropeFactors(config);
  if (factors) tensors.set("rope_freqs.weight", float32Tensor([factors.length], factors));
  for (const [name, { shape, values, nudged }] of mergedWeights(model)) {
    const stored = storedType(name, shape, type);
    const data = () => {
      const bytes =
        stored === "F16"
          ? asBytes(roundTo16(values(), "float16", nudged, name))
          : encodeGguf(stored, values(), name);
      const rotated = rotatedProjection(name);
      if (!rotated) return bytes;
      return reorderRows(bytes, shape[0], rotated === "q_proj" ? config.heads : config.kvHeads, "gguf");
    };
    tensors.set(ggufName(name), { type: stored, shape, data });
  }
  makeFolder(dirname(file));
  writeGguf(file, metadata, tensors);
  return [...(warning ? [warning] : []), ...warnings(config)];
}

/**
 * Writes the adapter alone, which llama.cpp lays over a GGUF file of the base (`--lora`).
 *
 * @param file a name that ends in .gguf; its folder is made if needed
 * @throws when the model has no adapter, its parts have different scales, or the disk refuses
 */
export function exportGgufAdapter(model: MistralModel, file: string): void {
  const { config } = model;
  const tensors = new Map<string, GgufTensorToWrite>();
  const scales = new Set<number>();
  for (const [i, layer] of model.weights.layers.entries()) {
    for (const name of PROJECTIONS) {
      const { lora, weight } = layer[name];
      if (!lora) continue;
      scales.add(loraScale(lora) * lora.r);
      const path = `model.layers.${i}.${modulePath(name)}.weight`;
      const [out, inn] = weight.shape;
      const rotated = rotatedProjection(path);
      const b = () => {
        const bytes = asBytes(Float32Array.from(lora.b.dataSync()));
        if (!rotated) return bytes;
        return reorderRows(bytes, out, rotated === "q_proj" ? config.heads : config.kvHeads, "gguf");
      };
      const a = () => asBytes(Float32Array.from(lora.a.dataSync()));
      tensors.set(`${ggufName(path)}.lora_a`, { type: "F32", shape: [lora.r, inn], data: a });
      tensors.set(`${ggufName(path)}.lora_b`, { type: "F32", shape: [out, lora.r], data: b });
    }
  }
  if (scales.size === 0) throw new Error("exportGgufAdapter: the model has no adapter; attachLora first");
  // llama.cpp multiplies each B A by one alpha for the whole file, by the rank of that part.
  if (scales.size > 1) {
    throw new Error(
      `exportGgufAdapter: GGUF has one alpha for all parts, this adapter has ${[...scales].join(", ")}: export it merged`,
    );
  }
  const metadata = new Map<string, GgufField>([
    ["general.architecture", { type: "string", value: "llama" }],
    ["general.type", { type: "string", value: "adapter" }],
    ["general.name", { type: "string", value: basename(file, ".gguf") }],
    ["adapter.type", { type: "string", value: "lora" }],
    ["adapter.lora.alpha", { type: "float32", value: [...scales][0] }],
  ]);
  makeFolder(dirname(file));
  writeGguf(file, metadata, tensors);
}

function storedType(name: string, shape: readonly number[], type: GgufExportType): WritableType {
  if (shape.length === 1) return "F32";
  if (type === "f16") return "F16";
  const whole = name.startsWith("model.embed_tokens") || name.startsWith("lm_head");
  const wanted = type === "q8_0" || whole ? "Q8_0" : "Q4_0";
  // Rows that are no whole number of blocks stay in 16 bits.
  return typeBytes(wanted, shape) === undefined ? "F16" : wanted;
}

function shapeFields(config: MistralConfig): [string, GgufField][] {
  const whole = (key: string, value: number): [string, GgufField] => [
    `llama.${key}`,
    { type: "uint32", value },
  ];
  const real = (key: string, value: number): [string, GgufField] => [
    `llama.${key}`,
    { type: "float32", value },
  ];
  const fields = [
    whole("vocab_size", config.vocabSize),
    whole("context_length", config.maxPositions),
    whole("embedding_length", config.hiddenSize),
    whole("block_count", config.layers),
    whole("feed_forward_length", config.intermediateSize),
    whole("attention.head_count", config.heads),
    whole("attention.head_count_kv", config.kvHeads),
    whole("attention.key_length", config.headDim),
    whole("attention.value_length", config.headDim),
    whole("rope.dimension_count", config.headDim),
    real("rope.freq_base", config.ropeTheta),
    real("attention.layer_norm_rms_epsilon", config.rmsNormEps),
  ];
  const { ropeScaling } = config;
  if (ropeScaling?.type === "linear" || ropeScaling?.type === "yarn") {
    fields.push(["llama.rope.scaling.type", { type: "string", value: ropeScaling.type }]);
    fields.push(real("rope.scaling.factor", ropeScaling.factor));
  }
  if (ropeScaling?.type === "yarn") {
    fields.push(whole("rope.scaling.original_context_length", ropeScaling.originalMaxPositions));
    fields.push(real("rope.scaling.yarn_beta_fast", ropeScaling.betaFast));
    fields.push(real("rope.scaling.yarn_beta_slow", ropeScaling.betaSlow));
    const more = ropeScaling.attentionFactor / yarnAttention(ropeScaling.factor);
    if (Math.fround(more) !== 1) fields.push(real("rope.scaling.attn_factor", more));
  }
  return fields;
}

/** By what llama.cpp divides each angle, where its own formulas do not say so. */
function ropeFactors({ ropeScaling, headDim, ropeTheta }: MistralConfig): Float32Array | undefined {
  if (ropeScaling?.type === "factors") return Float32Array.from(ropeScaling.factors);
  if (ropeScaling?.type !== "llama3") return undefined;
  const plain = inverseFrequencies(headDim, ropeTheta);
  return inverseFrequencies(headDim, ropeTheta, ropeScaling).map((scaled, i) => plain[i] / scaled);
}

function warnings({ slidingWindow, maxPositions, ropeScaling }: MistralConfig): string[] {
  const found: string[] = [];
  if (slidingWindow !== null && slidingWindow < maxPositions) {
    found.push(
      `llama.cpp knows no sliding window for this architecture: texts of more than ${slidingWindow} tokens are attended to in full there`,
    );
  }
  if (ropeScaling?.type === "yarn" && !ropeScaling.truncate) {
    found.push(
      "llama.cpp rounds the range of YaRN's angles, which this model does not: logits differ a little there",
    );
  }
  return found;
}

function float32Tensor(shape: number[], values: Float32Array): GgufTensorToWrite {
  return { type: "F32", shape, data: () => asBytes(values) };
}

function asBytes({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
