/** Numbers as people read them, the same in every view. */

/** At most `digits` places after the point, thousands apart; "–" for what is no number. */
export function number(value: number | null | undefined, digits = 4): string {
  if (value === undefined || value === null || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

/** 12345678 as "12,345,678". */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** "1 row", "2 rows". */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** A few digits whatever the size: 12,345, 1.234, 0.0123, 2.0e-4. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return number(value);
  if (size >= 1000) return number(value, 0);
  if (size >= 100) return number(value, 1);
  if (size >= 0.01 || size === 0) return String(Number(value.toPrecision(4)));
  return value.toExponential(1);
}

/** A share of 1 in percent. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/**
 * Sizes of files and memory in powers of 1024, as the system and the GPU's driver count them, in three digits: "512 B",
 * "3.40 KiB", "7.62 MiB", "13.5 GiB".
 */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = count;
  let unit = 0;
  while (Math.abs(value) >= (unit === 0 ? 1024 : 1023.5) && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const size = Math.abs(value);
  return `${unit === 0 ? value : value.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0)} ${units[unit]}`;
}

/** A time that runs, as a clock shows it: "0:48", "2:05", "1:03:20". */
export function clock(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** A time that is over: "0.4 s", "48 s", "2:05 min", "1:03:20 h". */
export function duration(seconds: number): string {
  if (seconds < 59.5) return `${seconds.toFixed(seconds < 9.95 ? 1 : 0)} s`;
  return `${clock(seconds)} ${seconds < 3599.5 ? "min" : "h"}`;
}

/** A curve in one line of text, at most `width` characters: its mean height in each part. */
export function sparkline(values: readonly number[], width = 40): string {
  const finite = values.filter(Number.isFinite);
  const columns = Math.min(width, finite.length);
  const means = Array.from({ length: columns }, (_, i) => {
    const part = finite.slice(
      Math.floor((i * finite.length) / columns),
      Math.floor(((i + 1) * finite.length) / columns),
    );
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
  const least = means.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const range = means.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY) - least || 1;
  return means.map((value) => "▁▂▃▄▅▆▇█"[Math.min(7, Math.floor((8 * (value - least)) / range))]).join("");
}
