/**
 * Text of a model, a file or a customer, which must not steer the terminal that it is printed to: control characters
 * but line breaks and tabs are shown as \x1b and the like.
 */
export function harmless(text: string): string {
  return text.replace(
    /[^\P{Cc}\n\t]/gu,
    (character) => `\\x${character.codePointAt(0)!.toString(16).padStart(2, "0")}`,
  );
}
