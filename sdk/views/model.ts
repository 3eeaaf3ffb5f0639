/** A model in numbers: its size, what is trained of it, and its matrices by kind. */
import { type MimeBundle, mimeBundle } from "./bundle.ts";
import { bar, facts, html, output } from "./html.ts";
import { bytes, count } from "./numbers.ts";

/** `parts` are its matrices by kind with their bytes. */
export interface ModelValue {
  source: string;
  parameters: number;
  bytes: number;
  bfloat16Bytes: number;
  trainable: number;
  config: Readonly<Record<string, string | number | boolean | null>>;
  /** Of the adapter, where there is one. */
  lora?: Readonly<Record<string, string>>;
  parts: readonly {
    name: string;
    kind: string;
    count: number;
    shape: string;
    bytes: number;
    trainable: number;
  }[];
}

export function modelView(model: ModelValue): MimeBundle {
  const million = (value: number) => (value >= 1e6 ? `${(value / 1e6).toFixed(2)} M` : count(value));
  const pairs: [string, string][] = [
    ["parameters", million(model.parameters)],
    ["weights", `${bytes(model.bytes)} (bfloat16 would be ${bytes(model.bfloat16Bytes)})`],
    [
      "trainable",
      `${million(model.trainable)} (${((100 * model.trainable) / model.parameters).toFixed(2)} %)`,
    ],
  ];
  const adapter = Object.entries(model.lora ?? {});
  const total = Math.max(1, ...model.parts.map((part) => part.bytes));
  const rows = model.parts.map(
    ({ name, kind, count: copies, shape, bytes: size, trainable }) =>
      html`<tr><td>${name}</td><td class="mlab-n">${copies}</td><td>${shape}</td><td>${kind}</td><td class="mlab-n">${bytes(size)}</td><td>${bar(size / total, "first", 8)}</td><td class="mlab-n">${trainable > 0 ? count(trainable) : "–"}</td></tr>`,
  );
  const config = Object.entries(model.config).map(([key, value]): [string, string] => [
    key,
    String(value ?? "–"),
  ]);
  return mimeBundle(
    [
      model.source,
      pairs.map(([label, value]) => `${label}: ${value}`).join(", "),
      adapter.map(([label, value]) => `${label} ${value}`).join(", "),
      ...model.parts.map(
        ({ name, kind, count: copies, shape, bytes: size }) =>
          `  ${name} ${copies} × ${shape} ${kind} ${bytes(size)}`,
      ),
    ]
      .filter(Boolean)
      .join("\n"),
    output(
      html`<div class="mlab-line"><b>${model.source}</b></div>`,
      facts(pairs),
      adapter.length > 0 && facts(adapter.map(([label, value]) => [`LoRA ${label}`, value])),
      html`<table class="mlab-t"><thead><tr><th>matrix</th><th class="mlab-n">count</th><th>shape</th><th>held as</th><th class="mlab-n">memory</th><th></th><th class="mlab-n">trainable</th></tr></thead><tbody>${rows}</tbody></table>`,
      html`<details><summary>Configuration</summary>${facts(config)}</details>`,
    ),
  );
}
