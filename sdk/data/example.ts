/** What training and evaluation work on: one question and answer as token ids. */
import { checkArgument } from "../options.ts";
import type { ChatMessage } from "../text/chatTemplate.ts";

/** @throws TypeError when `value` is no list of examples, such as a table or a whole dataset */
export function checkExamples(where: string, value: unknown): void {
  const fits = Array.isArray(value) && value.every((example) => example?.ids && example.labels);
  checkArgument(`${where}: examples`, fits, "examples, as prepareDataset(…).train gives them", value);
}

/** @throws RangeError when an example has more tokens than `most`; says whose limit that is, and what to do */
export function checkLengths(where: string, examples: readonly Example[], most: number, whose: string): void {
  const long = examples.filter(({ ids }) => ids.length > most);
  if (long.length === 0) return;
  const worst = long.reduce((a, b) => (b.ids.length > a.ids.length ? b : a));
  throw new RangeError(
    `${where}: expected at most ${most} tokens, ${whose}, got ${worst.ids.length} in the example of line ${worst.line} (${long.length} of ${examples.length} are too long). Prepare the dataset with maxSeqLength: ${most}`,
  );
}

/** The label of what is not trained. */
export const ignoredLabel = -100;

/** One question and answer, ready to train on. */
export interface Example {
  /** [n] the whole conversation, BOS first, EOS last unless truncated */
  ids: Int32Array;
  /** [n] the id that follows, or -100 where the model is not trained to say it (always at the last place) */
  labels: Int32Array;
  instruction: string;
  response: string;
  /** What comes before the answer: the system prompt, if there is one, and the instruction. */
  prompt: ChatMessage[];
  /** Texts of which a right answer holds one (column `expected`, split on "|"). */
  expected?: string[];
  /** In the source file, from 1. */
  line: number;
}
