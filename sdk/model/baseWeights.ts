/** The tensors of a base model: which there are, whether a file has them, and how each is held. */
import * as tf from "@tensorflow/tfjs";
import { activeCuda } from "../backend/cuda/backend.ts";
import { isNf4, nf4Shape, readNf4 } from "../weights/bitsandbytes.ts";
import { exactBfloat16, type TensorSource, toFloat32 } from "../weights/safetensors.ts";
import { StoredWeight } from "../weights/storedWeight.ts";
import { DenseWeight, type FrozenWeight } from "../weights/weight.ts";
import type { MistralConfig } from "./config.ts";
import { type Layer, type MistralWeights, modulePath, PROJECTIONS, type ProjectionName } from "./layers.ts";

/** Bytes of tensors from which a model on `native` stays in its files: a smaller one is read in a moment. */
export const LARGE_BYTES = 2 ** 30;

/** [out, in] of a layer's matrices. */
export function projectionShapes(config: MistralConfig): Record<ProjectionName, [number, number]> {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim } = config;
  return {
    q_proj: [heads * headDim, hiddenSize],
    k_proj: [kvHeads * headDim, hiddenSize],
    v_proj: [kvHeads * headDim, hiddenSize],
    o_proj: [hiddenSize, heads * headDim],
    gate_proj: [intermediateSize, hiddenSize],
    up_proj: [intermediateSize, hiddenSize],
    down_proj: [hiddenSize, intermediateSize],
  };
}

/** Every tensor of the architecture by its Hugging Face name, with its shape. */
export function tensorShapes(config: MistralConfig): Map<string, number[]> {
  const { hiddenSize, vocabSize } = config;
  const projections = projectionShapes(config);
  const shapes = new Map<string, number[]>([["model.embed_tokens.weight", [vocabSize, hiddenSize]]]);
  for (let i = 0; i < config.layers; i++) {
    shapes.set(`model.layers.${i}.input_layernorm.weight`, [hiddenSize]);
    shapes.set(`model.layers.${i}.post_attention_layernorm.weight`, [hiddenSize]);
    for (const name of PROJECTIONS)
      shapes.set(`model.layers.${i}.${modulePath(name)}.weight`, projections[name]);
  }
  shapes.set("model.norm.weight", [hiddenSize]);
  if (!config.tieEmbeddings) shapes.set("lm_head.weight", [vocabSize, hiddenSize]);
  return shapes;
}

/** @throws when a tensor is missing or has a wrong shape or dtype; all are named */
export function checkTensors(file: TensorSource, config: MistralConfig): void {
  const problems: string[] = [];
  for (const [name, shape] of tensorShapes(config)) {
    const info = file.tensors.get(name);
    if (!info) {
      problems.push(`"${name}" is missing`);
      continue;
    }
    const nf4 = isNf4Projection(file, name);
    if (!nf4 && !["F32", "F16", "BF16"].includes(info.dtype)) {
      problems.push(`"${name}": expected dtype F32, F16 or BF16, got ${info.dtype}`);
      continue;
    }
    const got = nf4 ? nf4Shape(file, name) : info.shape;
    if (!tf.util.arraysEqual([...got], shape)) {
      problems.push(`"${name}": expected shape [${shape}] from config.json, got [${got}]`);
    }
  }
  if (problems.length === 0) return;
  const shown =
    problems.slice(0, 10).join("; ") + (problems.length > 10 ? `; and ${problems.length - 10} more` : "");
  throw new Error(
    `${file.path}: the weights do not fit config.json: ${shown}. Take all files from the same checkpoint.`,
  );
}

/** Embedding and head are never in 4 bits, in bitsandbytes and here. */
function isNf4Projection(file: TensorSource, name: string): boolean {
  return name.endsWith("_proj.weight") && isNf4(file, name);
}

function staysInFiles(file: TensorSource, keepInFiles: boolean | undefined): boolean {
  if (activeCuda()) return true;
  if (tf.getBackend() !== "native") return false;
  const bytes = [...file.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  return keepInFiles ?? bytes >= LARGE_BYTES;
}

/**
 * @param keepInFiles whether matrices stay in their file until they are used; undefined: as `LoadOptions` says
 */
export function readWeights(
  file: TensorSource,
  config: MistralConfig,
  keepInFiles: boolean | undefined,
): MistralWeights {
  const stays = staysInFiles(file, keepInFiles);
  const matrix = (name: string): FrozenWeight => {
    if (isNf4Projection(file, name)) return readNf4(file, name);
    const place = stays ? file.locate(name) : undefined;
    if (place) return new StoredWeight(place, name);
    const value = file.read(name);
    const [out, inn] = value.shape;
    return new DenseWeight([out, inn], exactBfloat16(value, name) ?? toFloat32(value, name));
  };
  const vector = (name: string) => tf.tensor1d(toFloat32(file.read(name), name));
  const embedding = matrix("model.embed_tokens.weight");
  const layers = Array.from({ length: config.layers }, (_, i): Layer => {
    const prefix = `model.layers.${i}.`;
    const projection = (name: ProjectionName) => ({ weight: matrix(`${prefix}${modulePath(name)}.weight`) });
    return {
      inputNorm: vector(`${prefix}input_layernorm.weight`),
      postAttentionNorm: vector(`${prefix}post_attention_layernorm.weight`),
      q_proj: projection("q_proj"),
      k_proj: projection("k_proj"),
      v_proj: projection("v_proj"),
      o_proj: projection("o_proj"),
      gate_proj: projection("gate_proj"),
      up_proj: projection("up_proj"),
      down_proj: projection("down_proj"),
    };
  });
  const head = config.tieEmbeddings ? embedding : matrix("lm_head.weight");
  return { embedding, layers, norm: vector("model.norm.weight"), head };
}
