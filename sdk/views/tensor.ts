/** A tensor at a glance: shape, type, statistics, a histogram, the first values. */
import { type MimeBundle, mimeBundle } from "./bundle.ts";
import { facts, html, output, TONES } from "./html.ts";
import { bytes, short, sparkline } from "./numbers.ts";

export interface TensorValue {
  name?: string;
  shape: readonly number[];
  dtype: string;
  /** Row by row; absent for what has no numbers, such as strings. */
  values?: ArrayLike<number>;
}

const BINS = 24;

/** One line: "Tensor [2, 2] float32: 1, 2, 3, 4". */
export function tensorText({ name = "Tensor", shape, dtype, values }: TensorValue): string {
  const numbers = values && `: ${Array.from(values, short).join(", ")}`;
  return `${name} [${shape.join(", ")}] ${dtype}${numbers ?? ""}`;
}

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
      html`<span title="${count}" style="display:inline-block;width:7px;margin-right:1px;vertical-align:bottom;background:${TONES.first};height:${Math.max(count > 0 ? 1 : 0, (34 * count) / most).toFixed(1)}px"></span>`,
  );
  return mimeBundle(
    `${title} ${pairs.map(([label, value]) => `${label} ${value}`).join(", ")}${counts.length > 0 ? `\n${sparkline(counts, BINS)}` : ""}${first === "" ? "" : `\n[${first}]`}`,
    output(
      html`<div class="mlab-line"><b>${title}</b></div>`,
      facts(pairs),
      counts.length > 0 && html`<div style="height:36px;white-space:nowrap">${columns}</div>`,
      first !== "" && html`<div class="mlab-line">[${first}]</div>`,
    ),
  );
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
