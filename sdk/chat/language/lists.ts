/** Small helpers that let word lists be written as plain text. */

/** The words of a text, split at white space. */
export function list(text: string): string[] {
  return text.trim().split(/\s+/);
}

/** Phrases separated by "|". */
export function phrases(text: string): string[] {
  return text
    .split("|")
    .map((phrase) => phrase.trim().replace(/\s+/g, " "))
    .filter((phrase) => phrase !== "");
}

/** Entries "short its meaning", separated by "|". */
export function table(text: string): Map<string, string[]> {
  return new Map(
    phrases(text).map((entry) => {
      const [short, ...meaning] = entry.split(" ");
      return [short, meaning];
    }),
  );
}

/** The plural that most nouns of French, English and Spanish have; undefined where it is one, or ends otherwise. */
export function plainPlural(noun: string): string | undefined {
  return /[a-z]$/i.test(noun) && !/[sx]$/.test(noun) ? `${noun}s` : undefined;
}
