import type { Random } from "./random.ts";

const DROP_WORD = 0.3;
const SHUFFLE = 0.3;
const WITHOUT_ACCENTS = 0.3;
const LOWER_CASE = 0.3;

/**
 * The question as somebody in a hurry might type it: words missing, sometimes in another order, without accents or
 * capitals. Training on such copies makes the answer depend on the words and less on the sentence.
 * Source: Wei and Zou 2019, "EDA: Easy Data Augmentation Techniques" (random deletion and swap).
 *
 * @returns at least one word of the question
 */
export function noisyQuestion(question: string, random: Random): string {
  const words = question.split(/\s+/u).filter(Boolean);
  let kept = words.filter(() => random.next() >= DROP_WORD);
  if (kept.length === 0) kept = [words[random.int(words.length)]];
  if (random.next() < SHUFFLE) random.shuffle(kept);
  let text = kept.join(" ");
  if (random.next() < WITHOUT_ACCENTS) text = text.normalize("NFD").replace(/\p{M}/gu, "");
  return random.next() < LOWER_CASE ? text.toLowerCase() : text;
}
