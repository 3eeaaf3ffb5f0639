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
  /** Of the first adapted module, and the projections that any layer adapts; null in full-parameter training. */
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
  const { layers } = model.weights;
  const targetModules = PROJECTIONS.filter((name) => layers.some((layer) => layer[name].lora));
  const lora = layers.find((layer) => layer[targetModules[0]]?.lora)?.[targetModules[0]].lora;
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
