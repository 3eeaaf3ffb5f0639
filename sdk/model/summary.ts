/** A model in plain numbers, for people: its matrices by kind, what they occupy, what is trained. */
import * as tf from "@tensorflow/tfjs";
import type { ModelValue } from "../views/model.ts";
import { type LoraMatrices, type MistralWeights, PROJECTIONS, type Projection } from "./layers.ts";
import type { MistralModel } from "./mistral.ts";

type Part = ModelValue["parts"][number] & { parameters: number };

export function modelSummary(model: Pick<MistralModel, "config" | "weights" | "source">): ModelValue {
  const parts = matrices(model.weights);
  const sum = (value: (part: Part) => number) => parts.reduce((total, part) => total + value(part), 0);
  const parameters = sum((part) => part.parameters);
  return {
    source: model.source,
    parameters,
    bytes: sum((part) => part.bytes),
    bfloat16Bytes: parameters * 2,
    trainable: sum((part) => part.trainable),
    config: Object.fromEntries(
      Object.entries(model.config).map(([key, value]) => [
        key,
        typeof value === "object" && value !== null ? JSON.stringify(value) : (value as string | number),
      ]),
    ),
    lora: adapterFacts(model.weights),
    parts,
  };
}

function matrices({ embedding, head, layers, norm }: MistralWeights): Part[] {
  const parts = [part("embedding", [{ weight: embedding }])];
  for (const name of PROJECTIONS) {
    if (layers.length > 0)
      parts.push(
        part(
          name,
          layers.map((layer) => layer[name]),
        ),
      );
  }
  if (head !== embedding) parts.push(part("head", [{ weight: head }]));
  const norms = 2 * layers.length + 1;
  parts.push({
    name: "norms",
    kind: "float32",
    count: norms,
    shape: `${norm.size}`,
    bytes: norms * norm.size * 4,
    parameters: norms * norm.size,
    trainable: norm instanceof tf.Variable ? norms * norm.size : 0,
  });
  return parts;
}

/** The same matrix of every layer. */
function part(name: string, projections: readonly Projection[]): Part {
  const [{ weight }] = projections;
  const [out, inn] = weight.shape;
  const frozen = weight instanceof tf.Tensor ? undefined : weight;
  const bytes = projections.reduce(
    (sum, { weight }) => sum + (weight instanceof tf.Tensor ? weight.size * 4 : weight.bytes),
    0,
  );
  const bits = (8 * bytes) / (projections.length * out * inn);
  const trained = ({ weight, lora }: Projection) =>
    (weight instanceof tf.Tensor ? weight.size : 0) + (lora ? lora.a.size + lora.b.size : 0);
  return {
    name,
    kind: frozen?.kind === "nf4" ? `NF4, ${bits.toFixed(2)} bits` : bits === 16 ? "bfloat16" : "float32",
    count: projections.length,
    shape: `${out} × ${inn}`,
    bytes,
    parameters: projections.length * out * inn,
    trainable: projections.reduce((sum, projection) => sum + trained(projection), 0),
  };
}

function adapterFacts({ layers: [first] }: MistralWeights): ModelValue["lora"] {
  if (!first) return undefined;
  const targets = PROJECTIONS.filter((name) => first[name].lora);
  const lora: LoraMatrices | undefined = targets.length > 0 ? first[targets[0]].lora : undefined;
  if (!lora) return undefined;
  const { r, alpha, dropout } = lora;
  return { r: String(r), alpha: String(alpha), dropout: String(dropout), on: targets.join(", ") };
}
