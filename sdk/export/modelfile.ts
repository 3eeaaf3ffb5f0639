/** A Modelfile for Ollama: which file to load, how a turn is written, where an answer ends. */
import { join } from "node:path";
import { writeWhole } from "../files.ts";
import type { MistralModel } from "../model/mistral.ts";

const FILE = "Modelfile";
const [USER, ANSWER] = ["\uE000", "\uE001"];

/** The merged model's file, or the adapter's, whose base the reader fills in. */
type Source = { model: string } | { adapter: string };

/** Writes the Modelfile; returns its name. @throws when the disk refuses */
export function writeModelfile(model: MistralModel, dir: string, source: Source): string {
  const { tokenizer } = model;
  const lines =
    "model" in source
      ? [`FROM ./${source.model}`]
      : [
          `# The base as a GGUF file: mistral-lab export ${model.source} --to gguf --out .`,
          "FROM ./base.gguf",
          `ADAPTER ./${source.adapter}`,
        ];
  const turn = tokenizer.hasTemplate ? turnOf(model) : undefined;
  if (turn !== undefined) lines.push(`TEMPLATE """${turn}"""`);
  const end = tokenizer.decode([tokenizer.eosId], { skipSpecial: false });
  lines.push(`PARAMETER stop ${JSON.stringify(end)}`, "PARAMETER temperature 0");
  writeWhole(join(dir, FILE), `${lines.join("\n")}\n`);
  return FILE;
}

/**
 * One turn in Ollama's words: the chat template is rendered with place-holders, which become .Prompt and .Response. The
 * system prompt stands before the message, as this library has it where a template knows none. BOS is left to Ollama.
 */
function turnOf({ tokenizer }: MistralModel): string | undefined {
  const { template, bosId } = tokenizer;
  const text = template.render([
    { role: "user", content: USER },
    { role: "assistant", content: ANSWER },
  ]);
  const bos = bosId === undefined ? "" : tokenizer.decode([bosId], { skipSpecial: false });
  const [before, between, after] = text.split(new RegExp(`[${USER}${ANSWER}]`));
  if (after === undefined || text.includes('"""') || text.includes("{{")) return undefined;
  const start = before.startsWith(bos) ? before.slice(bos.length) : before;
  return `${start}{{ if .System }}{{ .System }}\n\n{{ end }}{{ .Prompt }}${between}{{ .Response }}${after}`;
}
