import * as tf from "@tensorflow/tfjs";
import { z } from "zod";
import { activeCuda } from "../backend/cuda/backend.ts";
import { checkOptions } from "../options.ts";
import { quantizeWeightsOnDevice } from "../weights/deviceWeight.ts";
import { NF4Weight } from "../weights/nf4.ts";
import { StoredWeight } from "../weights/storedWeight.ts";
import { DenseWeight, type FrozenWeight } from "../weights/weight.ts";
import { type Layer, PROJECTIONS } from "./layers.ts";
import { hasLora } from "./lora.ts";
import { checkModel, MistralModel } from "./mistral.ts";
import { modelSummary } from "./summary.ts";

const quantizeOptions = z.strictObject({ doubleQuant: z.boolean().default(true) });

/** Options of `quantize`. */
export interface QuantizeOptions {
  /**
   * Store the block scales in 8 bits too: 4.13 bits a value instead of 4.5, with a slightly larger error.
   * Default true, as in the QLoRA paper.
   */
  doubleQuant?: boolean;
}

/**
 * A model whose seven projections hold 4-bit NormalFloat values (Dettmers et al. 2023, "QLoRA"), byte for byte as
 * bitsandbytes makes them. Embedding, norms and head stay as they are, as in bitsandbytes.
 *
 * @throws when an option is wrong, when an adapter is attached, or when the weights are variables (full training)
 */
export function quantize(model: MistralModel, options: QuantizeOptions = {}): MistralModel {
  const { doubleQuant } = checkOptions("quantize", quantizeOptions, options);
  checkModel("quantize", model);
  if (hasLora(model))
    throw new Error("quantize: the model has an adapter; quantise its base, then attachLora");
  const dense = new Map<string, FrozenWeight>();
  model.weights.layers.forEach((layer, i) => {
    for (const name of PROJECTIONS) {
      const { weight } = layer[name];
      if (weight instanceof tf.Tensor) {
        throw new Error(
          `quantize: layer ${i} ${name} is a trainable variable; save the model and load it again`,
        );
      }
      if (weight.kind !== "nf4") dense.set(`layer ${i} ${name}`, weight);
    }
  });
  const cuda = activeCuda();
  const quantized = cuda
    ? quantizeWeightsOnDevice(cuda, dense, doubleQuant)
    : new Map(
        [...dense].map(([name, weight]) => [
          name,
          weight instanceof StoredWeight
            ? weight.quantize(doubleQuant)
            : named(name, () =>
                NF4Weight.quantize(weight.dequantize(), weight.shape, {
                  doubleQuant,
                  sourceDtype: storedAs(weight),
                }),
              ),
        ]),
      );
  const layers = model.weights.layers.map((layer, i) => {
    const small: Layer = { ...layer };
    for (const name of PROJECTIONS) {
      small[name] = { weight: quantized.get(`layer ${i} ${name}`) ?? layer[name].weight };
    }
    return small;
  });
  return new MistralModel(model.config, { ...model.weights, layers }, model.tokenizer, model.source);
}

/** Says which matrix it is about. */
function named<T>(matrix: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new Error(`quantize: ${matrix}: ${(cause as Error).message}`, { cause });
  }
}

function storedAs(weight: FrozenWeight): "float32" | "bfloat16" {
  return weight instanceof DenseWeight && weight.data instanceof Uint16Array ? "bfloat16" : "float32";
}

/** Bytes that the model's frozen weights occupy, and what they would be in bfloat16. */
export function weightBytes(model: MistralModel): {
  bytes: number;
  bfloat16Bytes: number;
  parameters: number;
} {
  const { bytes, bfloat16Bytes, parameters } = modelSummary(model);
  return { bytes, bfloat16Bytes, parameters };
}
