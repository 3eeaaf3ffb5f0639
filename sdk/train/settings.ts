import { PROJECTIONS } from "../model/layers.ts";
import { trainableParameters } from "../model/lora.ts";
import type { MistralModel } from "../model/mistral.ts";
import type { ResolvedTrainOptions } from "./options.ts";
import type { Identity } from "./resume.ts";

/** The contents of `run.json`: every option with its value, the model, the adapter, and what the run was made on. */
export interface RunSettings {
  startedAt: string;
  node: string;
  baseModel: string;
  trainableParameters: number;
  /** null in full-parameter training */
  lora: { r: number; alpha: number; dropout: number; targetModules: string[] } | null;
  options: Record<string, unknown>;
  dataset: string;
  model: string;
}

export function runSettings(
  model: MistralModel,
  options: ResolvedTrainOptions,
  { dataset, model: hash }: Identity,
): RunSettings {
  const { evalExamples, signal: _signal, figure: _figure, ...plain } = options;
  const [first] = model.weights.layers;
  const targetModules = first ? PROJECTIONS.filter((name) => first[name].lora) : [];
  const lora = targetModules.length > 0 ? first[targetModules[0]].lora : undefined;
  return {
    startedAt: new Date().toISOString(),
    node: process.version,
    baseModel: model.source,
    trainableParameters: trainableParameters(model),
    lora: lora ? { r: lora.r, alpha: lora.alpha, dropout: lora.dropout, targetModules } : null,
    options: { ...plain, evalExamples: evalExamples?.length ?? 0 },
    dataset,
    model: hash,
  };
}
