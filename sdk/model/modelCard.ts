/** README.md of an adapter, as the hub shows it: where it comes from, what it needs, how it is loaded. */
import type { AdapterConfig, AdapterOrigin } from "../weights/peft.ts";

/** @param hub the base's name on the hub, where it has one: the card's header may name nothing else */
export function modelCard(config: AdapterConfig, origin: AdapterOrigin, hub: string | undefined): string {
  const header = [
    ...(hub ? [`base_model: ${hub}`] : []),
    "library_name: peft",
    "pipeline_tag: text-generation",
    "tags:",
    "- lora",
    "- mistral-lab",
  ];
  const rows: [string, string][] = [
    ["Base", config.baseModel],
    ...(config.revision ? [["Revision of the base", config.revision] as [string, string]] : []),
    ["sha256 of the base's weights", origin.baseSha256],
    ["Base in training", origin.quantization === "nf4" ? "4 bits (NF4)" : "as stored"],
    ["r, alpha, dropout", `${config.r}, ${config.alpha}, ${config.dropout}`],
    ["Target modules", [config.targetModules].flat().join(", ")],
    ["sha256 of the chat template", origin.templateSha256],
    ["Made with", `mistral-lab ${origin.sdkVersion}`],
  ];
  return `---
${header.join("\n")}
---

# LoRA adapter

| | |
| --- | --- |
${rows.map(([key, value]) => `| ${key} | ${value.replaceAll("|", "\\|")} |`).join("\n")}

The chat template of this folder is the one that it was trained with; another one gives worse answers.

\`\`\`python
from peft import AutoPeftModelForCausalLM
model = AutoPeftModelForCausalLM.from_pretrained("path/to/this/folder")
\`\`\`

\`\`\`ts
import { loadModel } from "mistral-lab";
const model = await loadModel("path/to/this/folder");
\`\`\`
`;
}
