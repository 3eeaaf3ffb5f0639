import type { Line } from "./report.ts";

/** Ours beside the peers', by work; shares of the limits of the same run. */
export function table(lines: readonly Line[]): string {
  const own = lines.filter(({ peer, work }) => !peer && work);
  const limits = own.find(({ work }) => work === "limits") ?? {};
  const number = (value: unknown, digits = 0) => (typeof value === "number" ? value.toFixed(digits) : "");
  const share = (value: unknown, limit: unknown) =>
    typeof value === "number" && typeof limit === "number" && limit > 0
      ? `${Math.round((100 * value) / limit)} %`
      : "";
  const rows = own
    .filter((line) => line.tokensPerSecond !== undefined || line.seconds !== undefined)
    .map((line) => {
      const kind = String(line.work).split(",")[0];
      const others = lines.filter(({ peer, work }) => peer && work === kind);
      const value = line.tokensPerSecond ?? line.seconds;
      const digits = line.tokensPerSecond === undefined ? 2 : 0;
      const theirs = others
        .map((other) => number(other.tokensPerSecond ?? other.seconds, digits))
        .join(" / ");
      const spread = line.slowest === undefined ? "" : `${number(line.slowest)} to ${number(line.fastest)}`;
      const used = share(line.tflops, limits.bfloat16Tflops) || share(line.weightTBs, limits.copyTBs);
      return [
        String(line.work),
        number(value, digits),
        spread,
        line.peakGiB === undefined ? "" : `${number(line.peakGiB, 2)} GiB`,
        used,
        theirs,
        others.map(({ peakGiB }) => (peakGiB === undefined ? "" : `${number(peakGiB, 2)} GiB`)).join(" / "),
      ];
    });
  const head = ["work", "ours", "spread", "peak", "of the limit", "peers", "peak"];
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i].length)));
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
