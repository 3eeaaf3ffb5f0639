/** What somebody meant who wrote a flag that is not there. */
import { editDistance } from "../options.ts";

/** Below it two flags have nothing to do with each other, and a guess would only mislead. */
const ALIKE = 0.5;

/**
 * The flag of `known` that is most like `flag`: by its letters (`--epoch`), by its words or their beginnings
 * (`--batch-size`, `--output`, `--learningRate`, `--num-train-epochs`), or by its initials (`--lr`). undefined where none is like it.
 */
export function nearestFlag(flag: string, known: readonly string[]): string | undefined {
  const wanted = wordsOf(flag);
  const scored = known.map((candidate) => ({ candidate, score: likeness(wanted, wordsOf(candidate)) }));
  const best = scored.sort((a, b) => b.score - a.score)[0];
  return best && best.score >= ALIKE ? best.candidate : undefined;
}

function wordsOf(flag: string): string[] {
  return flag
    .replace(/^-+|=.*$/g, "")
    .replace(/([a-z])([A-Z])/g, "$1-$2")
    .toLowerCase()
    .split(/[-_]+/);
}

/** 0 to 1. */
function likeness(wanted: readonly string[], known: readonly string[]): number {
  const [a, b] = [wanted.join("-"), known.join("-")];
  const letters = 1 - editDistance(a, b) / Math.max(a.length, b.length);
  const initials = known.length > 1 && a === known.map((word) => word[0]).join("") ? 0.9 : 0;
  const found = wanted.map((word) => Math.max(...known.map((other) => wordLikeness(word, other))));
  // Words that were left out count a little, so that the shorter of two flags with the same words comes first.
  const words = found.reduce((sum, x) => sum + x, 0) / wanted.length - 0.02 * known.length;
  // Words before it or behind it say more: `--num-train-epochs`, `--resume-from-checkpoint`.
  const held = `-${a}-`.startsWith(`-${b}-`) || `-${a}-`.endsWith(`-${b}-`) ? ALIKE + 0.05 * known.length : 0;
  return Math.max(letters, initials, words, held);
}

function wordLikeness(a: string, b: string): number {
  if (a === b) return 1;
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  if (short.length >= 3 && long.startsWith(short)) return 0.8;
  return short.length >= 4 && editDistance(a, b) <= 1 ? 0.7 : 0;
}
