/**
 * A cell that begins with a quote which is never closed, or ends with one that was never opened: the mark belongs to
 * the file, not to the text. After a digit it may be inches, and stays.
 */
export function withoutStrayQuote(text: string, quote: string): string {
  if (quote === "" || !text.includes(quote)) return text;
  const trimmed = text.trim();
  const count = trimmed.split(quote).length - 1;
  if (count % 2 === 0) return text;
  if (trimmed.startsWith(quote)) return trimmed.slice(quote.length).replaceAll(quote + quote, quote);
  if (trimmed.endsWith(quote) && !/\d.$/.test(trimmed)) return trimmed.slice(0, -quote.length);
  return text;
}
