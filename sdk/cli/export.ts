/** `mistral-lab export` and `mistral-lab inspect`: a model for other programs, and what a file or folder is. */
import { type Command, Option } from "commander";
import pc from "picocolors";
import type { Device, ExportTarget, ExportType, Inspection } from "../index.ts";
import { bytes, count } from "../views/numbers.ts";
import { required, type Unchecked } from "./errors.ts";
import { requireModel } from "./folders.ts";
import { loadShown } from "./loading.ts";
import { deviceOption, jsonOption } from "./options.ts";
import { Output } from "./output.ts";

interface ExportFlags {
  to: ExportTarget;
  type?: ExportType;
  out: string;
  device: Device;
  json?: boolean;
}

export function addExport(program: Command): void {
  program
    .command("export")
    .summary("write a model for other programs")
    .description(
      "Write a tuned model for other programs: its adapter for PEFT and vLLM, the merged model in Hugging Face layout, or GGUF for llama.cpp and Ollama, with a Modelfile.",
    )
    .argument("<model>", "folder of a tuned model, of a base, a GGUF file, or a model of the hub")
    .addOption(new Option("--to <form>", "what to write").choices(["peft", "merged", "gguf"]).default("peft"))
    .option(
      "--type <type>",
      "merged: 16bit (as the base has it), bf16, f16, f32, nf4; gguf: f16, q8_0, q4_0, adapter; default: the first",
    )
    .addOption(new Option("--out <dir>", "folder to write into"))
    .addOption(deviceOption())
    .addOption(jsonOption('"exported" with the files; "error"'))
    .addHelpText(
      "after",
      `
${pc.bold("Examples:")}
  mistral-lab export mistral-finetuned --to merged --out merged
  mistral-lab export mistral-finetuned --to gguf --type q8_0 --out gguf && ollama create mine -f gguf/Modelfile
  mistral-lab export mistral-finetuned --to gguf --type adapter --out adapter`,
    )
    .action((model: string, { out, ...flags }: Unchecked<ExportFlags, "out">) =>
      exportCommand(model, { ...flags, out: required(out, "--out <dir>") }),
    );
}

async function exportCommand(source: string, flags: ExportFlags): Promise<void> {
  requireModel(source);
  const output = new Output(flags.json);
  const lab = await import("../index.ts");
  const { note } = await lab.useDevice(flags.device);
  if (note) output.warn(note);
  const loaded = await loadShown(lab, output, source);
  // With an adapter the export says what to do instead.
  const isBase = lab.trainableParameters(loaded) === 0;
  const model = isBase && flags.type === "nf4" && flags.to === "merged" ? lab.quantize(loaded) : loaded;
  const { files, notes } = await output.during(`writing ${flags.out}`, () =>
    lab.exportModel(model, flags.out, { to: flags.to, ...(flags.type ? { type: flags.type } : {}) }),
  );
  output.event({ type: "exported", dir: flags.out, files, notes });
  output.topic("Written", `${flags.out}: ${files.join(", ")}`);
  for (const text of notes) output.warn(text);
}

export function addInspect(program: Command): void {
  program
    .command("inspect")
    .summary("say what a model file or folder is")
    .description(
      "Say what a file or folder is: architecture, parameters, quantisation, adapter, template, tokenizer, size, and the memory that it takes to train and to chat. Weights are not loaded.",
    )
    .argument("<path>", "folder of a model or adapter, a GGUF file, or a model of the hub")
    .addOption(jsonOption('"inspection"; "error"'))
    .action(async (path: string, flags: { json?: boolean }) => {
      requireModel(path);
      const output = new Output(flags.json);
      const lab = await import("../index.ts");
      const found = await lab.inspect(path);
      output.event({ type: "inspection", ...found });
      show(output, found);
    });
}

function show(output: Output, found: Inspection): void {
  const { kind, path, parameters, types, architecture, config, tokenizer, memory, adapter } = found;
  const stored = Object.entries(types).map(([type, tensors]) => `${tensors} in ${type}`);
  output.topic("What", `${kind}, ${path}`);
  output.topic(
    "Size",
    `${count(parameters)} parameters, ${bytes(found.bytes)}; tensors: ${stored.join(", ")}`,
  );
  if (config) {
    const { layers, hiddenSize, heads, kvHeads, headDim, maxPositions, slidingWindow, ropeScaling } = config;
    const window = slidingWindow === null ? "" : `, window ${slidingWindow}`;
    const rope = ropeScaling ? `, RoPE stretched (${ropeScaling.type})` : "";
    output.topic(
      "Shape",
      `${adapter ? "the base is " : ""}${architecture}: ${layers} layers of ${hiddenSize}, ${heads} heads of ${headDim} on ${kvHeads}, up to ${maxPositions} tokens${window}${rope}`,
    );
  }
  if (adapter) {
    const facts = Object.entries({ ...adapter, ...(tokenizer ? { template: "" } : {}) })
      .filter(([, value]) => value !== "")
      .map(([key, value]) => `${key} ${value}`);
    output.topic("Adapter", facts.join("; "));
  }
  if (tokenizer) {
    const { ids, template } = tokenizer;
    const chat = template ? `chat template ${template.slice(0, 12)}…` : "no chat template (a base model)";
    output.topic("Tokenizer", `${ids} ids, ${chat}`);
  }
  if (memory) {
    const { chat, train, load, tokens } = memory;
    output.topic(
      "Memory",
      `about ${bytes(chat)} to chat and ${bytes(train)} to train in 4 bits with ${tokens} tokens; ${bytes(load)} to load`,
    );
  }
}
