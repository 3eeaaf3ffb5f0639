/** Which checkpoint a run goes on from, and whether it may. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { type Checkpoint, listCheckpoints, readCheckpoint, type TrainerState } from "./checkpoint.ts";
import type { AdamW } from "./optimizer.ts";
import type { ResolvedTrainOptions } from "./options.ts";
import { RUN_FILE } from "./runFolder.ts";

/** What must be the same in a run and in its continuation. */
export type Identity = Pick<TrainerState, "options" | "dataset" | "model">;

/**
 * The checkpoint that `resume` means; undefined when it is off, or when the folder's run had not saved one yet.
 *
 * @throws when there is no such run, or when data, model or mathematics differ (names every difference)
 */
export function checkpointToResume(
  { resume, outputDir }: Pick<ResolvedTrainOptions, "resume" | "outputDir">,
  identity: Identity,
): (Checkpoint & { path: string }) | undefined {
  if (resume === false) return undefined;
  if (resume === true && outputDir !== undefined && listCheckpoints(outputDir).length === 0) {
    if (existsSync(join(outputDir, RUN_FILE))) return undefined;
    throw new Error(
      `resume: ${outputDir} holds no run to go on with; check outputDir, or leave resume out to begin one`,
    );
  }
  const checkpoint = readCheckpoint(resume === true ? outputDir! : resume);
  refuseDifferences(checkpoint.path, checkpoint.state, identity);
  return checkpoint;
}

function refuseDifferences(path: string, saved: Identity, now: Identity): void {
  const differences: string[] = [];
  for (const key of new Set([...Object.keys(saved.options), ...Object.keys(now.options)])) {
    const [before, after] = [saved.options[key], now.options[key]];
    if (before !== after) differences.push(`${key} was ${before}, is ${after}`);
  }
  if (saved.dataset !== now.dataset)
    differences.push("the examples are not the same (texts, order, template or tokenizer)");
  if (saved.model !== now.model)
    differences.push("the model is not the same (base weights, quantisation or adapter settings)");
  if (differences.length === 0) return;
  throw new Error(
    `resume: ${path} belongs to another run: ${differences.join("; ")}. Use the same values to go on, or begin a new run in another outputDir`,
  );
}

/**
 * Puts the checkpoint's values into the model's variables and the optimizer.
 *
 * @throws when names or shapes are not those of the model; nothing is changed then
 */
export function restore(
  checkpoint: Checkpoint & { path: string },
  variables: ReadonlyMap<string, tf.Variable>,
  optimizer: AdamW,
): void {
  const { trainable, path } = checkpoint;
  const problems: string[] = [];
  for (const [name, { shape }] of variables) {
    const saved = trainable.get(name);
    if (!saved) problems.push(`"${name}" is missing`);
    else if (!tf.util.arraysEqual([...saved.shape], shape))
      problems.push(`"${name}": expected [${shape}], got [${saved.shape}]`);
  }
  for (const name of trainable.keys())
    if (!variables.has(name)) problems.push(`"${name}" is not in the model`);
  if (problems.length > 0) throw new Error(`resume: ${path}: ${problems.join("; ")}`);
  optimizer.restore(checkpoint.optimizer);
  for (const [name, variable] of variables) {
    const value = tf.tensor(trainable.get(name)!.data, variable.shape, "float32");
    variable.assign(value);
    value.dispose();
  }
}
