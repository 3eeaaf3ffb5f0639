/** Shows which tokens of an example are trained. */
import { harmless } from "../text/harmless.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { type Example, ignoredLabel } from "./example.ts";

export interface PreviewOptions {
  /** true: trained text is green, for a terminal. Default false: it stands in ⟦ ⟧. */
  color?: boolean;
}

/**
 * The text of an example, special tokens included, with what is trained marked. Control characters are shown, so that
 * data cannot steer the terminal.
 */
export function previewExample(
  { ids, labels }: Example,
  tokenizer: Tokenizer,
  { color = false }: PreviewOptions = {},
): string {
  const [open, close] = color ? ["\u001b[32m", "\u001b[39m"] : ["⟦", "⟧"];
  let out = "";
  let text = "";
  for (let start = 0; start < ids.length; ) {
    // A token is trained when the label before it names it.
    const isTrained = (i: number) => i > 0 && labels[i - 1] !== ignoredLabel;
    let end = start + 1;
    while (end < ids.length && isTrained(end) === isTrained(start)) end++;
    // Decoded from the beginning: alone, a stretch could lose its first space.
    const longer = tokenizer.decode(ids.subarray(0, end), { skipSpecial: false });
    const stretch = harmless(longer.slice(text.length));
    out += isTrained(start) ? open + stretch + close : stretch;
    text = longer;
    start = end;
  }
  return out;
}
