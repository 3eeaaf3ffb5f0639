/** UTF-8 that was read as Windows-1252 and written as UTF-8 again: "rÃ©ponse" is "réponse". */
import { isUtf8 } from "node:buffer";
import { cp1252Byte } from "../detect/oneByte.ts";

const following = "[\\u0080-\\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]";
// A first byte of UTF-8 and as many following ones as it asks for, each as Windows-1252 shows it.
const sequences = new RegExp(`[Â-ß]${following}|[à-ï]${following}{2}|[ð-ô]${following}{3}`, "g");
// What French and English texts do not hold when all is well.
const mark = new RegExp(`Ã${following}|Ã |Â[\\u00a0-\\u00bf]|â€|Å“|ðŸ`);

/** Quick: can the text hold such a place? */
export function looksDecodedTwice(text: string): boolean {
  // Most texts lack the first letter, which is found out faster than the rest.
  if (!["Ã", "Â", "â€", "Å“", "ðŸ"].some((first) => text.includes(first))) return false;
  return mark.test(text);
}

/**
 * The text as it was meant, or the text itself. A text that also holds letters as they should be was not decoded
 * twice, whatever else it holds.
 */
export function mendDecodedTwice(text: string): string {
  let current = text;
  // Some texts went through it more than once.
  for (let round = 0; round < 3 && looksDecodedTwice(current); round++) {
    // "à" ends in a no-break space then, which many programs turn into a plain one.
    const plain = current.replace(/Ã (?![\u0080-\u00bf])/g, "Ã\u00a0");
    if (/\p{L}/u.test(plain.replace(sequences, "").replace(/[\0-\x7f]/g, ""))) return current;
    const mended = plain.replace(sequences, (found) => {
      const bytes = Buffer.from(Array.from(found, cp1252Byte));
      return isUtf8(bytes) ? bytes.toString("utf8") : found;
    });
    if (mended === current) return current;
    current = mended;
  }
  return current;
}
