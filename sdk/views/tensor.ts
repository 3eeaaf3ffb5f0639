/** A tensor at a glance: shape, type, statistics, a histogram, the first values. */
import type { MimeBundle } from "./bundle.ts";
import { bar, facts, html, output } from "./html.ts";
import { bytes, short, sparkline } from "./numbers.ts";

export interface TensorValue {
  name?: string;
  shape: readonly number[];
  dtype: string;
  /** Row by row; absent for what has no numbers, such as strings. */
  values?: ArrayLike<number>;
}

const BINS = 24;

export function tensorView({ name, shape, dtype, values }: TensorValue): MimeBundle {
  const pairs: [string, string][] = [
    ["shape", `[${shape.join(", ")}]`],
    ["dtype", dtype],
  ];
  if (!values) return bundle(name, pairs, [], "");
  const { finite, mean, deviation, least, most, counts } = statistics(values);
  if (finite > 0)
    pairs.push(["mean", short(mean)], ["std", short(deviation)], ["min", short(least)], ["max", short(most)]);
  if (finite < values.length) pairs.push(["not finite", `${values.length - finite} of ${values.length}`]);
  const width = BYTES[dtype] ?? 4;
  pairs.push(["size", bytes(values.length * width)]);
  const first = Array.from({ length: Math.min(8, values.length) }, (_, i) => short(values[i]));
  return bundle(name, pairs, counts, `${first.join(", ")}${values.length > 8 ? ", …" : ""}`);
}

const BYTES: Record<string, number> = { float32: 4, int32: 4, bool: 1, complex64: 8 };

function bundle(
  name: string | undefined,
  pairs: [string, string][],
  counts: number[],
  first: string,
): MimeBundle {
  const most = Math.max(1, ...counts);
  const title = name ?? "Tensor";
  const columns = counts.map(
    (count) =>
      html`<span title="${count}" style="display:inline-block;width:7px;margin-right:1px;vertical-align:bottom;background:#3d7fe0;height:${Math.max(count > 0 ? 1 : 0, (34 * count) / most).toFixed(1)}px"></span>`,
  );
  return {
    "text/plain": `${title} ${pairs.map(([label, value]) => `${label} ${value}`).join(", ")}${counts.length > 0 ? `\n${sparkline(counts, BINS)}` : ""}${first === "" ? "" : `\n[${first}]`}`,
    "text/html": output(
      html`<div class="mlab-line"><b>${title}</b></div>`,
      facts(pairs),
      counts.length > 0 && html`<div style="height:36px;white-space:nowrap">${columns}</div>`,
      first !== "" && html`<div class="mlab-line">[${first}]</div>`,
    ),
  };
}

/** In two passes and double precision; what is not finite is counted apart. */
function statistics(values: ArrayLike<number>) {
  let [finite, sum, least, most] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isFinite(value)) continue;
    finite++;
    sum += value;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const mean = sum / finite;
  const counts = new Array<number>(finite > 0 && most > least ? BINS : 0).fill(0);
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isFinite(value)) continue;
    squares += (value - mean) ** 2;
    if (counts.length > 0)
      counts[Math.min(BINS - 1, Math.floor((BINS * (value - least)) / (most - least)))]++;
  }
  return { finite, mean, deviation: Math.sqrt(squares / finite), least, most, counts };
}

/** A model in numbers; `parts` are its matrices by kind with their bytes. */
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
  const million = (count: number) =>
    count >= 1e6 ? `${(count / 1e6).toFixed(2)} M` : count.toLocaleString("en-US");
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
    ({ name, kind, count, shape, bytes: size, trainable }) =>
      html`<tr><td>${name}</td><td class="mlab-n">${count}</td><td>${shape}</td><td>${kind}</td><td class="mlab-n">${bytes(size)}</td><td>${bar(size / total, "first", 8)}</td><td class="mlab-n">${trainable > 0 ? trainable.toLocaleString("en-US") : "–"}</td></tr>`,
  );
  const config = Object.entries(model.config).map(([key, value]): [string, string] => [
    key,
    String(value ?? "–"),
  ]);
  return {
    "text/plain": [
      model.source,
      pairs.map(([label, value]) => `${label}: ${value}`).join(", "),
      adapter.map(([label, value]) => `${label} ${value}`).join(", "),
      ...model.parts.map(
        ({ name, kind, count, shape, bytes: size }) => `  ${name} ${count} × ${shape} ${kind} ${bytes(size)}`,
      ),
    ]
      .filter(Boolean)
      .join("\n"),
    "text/html": output(
      html`<div class="mlab-line"><b>${model.source}</b></div>`,
      facts(pairs),
      adapter.length > 0 && facts(adapter.map(([label, value]) => [`LoRA ${label}`, value])),
      html`<table class="mlab-t"><thead><tr><th>matrix</th><th class="mlab-n">count</th><th>shape</th><th>held as</th><th class="mlab-n">memory</th><th></th><th class="mlab-n">trainable</th></tr></thead><tbody>${rows}</tbody></table>`,
      html`<details><summary>Configuration</summary>${facts(config)}</details>`,
    ),
  };
}
