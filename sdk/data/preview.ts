/** Shows which tokens of an example are trained. */
import { harmless } from "../text/harmless.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { type Displayable, displayable } from "../views/bundle.ts";
import { stretchesView } from "../views/description.ts";
import { type Example, ignoredLabel } from "./example.ts";

export interface PreviewOptions {
  /** true: trained text is green, for a terminal. Default false: it stands in ⟦ ⟧. */
  color?: boolean;
}

/** A stretch of an example's text that is trained, or is not. */
export interface Stretch {
  text: string;
  trained: boolean;
}

/**
 * The text of an example, special tokens included, with what is trained marked. Control characters are shown, so that
 * data cannot steer the terminal.
 */
export function previewExample(
  example: Example,
  tokenizer: Tokenizer,
  { color = false }: PreviewOptions = {},
): string {
  const [open, close] = color ? ["\u001b[32m", "\u001b[39m"] : ["⟦", "⟧"];
  return stretches(example, tokenizer)
    .map(({ text, trained }) => (trained ? open + harmless(text) + close : harmless(text)))
    .join("");
}

/** An example as a value that a notebook shows, with what is trained highlighted. */
export function showExample(example: Example, tokenizer: Tokenizer): { stretches: Stretch[] } & Displayable {
  const value = { stretches: stretches(example, tokenizer) };
  return displayable(value, () => stretchesView(value.stretches, previewExample(example, tokenizer)));
}

function stretches({ ids, labels }: Example, tokenizer: Tokenizer): Stretch[] {
  const found: Stretch[] = [];
  let text = "";
  for (let start = 0; start < ids.length; ) {
    // A token is trained when the label before it names it.
    const isTrained = (i: number) => i > 0 && labels[i - 1] !== ignoredLabel;
    let end = start + 1;
    while (end < ids.length && isTrained(end) === isTrained(start)) end++;
    // Decoded from the beginning: alone, a stretch could lose its first space.
    const longer = tokenizer.decode(ids.subarray(0, end), { skipSpecial: false });
    found.push({ text: longer.slice(text.length), trained: isTrained(start) });
    text = longer;
    start = end;
  }
  return found;
}
