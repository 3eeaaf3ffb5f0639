/** One door to all the forms in which a model leaves: `exportModel`, and what `mistral-lab export` offers. */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { makeFolder } from "../files.ts";
import type { MistralModel } from "../model/mistral.ts";
import { checkOptions } from "../options.ts";
import { exportGguf, exportGgufAdapter } from "./gguf.ts";
import { exportMerged } from "./merged.ts";
import { writeModelfile } from "./modelfile.ts";
import { exportQuantized } from "./quantized.ts";

/** The types of each form, the default first. */
export const EXPORT_TYPES = {
  peft: ["f32"],
  merged: ["16bit", "bf16", "f16", "f32", "nf4"],
  gguf: ["f16", "q8_0", "q4_0", "adapter"],
} as const;
/** A form in which a model leaves: "peft", "merged" or "gguf". */
export type ExportTarget = keyof typeof EXPORT_TYPES;
/** All forms. */
export const EXPORT_TARGETS = Object.keys(EXPORT_TYPES) as ExportTarget[];
/** How numbers are stored; which types a form has stands in `EXPORT_TYPES`. */
export type ExportType = (typeof EXPORT_TYPES)[ExportTarget][number];

const exportOptions = z.strictObject({
  to: z.enum(["peft", "merged", "gguf"]).default("peft"),
  type: z.string().optional(),
});

/** Options of `exportModel`. */
export interface ExportOptions {
  /**
   * "peft" (default): the adapter alone, as PEFT and vLLM load it. "merged": the whole model in Hugging Face layout.
   * "gguf": for llama.cpp and Ollama, with a Modelfile.
   */
  to?: ExportTarget;
  /**
   * merged: "16bit" (default: as the base has it), "bf16", "f16", "f32", or "nf4" for a quantised base without adapter.
   * gguf: "f16" (default), "q8_0", "q4_0" for the merged model, "adapter" for the adapter alone.
   */
  type?: ExportType;
}

/** What `exportModel` wrote. */
export interface Exported {
  /** Names of the files in the folder. */
  files: string[];
  /** What other programs will do otherwise than this library; empty where nothing is known. */
  notes: string[];
}

/**
 * Writes a model into a folder for other programs.
 *
 * @param dir made if needed
 * @throws TypeError for a wrong option; Error when there is no adapter to write, the folder holds a model already, a value
 *   does not fit the type, or the disk refuses
 */
export async function exportModel(
  model: MistralModel,
  dir: string,
  options: ExportOptions = {},
): Promise<Exported> {
  const { to, type: wanted } = checkOptions("exportModel", exportOptions, options);
  const types: readonly string[] = EXPORT_TYPES[to];
  const type = wanted ?? types[0];
  if (!types.includes(type)) {
    throw new TypeError(
      `exportModel: option "type": expected one of ${types.join(", ")} for "${to}", got "${type}"`,
    );
  }
  if (to === "peft") {
    await model.save(dir);
    return { files: readdirSync(dir), notes: [] };
  }
  if (to === "merged") return { files: await merged(model, dir, type), notes: [] };
  const name = nameOf(model);
  makeFolder(dir);
  if (type === "adapter") {
    const file = `${name}-adapter.gguf`;
    exportGgufAdapter(model, join(dir, file));
    return { files: [file, writeModelfile(model, dir, { adapter: file })], notes: [] };
  }
  const file = `${name}-${type}.gguf`;
  const notes = exportGguf(model, join(dir, file), type as "f16" | "q8_0" | "q4_0");
  return { files: [file, writeModelfile(model, dir, { model: file })], notes };
}

async function merged(model: MistralModel, dir: string, type: string): Promise<string[]> {
  if (type === "nf4") return exportQuantized(model, dir);
  const names = { bf16: "bfloat16", f16: "float16", f32: "float32" } as const;
  return exportMerged(model, dir, type === "16bit" ? {} : { type: names[type as keyof typeof names] });
}

/** A file's name for the model: the last part of its source. */
function nameOf({ source }: MistralModel): string {
  const name = basename(source.replace(/@[^@]*$/, "")).replace(/\.gguf$/i, "");
  return name.replace(/[^\w.-]/g, "_") || "model";
}
