/** Twelve thousand strings of all kinds, the same here and in test/goldens/scripts/make_tokenizers.py. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const FRAGMENTS = join(import.meta.dirname, "../fixtures/tokenizer/fragments.json");
/** Stretches of Unicode that single characters are drawn from. */
const RANGES = [
  [0x00, 0xff],
  [0x100, 0x17f],
  [0x370, 0x3ff],
  [0x400, 0x4ff],
  [0x4e00, 0x9fff],
  [0xac00, 0xd7a3],
  [0x2000, 0x206f],
  [0x1f300, 0x1f64f],
];

export function manyStrings(count = 12_500): string[] {
  const fragments = JSON.parse(readFileSync(FRAGMENTS, "utf8")) as string[];
  let state = 1;
  const draw = (n: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % n;
  };
  const piece = () => {
    const kind = draw(10);
    if (kind < 7) return fragments[draw(fragments.length)];
    if (kind === 8) return String(draw(100_000));
    if (kind === 9) return " ".repeat(draw(5));
    const [from, to] = RANGES[draw(RANGES.length)];
    return String.fromCodePoint(from + draw(to - from + 1));
  };
  return Array.from({ length: count }, (_, i) => {
    if (i < 256) return `a${String.fromCharCode(i)}b`;
    const parts = Array.from({ length: 1 + draw(6) }, piece);
    return parts.join(draw(2) === 0 ? "" : " ");
  });
}
