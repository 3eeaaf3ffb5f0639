/** Finds given token strings in text: at each place the longest, from left to right. */
export interface SplittableToken {
  id: number;
  content: string;
  /** The token swallows the white space before it. */
  lstrip: boolean;
  /** The token swallows the white space after it. */
  rstrip: boolean;
}

/**
 * @param tokens those to look for
 * @returns a function text → the parts in their order: a string for text between tokens (never ""), a number for
 * the id of a token
 */
export function tokenSplitter(tokens: readonly SplittableToken[]): (text: string) => (string | number)[] {
  if (tokens.length === 0) return (text) => (text === "" ? [] : [text]);
  const byContent = new Map(tokens.map((token) => [token.content, token]));
  // Alternatives are tried in order, so the longest comes first.
  const alternatives = [...byContent.keys()]
    .sort((a, b) => b.length - a.length)
    .map((content) => content.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  const pattern = new RegExp(`(${alternatives.join("|")})`, "u");
  return (text) => {
    // `split` with a group alternates text and token, beginning and ending with text.
    const pieces = text.split(pattern);
    for (let i = 1; i < pieces.length; i += 2) {
      const token = byContent.get(pieces[i])!;
      if (token.lstrip) pieces[i - 1] = pieces[i - 1].trimEnd();
      if (token.rstrip) pieces[i + 1] = pieces[i + 1].trimStart();
    }
    return pieces
      .map((piece, i) => (i % 2 === 1 ? byContent.get(piece)!.id : piece))
      .filter((part) => part !== "");
  };
}
